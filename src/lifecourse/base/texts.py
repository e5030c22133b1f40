"""The text of a file that somebody wrote, which is UTF-8 or is refused by its line."""

from __future__ import annotations

from codecs import BOM_UTF8
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.base.errors import UserError


def decoded(content: bytes, name: str, error: type[UserError]) -> str:
    """`content` as text; a byte order mark, as Excel and Notepad write one, is no part of it.

    Raises
    ------
    error
        It is not UTF-8; the message names the file, the line and the place of the byte, and none of its text.
    """
    text = content.removeprefix(BOM_UTF8)
    try:
        return text.decode()
    except UnicodeDecodeError as wrong:
        line = text.count(b"\n", 0, wrong.start) + 1
        byte = len(content) - len(text) + wrong.start + 1
        raise error(
            f"{name}, line {line}: not UTF-8 (byte {byte} of the file). Save it as UTF-8: in Excel as "
            "'CSV UTF-8', in Notepad by 'Save as' with the encoding UTF-8."
        ) from None


def read_utf8(path: Path, error: type[UserError]) -> str:
    """The text of `path`, its ends of lines as they are.

    Raises
    ------
    error
        As `decoded`.
    """
    return decoded(path.read_bytes(), path.name, error)


def opened_utf8(path: Path, error: type[UserError]) -> StringIO:
    """The text of `path` by lines, as `csv` wants them.

    Raises
    ------
    error
        As `decoded`.
    """
    return StringIO(read_utf8(path, error), newline="")
