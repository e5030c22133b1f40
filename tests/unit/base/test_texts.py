"""What people save in another encoding is refused by its line; a byte order mark is not in the way."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lifecourse.base.errors import ConfigError
from lifecourse.base.texts import decoded, opened_utf8
from lifecourse.base.yaml import Document, load_document

if TYPE_CHECKING:
    from pathlib import Path


class Named(Document):
    name: str


def test_a_document_in_latin_1_is_refused_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "n.yaml").write_bytes("# eins\nname: Größe\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"n.yaml, line 2: not UTF-8 \(byte 16 of the file\)"):
        load_document(tmp_path / "n.yaml", Named)


def test_a_byte_order_mark_is_no_part_of_a_document_nor_of_a_column(tmp_path: Path) -> None:
    (tmp_path / "n.yaml").write_bytes("name: Größe\n".encode("utf-8-sig"))
    assert load_document(tmp_path / "n.yaml", Named).name == "Größe"
    (tmp_path / "n.csv").write_bytes('sample,person\r\nNA1,"Ł\r\nK"\r\n'.encode("utf-8-sig"))
    with opened_utf8(tmp_path / "n.csv", ConfigError) as lines:
        assert list(csv.DictReader(lines)) == [{"sample": "NA1", "person": "Ł\r\nK"}]


def test_text_is_read_as_python_reads_it_or_refused_at_the_first_wrong_byte() -> None:
    draw = np.random.default_rng(3)
    for _ in range(300):
        content = "".join(draw.choice(list("ab\nßŁ"), 20)).encode()
        place = int(draw.integers(0, len(content) + 1))
        assert decoded(content, "f", ConfigError) == content.decode()
        # 0xff begins nothing in UTF-8; put between two characters it is the first wrong byte.
        try:
            content[:place].decode()
        except UnicodeDecodeError:
            continue
        line = content[:place].decode().count("\n") + 1
        with pytest.raises(ConfigError, match=rf"f, line {line}: .*byte {place + 1} of"):
            decoded(content[:place] + b"\xff" + content[place:], "f", ConfigError)
