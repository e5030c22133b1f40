"""`lifecourse featurize`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import (
    actor_of,
    add_identity,
    add_store,
    add_unsealed,
    existing,
    leaving,
    purpose_of,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse

    import numpy as np
    import numpy.typing as npt


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE, --labels, --recipe, --splits and --out."""
    add_store(parser)
    parser.add_argument(
        "--labels", metavar="FILE", type=Path, required=True, help="what `lifecourse label` wrote"
    )
    parser.add_argument(
        "--recipe",
        metavar="FILE",
        type=Path,
        help="which covariates (default: the built-in recipe)",
    )
    parser.add_argument(
        "--splits",
        metavar="FILE",
        type=Path,
        help="a MEDS subject_splits.parquet: its split `train` alone decides which codes get columns (default: all)",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="where features go")
    add_unsealed(parser)
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Featurize part by part, give the shape."""
    from lifecourse.base.progress import shown_progress
    from lifecourse.features import load_recipe, write_features
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline

    file = existing(arguments.labels, "labels file")
    timeline = open_timeline(
        store_of(arguments.store),
        actor=actor_of(arguments),
        purpose=purpose_of(arguments),
        to=Action.LEARN,
    )
    labels = timeline.derived.read_table(file)
    timeline = leaving(arguments, timeline)
    recipe = load_recipe(arguments.recipe) if arguments.recipe else load_recipe()
    training = training_people(arguments.splits) if arguments.splits else None
    with shown_progress() as progress:
        shape = write_features(
            timeline, labels, recipe, arguments.out, training=training, progress=progress
        )
    return {**shape, "out": str(arguments.out)}


def training_people(splits: Path) -> npt.NDArray[np.int64]:
    """The ids of the split ``train`` in a MEDS ``subject_splits.parquet``.

    Raises
    ------
    UserError
        The file is absent, has other columns, or no one in the split.
    """
    import numpy as np
    import polars as pl

    from lifecourse.base.errors import UserError

    table = pl.read_parquet(existing(splits, "splits file"))
    if not {"subject_id", "split"} <= set(table.columns):
        raise UserError(
            f"'{splits.name}' is no table of splits. It needs the columns subject_id and split."
        )
    people = table.filter(pl.col("split").cast(pl.String) == "train")["subject_id"]
    if not len(people):
        raise UserError(f"'{splits.name}' has nobody in the split 'train', so no code is known.")
    return people.to_numpy().astype(np.int64)


def text(report: dict[str, Any]) -> str:
    """The shape, a fact a line."""
    return facts(report)


COMMAND = Command(
    example="lifecourse featurize workspace --labels labels.parquet --out features",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
