"""`lifecourse pgx`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.base.texts import read_utf8
from lifecourse.cli.command import Command

if TYPE_CHECKING:
    import argparse

    from lifecourse.care.pgx.calling import OutsideCall


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE and --outside."""
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a VCF, or JSON: an object with genotypes, or a list of them",
    )
    parser.add_argument(
        "--outside",
        type=Path,
        metavar="FILE.tsv",
        help="calls of other laboratories (CYP2D6, HLA): gene, diplotype, phenotype and activity score, by tabs",
    )


def call(arguments: argparse.Namespace) -> Any:
    """The calls, one object for each input in its order; for a VCF one for each sample."""
    if not arguments.file.is_file():
        raise UserError(f"{arguments.file.name} is not there. Give a VCF or JSON file.")
    outside = _outside(arguments.outside)
    if arguments.file.suffix.lower() == ".json":
        return _of_json(arguments.file, outside)
    return _of_vcf(arguments.file, outside)


def _outside(path: Path | None) -> dict[str, OutsideCall]:
    from lifecourse.care.pgx.reading import outside_calls

    if path is None:
        return {}
    try:
        lines = read_utf8(path, UserError).splitlines()
    except OSError:
        raise UserError(f"cannot read {path.name}. Give a text file.") from None
    return outside_calls(lines, path.name)


def _of_json(path: Path, outside: dict[str, OutsideCall]) -> Any:
    import orjson

    from lifecourse.care.pgx.calling import call_genes
    from lifecourse.care.pgx.reading import as_document, calls_of_document

    try:
        given = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as broken:
        raise UserError(f"{path.name}, line {broken.lineno}: not valid JSON.") from None
    if isinstance(given, dict) and isinstance(given.get("calls"), list):
        given = given["calls"]
    rows = given if isinstance(given, list) else [given]
    results = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise UserError(f"{path.name}, input {number}: must be an object.")
        calls = calls_of_document(row, f"{path.name}, input {number}")
        calls.update(call_genes({}, outside, only=()))
        results.append({gene: as_document(found) for gene, found in calls.items()})
    return results if isinstance(given, list) else results[0]


def _of_vcf(path: Path, outside: dict[str, OutsideCall]) -> list[dict[str, Any]]:
    """Through the one door: the file becomes a store that is gone again afterwards."""
    import tempfile

    from lifecourse.base.files import removed_for_good
    from lifecourse.care.pgx.reading import as_document, calls_of_chart
    from lifecourse.privacy.access.asking import Action
    from lifecourse.schema.actor import Actor, Purpose
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.ingestion import ingest

    with tempfile.TemporaryDirectory(prefix="lifecourse-pgx-") as scratch:
        store = Path(scratch) / "store"
        try:
            ingest(path, store, kind="genome")
            actor = Actor(name="lifecourse pgx")
            timeline = open_timeline(
                store, actor=actor, purpose=Purpose.OPERATIONS, to=Action.LEARN
            )
            return [
                {gene: as_document(found) for gene, found in calls_of_chart(chart, outside).items()}
                for chart in timeline.charts()
            ]
        finally:
            # Without its key what was laid aside is noise, wherever the disk keeps it.
            removed_for_good(Path(scratch) / "store.key")


def text(result: Any) -> str:
    """A gene a line."""
    rows = result if isinstance(result, list) else [result]
    return "\n\n".join(
        "\n".join(
            f"{gene:<9} {' or '.join(found['diplotypes']) or 'no call'}: {found['phenotype']}"
            + (f" ({len(found['missing'])} positions not tested)" if found["missing"] else "")
            for gene, found in calls.items()
        )
        or "no gene that is known is spoken of"
        for calls in rows
    )


COMMAND = Command(
    example="lifecourse pgx genotypes.json --json",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
