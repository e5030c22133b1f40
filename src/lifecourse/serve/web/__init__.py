"""Pages: the one place that makes HTML."""
