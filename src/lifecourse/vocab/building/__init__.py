"""Vocabularies made of what a site owns: an OMOP Athena export, ICD-10-CM."""

from lifecourse.vocab.building.build import build_vocabulary

__all__ = ["build_vocabulary"]
