"""Genomics Observations: which gene a diplotype, a phenotype or a variant is of.

In the HL7 Genomics Reporting Implementation Guide (STU 2) the gene is the component "gene studied", LOINC 48018-6, of a
genotype (84413-4), a haplotype (84414-2), a variant (69548-6) or a therapeutic implication.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.records.fhir.coding import coded, word

if TYPE_CHECKING:
    from collections.abc import Iterable

GENE_STUDIED = "LOINC//48018-6"


def gene_of(components: Iterable[dict[str, Any]]) -> str | None:
    """The symbol of the gene studied, as its component says it; None where no component does."""
    for part in components:
        concept = part.get("valueCodeableConcept")
        if (
            isinstance(concept, dict)
            and (coded(part.get("code"), ("LOINC",)) or ("",))[0] == GENE_STUDIED
        ):
            found = coded(concept, ())
            return (found[1] if found else None) or word(concept.get("text"))
    return None
