"""The same option in the same words on every command."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lifecourse.base.errors import UserError

if TYPE_CHECKING:
    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.timeline.access import Timeline

PURPOSES = ("direct_care", "operations", "research")
PEOPLE = ("identified", "pseudonymous", "synthetic")
LARGEST_SEED = 2**63 - 1
STORE_PARTS = ("log", "parts")
KINDS = ("fhir", "omop", "meds", "genome", "delimited", "hl7v2", "ccda", "series", "exposures")


def add_source(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """SOURCE, or one and more of them, and how to read it."""
    records = (
        "a file or folder of records: FHIR, OMOP, MEDS, HL7 v2, C-CDA, tables with a mapping, genomes (VCF), readings "
        "of devices or exposures (CSV by place and year)"
    )
    if several:
        records += "; several are read one after the other, NAME=SOURCE states the issuer of each"
        parser.add_argument("source", metavar="SOURCE", type=Path, nargs="+", help=records)
    else:
        parser.add_argument("source", metavar="SOURCE", type=Path, help=records)
    parser.add_argument(
        "--as", dest="kind", choices=KINDS, help="the kind of SOURCE (default: detected)"
    )
    parser.add_argument(
        "--issuer",
        metavar="NAME",
        help="who gave the person ids: the same id of the same issuer is the same person (default: the kind of SOURCE; "
        "of genomes and readings of devices, who named the people of the store)",
    )
    parser.add_argument(
        "--timezone",
        metavar="TZ",
        help="zone of times without an offset, such as Europe/Vienna (default: UTC)",
    )


def add_protection(parser: argparse.ArgumentParser) -> None:
    """Whose records these are, and how a new store is protected."""
    parser.add_argument(
        "--identifiability",
        choices=PEOPLE,
        help="of a new store: real people, pseudonyms, or nobody (default: identified)",
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="leave a new store of real people unencrypted (synthetic ones always are)",
    )
    parser.add_argument(
        "--mapping",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="what tables mean: YAML, or a name of the library; or a CSV that maps local codes to standard ones; may "
        "be given again",
    )


def add_store(parser: argparse.ArgumentParser) -> None:
    """STORE, which may be a workspace."""
    parser.add_argument(
        "store", metavar="STORE", type=Path, help="a store, or a workspace around one"
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """MODEL: a folder, or the name of one in the workspace of STORE."""
    parser.add_argument(
        "model", metavar="MODEL", help="a model folder, or its name in the workspace"
    )


def add_actor(parser: argparse.ArgumentParser) -> None:
    """Who asks, for the audit log."""
    parser.add_argument(
        "--actor",
        metavar="NAME",
        help="who asks, for the audit log (default: the user of this machine)",
    )


def add_identity(parser: argparse.ArgumentParser, *, purpose: str) -> None:
    """Who asks, and why; both go to the audit log."""
    add_actor(parser)
    parser.add_argument(
        "--purpose", choices=PURPOSES, default=purpose, help=f"why (default: {purpose})"
    )


def add_unsealed(parser: argparse.ArgumentParser) -> None:
    """--unsealed: files that other programs open."""
    parser.add_argument(
        "--unsealed",
        action="store_true",
        help="write files that open without the store's key, for other programs: they leave its encryption, which is "
        "entered in the audit log (files of plain stores always do)",
    )


def leaving(arguments: argparse.Namespace, timeline: Timeline) -> Timeline:
    """`timeline`, writing files that leave its store's encryption where --unsealed says so."""
    if not arguments.unsealed or not timeline.derived.seals:
        return timeline
    from dataclasses import replace

    timeline.record("write unsealed", str(arguments.out.name))
    return replace(timeline, derived=timeline.derived.unsealed())


def add_subject(parser: argparse.ArgumentParser, *, everyone: str | None = None) -> None:
    """--subject ID, or --all."""
    choice = parser.add_mutually_exclusive_group(required=everyone is not None)
    choice.add_argument("--subject", metavar="ID", type=subject, help="one person, by subject id")
    if everyone is not None:
        choice.add_argument("--all", action="store_true", help=everyone)


def actor_of(arguments: argparse.Namespace) -> Actor:
    """The actor named on the command line, else the user of this machine."""
    from lifecourse.schema.actor import Actor

    return Actor(name=arguments.actor or machine_user())


def purpose_of(arguments: argparse.Namespace) -> Purpose:
    """The purpose named on the command line."""
    from lifecourse.schema.actor import Purpose

    return Purpose(arguments.purpose)


def machine_user() -> str:
    """The user of this machine by name, by number where it has no name (as in containers)."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def whole_number(text: str) -> int:
    """`text` as a number of people or a seed: 0 or more."""
    try:
        number = int(text.replace(",", "").replace("_", ""))
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of 0 or more")
    return number


def subject(text: str) -> int:
    """`text` as a subject id; what a source calls somebody is none, and is not repeated."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "a subject id is a whole number, as `lifecourse predict` and the pages list them. It is not what a source "
            "calls somebody: how one is found from the other is in docs/how-to/own-records.md, 'Find a person'"
        ) from None


def seed(text: str) -> int:
    """`text` as a seed of random numbers: 0 to 2^63 - 1."""
    number = whole_number(text)
    if number > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"a seed is at most {LARGEST_SEED}")
    return number


def out_place(text: str) -> Path:
    """`text` as a path that can be written to."""
    path = Path(text)
    _check_writable(path.parent)
    return path


def out_file(text: str) -> Path:
    """`text` as a file to be written: no folder, and where folders can be made."""
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"'{text}' is a folder. Give the path of a file")
    return out_place(text)


def out_folder(text: str) -> Path:
    """`text` as a folder to write in: no file, no store, and where folders can be made."""
    path = Path(text)
    if all((path / part).is_dir() for part in STORE_PARTS):
        raise argparse.ArgumentTypeError(f"'{text}' is a store. Give another folder")
    _check_writable(path)
    return path


def _check_writable(folder: Path) -> None:
    """Refuse a folder that is a file, or that neither is there nor can be made."""
    whole = folder.absolute()
    there = next(path for path in (whole, *whole.parents) if path.exists())
    if not there.is_dir():
        raise argparse.ArgumentTypeError(f"'{there}' is a file. Give a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(f"nothing can be written in '{there}': it is not yours")


def moment(text: str) -> datetime:
    """`text` as a moment: a day begins at midnight UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no date such as 2026-05-01") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def existing(path: Path, what: str) -> Path:
    """`path`, which must exist.

    Raises
    ------
    UserError
        There is nothing at `path`.
    """
    if not path.exists():
        raise UserError(f"there is no {what} at {path}. Check the path.")
    return path
