"""What is around people: air, deprivation and the like, by place and period."""
