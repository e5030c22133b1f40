"""What people write in YAML is refused by file, line and key, whatever is wrong with it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from lifecourse.base.errors import ConfigError
from lifecourse.base.yaml import Document, load_document, parse_document

if TYPE_CHECKING:
    from pathlib import Path


class Diary(Document):
    kept_by: str
    begun: date


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kept_by: Ada\nbegun: 2026-13-45\n", "diary.yaml, line 2: a date that no calendar has"),
        ("begun: 2026-02-30\nkept_by: Ada\n", "diary.yaml, line 1: a date that no calendar has"),
        ("", "diary.yaml, line 1: document: write `name: value` lines here"),
        ("- Ada\n", "diary.yaml, line 1: document: write `name: value` lines here"),
        ("kept_by: Ada\nbegun: {{\n", "diary.yaml, line .: not valid YAML"),
        ("kept_by: Ada\n", "diary.yaml, line 1: begun: Field required"),
        ("kept_by: Ada\nbegun: 2026-02-03\nended: no\n", "diary.yaml, line 3: ended"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_where_it_does_not(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_document(text, Diary, where="diary.yaml")


def test_a_day_is_read_as_one_and_an_absent_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "diary.yaml").write_text("kept_by: Ada\nbegun: 2024-02-29\n")
    assert load_document(tmp_path / "diary.yaml", Diary).begun == date(2024, 2, 29)
    with pytest.raises(ConfigError, match=r"there is no file other\.yaml"):
        load_document(tmp_path / "other.yaml", Diary)
