"""Numbers in, a picture and a table of the same numbers out. No medicine here."""
