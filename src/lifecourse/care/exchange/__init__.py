"""Plans for other systems."""
