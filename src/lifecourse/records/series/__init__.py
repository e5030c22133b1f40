"""Series of readings: what is measured, readings in one form, the events of a day; whatever source they came from."""
