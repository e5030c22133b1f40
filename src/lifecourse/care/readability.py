"""How many years at school a text asks for."""

from __future__ import annotations

import re

WORD = re.compile(r"[A-Za-z']+|\d+(?:\.\d+)?")
SENTENCE = re.compile(r"[.!?]+(?:\s|$)")
VOWELS = re.compile(r"[aeiouy]+")
SPELLED_OTHERWISE = {"diabetes": 4}
# Vowels side by side that are spoken apart: ide-a, sci-ence, ri-ot, du-al, flu-id, be-ing.
HIATUS = re.compile(
    r"[aeiou]ing$|i[ao](?!n|us)|ie(?:t|nc|nt)|eo(?!n|us)|ua(?!r)|uous|ea(?=t[eo]r?$)|uid|ism$|(?<=[a-z]{3})ier$"
)
SILENT_END = re.compile(r"(?:[^aeiouyl]e|[^aeiouydt]ed|[^aeiouyszxhgc]es)$")


def reading_grade(text: str) -> float:
    """The Flesch-Kincaid grade of an English text: 0.39 words a sentence + 11.8 syllables a word - 15.59.

    Kincaid 1975, Naval Technical Training Command Research Branch Report 8-75. A number counts as one word of one
    syllable.

    Raises
    ------
    ValueError
        There is no word in `text`.
    """
    words = WORD.findall(text)
    if not words:
        raise ValueError("there is no word to grade")
    sentences = max(1, len(SENTENCE.findall(text)))
    spoken = sum(syllables(word) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * spoken / len(words) - 15.59


def syllables(word: str) -> int:
    """The syllables of an English word, by its spelling; at least one."""
    letters = word.lower().replace("'", "")
    if letters in SPELLED_OTHERWISE:
        return SPELLED_OTHERWISE[letters]
    count = len(VOWELS.findall(letters)) + len(HIATUS.findall(letters))
    if SILENT_END.search(letters):
        count -= 1
    return max(1, count)
