"""What codes mean: systems, codelists, units, and what sources' codes stand for."""

from lifecourse.vocab.mapping import map_codes
from lifecourse.vocab.normalise import normalise

__all__ = ["map_codes", "normalise"]
