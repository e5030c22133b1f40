"""Who may see what of whom, and why: policies, what they are asked, and what they know of a person."""
