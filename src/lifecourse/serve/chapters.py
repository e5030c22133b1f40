"""In which chapter of ICD-10 an outcome lies."""

from __future__ import annotations

from bisect import bisect_right

from lifecourse.models.outcomes.catalogue import DEATH_NAME, PHENOTYPE
from lifecourse.schema.code import SEPARATOR

# First category and title (shortened) of each chapter: WHO, ICD-10 version 2019, https://icd.who.int/browse10/2019/en.
CHAPTERS = (
    ("A00", "Infections"),
    ("C00", "Neoplasms"),
    ("D50", "Blood and immunity"),
    ("E00", "Endocrine, metabolic"),
    ("F00", "Mental"),
    ("G00", "Nervous system"),
    ("H00", "Eye"),
    ("H60", "Ear"),
    ("I00", "Circulation"),
    ("J00", "Respiration"),
    ("K00", "Digestion"),
    ("L00", "Skin"),
    ("M00", "Muscles, joints, bones"),
    ("N00", "Urinary, genital"),
    ("O00", "Pregnancy, birth"),
    ("P00", "Perinatal"),
    ("Q00", "Congenital"),
    ("R00", "Symptoms, findings"),
    ("S00", "Injury, poisoning"),
    ("U00", "Special purposes"),
    ("V01", "External causes"),
    ("Z00", "Contact with services"),
)
STARTS = [start for start, _ in CHAPTERS]
ICD10 = ("ICD10", "ICD10CM")
OF_PHENOTYPES, OF_DEATH, OTHER = "Phenotypes", "Death", "Other diagnoses"
ORDER = (*(title for _, title in CHAPTERS), OTHER, OF_PHENOTYPES, OF_DEATH)


def chapter_of(outcome: str) -> str:
    """One of `ORDER`, by the name of an outcome: ``ICD10//E11``, ``phenotype//ckd``, ``death``."""
    system, _, code = outcome.partition(SEPARATOR)
    if system == DEATH_NAME:
        return OF_DEATH
    if system == PHENOTYPE:
        return OF_PHENOTYPES
    place = bisect_right(STARTS, code)
    return CHAPTERS[place - 1][1] if system in ICD10 and place else OTHER
