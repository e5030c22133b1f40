"""`lifecourse vocabulary`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import existing
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which file."""
    parser.add_argument(
        "action",
        choices=("build", "show"),
        help="build: make the file; show: what it has, or what it knows of a code",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the vocabulary (.parquet)")
    parser.add_argument(
        "code", metavar="CODE", nargs="?", help="with show: a code, as SYSTEM//CODE"
    )
    parser.add_argument(
        "--athena",
        metavar="DIR",
        type=Path,
        help="with build: an OMOP Athena download (CONCEPT.csv, CONCEPT_RELATIONSHIP.csv, CONCEPT_ANCESTOR.csv)",
    )
    parser.add_argument(
        "--icd10cm",
        action="store_true",
        help="with build: ICD-10-CM with its blocks and chapters (needs lifecourse[icd10cm])",
    )
    parser.add_argument(
        "--to", metavar="SYSTEM", help="with show CODE: what it is in another system, such as ATC"
    )


def call(arguments: argparse.Namespace) -> Any:
    """Build the file; or say what it holds, or knows of a code."""
    if arguments.action == "build":
        return _build(arguments)
    from lifecourse.vocab.systems import tidy_code
    from lifecourse.vocab.vocabulary import Vocabulary

    vocabulary = Vocabulary(existing(arguments.file, "vocabulary"))
    if arguments.code is None:
        return {"source": vocabulary.source, "concepts": vocabulary.counts}
    code = tidy_code(arguments.code)
    if arguments.to is not None:
        return {"code": code, arguments.to: vocabulary.translate(code, arguments.to)}
    known = vocabulary.known([code]).get(code)
    if known is None:
        raise UserError(f"the vocabulary has no code {code}. Codes are SYSTEM//CODE.")
    return {
        "code": code,
        "name": known.name,
        "maps_to": list(known.maps),
        "is_a": list(known.ancestors),
        "under_it": len(vocabulary.descendants(code)) - 1,
    }


def _build(arguments: argparse.Namespace) -> dict[str, Any]:
    from lifecourse.vocab.building import build_vocabulary

    if arguments.code is not None or arguments.to is not None:
        raise UserError("CODE and --to are of `vocabulary show`.")
    return build_vocabulary(arguments.file, athena=arguments.athena, icd10cm=arguments.icd10cm)


def text(report: dict[str, Any]) -> str:
    """A fact a line."""
    return facts(report)


COMMAND = Command(
    example="lifecourse vocabulary build vocabulary.parquet --athena athena --icd10cm",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
