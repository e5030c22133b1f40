"""Who treats whom: a table that a hospital's scheduling or admission system can write every night.

``actor,subject_id,from,until``, or, from those who do not know subject ids, ``actor,system,identifier,from,until``: the
system and value of any identifier of the person, or the issuer and person id of a source. Days are inclusive; an empty
``until`` goes on.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.base.errors import ConfigError
from lifecourse.base.texts import read_utf8

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

BY_SUBJECT = ("actor", "subject_id", "from", "until")
BY_IDENTIFIER = ("actor", "system", "identifier", "from", "until")


def treated_by(
    path: Path, actor: str, moment: datetime, identities: Callable[[], pl.DataFrame] | None
) -> frozenset[int]:
    """The subject ids of those whom `actor` treats at `moment`; none where there is no file.

    Parameters
    ----------
    identities : gives ``subject_id issuer subject_key system value`` of the store, where it knows who its people are

    Raises
    ------
    ConfigError
        The file has other columns, or a line that cannot be read; the message says which line.
    """
    if not path.is_file():
        return frozenset()
    state = path.stat()
    table = _table(path, state.st_mtime_ns, state.st_size)
    today = moment.date()
    is_now = (pl.col("from").is_null() | (pl.col("from") <= today)) & (
        pl.col("until").is_null() | (pl.col("until") >= today)
    )
    mine = table.filter((pl.col("actor") == actor) & is_now)
    if "subject_id" in mine.columns:
        return frozenset(mine["subject_id"].to_list())
    if identities is None or mine.is_empty():
        return frozenset()
    return _looked_up(mine, identities())


def _looked_up(mine: pl.DataFrame, identities: pl.DataFrame) -> frozenset[int]:
    """An identifier that two people have is nobody's."""
    named = pl.concat(
        [
            identities.select("subject_id", system="issuer", identifier="subject_key"),
            identities.select("subject_id", "system", identifier="value"),
        ]
    ).unique()
    is_one = pl.col("subject_id").n_unique().over("system", "identifier") == 1
    found = mine.join(named.filter(is_one), on=["system", "identifier"])
    return frozenset(found["subject_id"].to_list())


@lru_cache(maxsize=4)
def _table(path: Path, changed: int, size: int) -> pl.DataFrame:
    del changed, size
    text = read_utf8(path, ConfigError).encode()
    table = pl.read_csv(text, infer_schema=False, truncate_ragged_lines=False)
    if set(table.columns) not in (set(BY_SUBJECT), set(BY_IDENTIFIER)):
        raise ConfigError(
            f"{path.name}, line 1: the columns are {', '.join(BY_SUBJECT)}, or {', '.join(BY_IDENTIFIER)}."
        )
    days = [_day(table, path, name) for name in ("from", "until")]
    table = table.with_columns(days)
    if "subject_id" in table.columns:
        table = table.with_columns(_numbers(table, path))
    return table


def _day(table: pl.DataFrame, path: Path, name: str) -> pl.Series:
    """Days; text that is none is an error, not an end that never comes."""
    written = table[name].replace("", None)
    days = written.str.to_date("%Y-%m-%d", strict=False)
    _check(written, days, path, name, "a day such as 2026-11-26")
    return days


def _numbers(table: pl.DataFrame, path: Path) -> pl.Series:
    numbers = table["subject_id"].cast(pl.Int64, strict=False)
    if numbers.null_count():
        line = int(numbers.is_null().arg_true()[0]) + 2
        raise ConfigError(f"{path.name}, line {line}: subject_id is a whole number.")
    return numbers


def _check(written: pl.Series, read: pl.Series, path: Path, name: str, wanted: str) -> None:
    wrong = (written.is_not_null() & read.is_null()).arg_true()
    if len(wrong):
        raise ConfigError(f"{path.name}, line {int(wrong[0]) + 2}: '{name}' is {wanted}, or empty.")


def forget(path: Path, subject_id: int, identifiers: frozenset[str]) -> None:
    """Take a person's lines out of the file."""
    from lifecourse.base.files import rewritten_for_good

    if not path.is_file():
        return
    lines = read_utf8(path, ConfigError).splitlines(keepends=True)
    theirs = {str(subject_id), *identifiers}
    kept = [
        line
        for number, line in enumerate(lines)
        if number == 0 or not theirs & {cell.strip('" \r\n') for cell in line.split(",")}
    ]
    if len(kept) < len(lines):
        with rewritten_for_good(path) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")
