"""Recommendations as data: a closed set of operators, five answers, worked cases that run at load."""
