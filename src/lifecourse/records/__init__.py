"""Sources to events: the only code that sees identified data, imported by `timeline.ingestion` alone."""
