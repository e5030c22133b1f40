"""CDS Hooks 2.0: the plan as cards inside the record system a clinician already has open."""
