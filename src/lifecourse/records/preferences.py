"""Of several codings of one fact, which is taken: the systems in order, by what is coded; others come after them."""

from __future__ import annotations

CONDITIONS = ("SNOMED", "ICD10CM", "ICD10", "ICD9CM")
DRUGS = ("RxNorm", "NDC", "ATC", "SNOMED")
MEASUREMENTS = ("LOINC", "SNOMED")
PROCEDURES = ("SNOMED", "CPT4", "HCPCS", "ICD10PCS")
VACCINES = ("CVX", "NDC", "SNOMED")
ANY: tuple[str, ...] = ()
