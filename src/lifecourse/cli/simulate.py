"""`lifecourse simulate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import KINDS, out_folder, seed, whole_number
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts, plainly, table

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many, how, where to, and how much of the truth; or the report."""
    parser.add_argument(
        "--subjects", metavar="N", type=whole_number, default=1000, help="how many people (1,000)"
    )
    parser.add_argument(
        "--seed",
        metavar="S",
        type=seed,
        default=1,
        help="the same seed, the same people (1)",
    )
    parser.add_argument("--format", choices=KINDS, default="fhir", help="the standard (fhir)")
    parser.add_argument("--out", metavar="DIR", type=out_folder, help="a new folder")
    parser.add_argument(
        "--futures",
        metavar="F",
        type=whole_number,
        default=4,
        help="lives that each true risk is the average of; 0 leaves the risks out (4)",
    )
    parser.add_argument(
        "--treatments", action="store_true", help="true risks with and without each treatment too"
    )
    parser.add_argument(
        "--oracle",
        metavar="N",
        type=whole_number,
        default=0,
        help="also the risk attainable from the records, learned from N other people (0: not)",
    )
    parser.add_argument(
        "--ablations",
        action="store_true",
        help="with --oracle: also what is attainable without genes, lifestyle and environment",
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="write nothing: measure on N people, rounded up to 10,000s, that the hospital flatters "
        "nobody",
    )


def call(arguments: argparse.Namespace) -> Any:
    """Simulate and give the counts, or measure the hospital."""
    if arguments.report:
        from lifecourse.simulation.requirements import check_hospital

        return _plainly(check_hospital(arguments.subjects, arguments.seed))
    if arguments.out is None:
        raise UserError("simulate needs --out DIR, a new folder for the records; or --report.")
    from lifecourse.simulation import simulate

    report = simulate(
        arguments.subjects,
        arguments.seed,
        arguments.format,
        arguments.out,
        futures=arguments.futures,
        treatments=arguments.treatments,
        oracle_people=arguments.oracle,
        ablations=arguments.ablations,
    )
    return plainly(report)


def _plainly(report: Any) -> dict[str, Any]:
    """The report with what it derives: what is kept, and the share of age and sex."""
    told = dict(plainly(report))
    for shown, each in zip(told["requirements"], report.requirements, strict=True):
        shown["is_kept"] = each.is_kept
    for shown, each in zip(told["discriminations"], report.discriminations, strict=True):
        shown["age_sex_share"] = each.age_sex_share
    return {**told, "is_kept": report.is_kept}


def text(report: dict[str, Any]) -> str:
    """The counts, a fact a line; of a report its tables."""
    if "requirements" not in report:
        return facts(report)
    kept = sum(each["is_kept"] for each in report["requirements"])
    return "\n\n".join(
        [
            table(report["requirements"], ["name", "value", "low", "high", "is_kept"]),
            table(report["discriminations"]),
            f"{kept} of {len(report['requirements'])} requirements hold on {report['people']:,} people",
        ]
    )


COMMAND = Command(
    example="lifecourse simulate --subjects 1000 --seed 1 --format fhir --out hospital",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
