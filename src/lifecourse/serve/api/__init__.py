"""Every page as data."""
