"""What the record means for this person: scores, rules, plans."""
