"""What is wrong with a study before a model is fitted: leaks, too little to learn from, labels that hang on being seen.

One question per file; each answers with concerns, of which a grave one stops the study.
"""

from lifecourse.models.diagnostics.concern import Concern
from lifecourse.models.diagnostics.study import diagnose, diagnose_followed

__all__ = ["Concern", "diagnose", "diagnose_followed"]
