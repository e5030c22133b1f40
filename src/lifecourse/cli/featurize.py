"""`lifecourse featurize`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import UserError
from lifecourse.cli.arguments import (
    actor_of,
    add_identity,
    add_store,
    add_unsealed,
    existing,
    leaving,
    out_folder,
    purpose_of,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import facts
from lifecourse.cli.workspace import store_of

if TYPE_CHECKING:
    import argparse

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from lifecourse.timeline.derived import Derived


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
    parser.add_argument(
        "--out", metavar="DIR", type=out_folder, required=True, help="where features go"
    )
    add_unsealed(parser)
    add_identity(parser, purpose="operations")


def call(arguments: argparse.Namespace) -> Any:
    """Featurize part by part, give the shape."""
    import numpy as np

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
    labels = rows_to_describe(file, timeline.derived)
    n_unknown = int((~np.isin(labels["subject_id"], timeline.subject_ids())).sum())
    timeline = leaving(arguments, timeline)
    recipe = load_recipe(arguments.recipe) if arguments.recipe else load_recipe()
    training = training_people(arguments.splits) if arguments.splits else None
    with shown_progress() as progress:
        shape = write_features(
            timeline, labels, recipe, arguments.out, training=training, progress=progress
        )
    return {**shape, "rows_of_people_not_in_the_store": n_unknown, "out": str(arguments.out)}


def rows_to_describe(file: Path, derived: Derived) -> pl.DataFrame:
    """The labels in `file`: ``subject_id`` Int64 and ``prediction_time`` Datetime(us) in UTC, none of them null.

    Raises
    ------
    UserError
        The file is no Parquet, or a column is absent, of another kind or without a value somewhere.
    """
    import polars as pl

    table = _table_of(file, derived, "labels", ("subject_id", "prediction_time"))
    kind = table.schema["prediction_time"]
    if not isinstance(kind, pl.Datetime | pl.Date):
        raise UserError(
            f"prediction_time in '{file.name}' holds {kind}, and no moments. Write it as a timestamp."
        )
    time = pl.col("prediction_time").cast(
        pl.Datetime("us")
    )  # of one with a zone, the moment in UTC
    return table.with_columns(time)


def _table_of(file: Path, derived: Derived, what: str, columns: tuple[str, ...]) -> pl.DataFrame:
    """The Parquet table in `file`, which has `columns` without gaps, and in ``subject_id`` whole numbers.

    Raises
    ------
    UserError
        It does not.
    """
    import polars as pl

    try:
        table = derived.read_table(file)
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(f"'{file.name}' is no Parquet file. Give one with {what}.") from None
    if not set(columns) <= set(table.columns):
        raise UserError(
            f"'{file.name}' is no table of {what}. It needs the columns {' and '.join(columns)}."
        )
    if not table.schema["subject_id"].is_integer():
        raise UserError(
            f"subject_id in '{file.name}' holds {table.schema['subject_id']}, and no whole numbers. Write the subject "
            "ids of the store, as `lifecourse label` does."
        )
    table = table.with_columns(pl.col("subject_id").cast(pl.Int64, strict=False))
    for column in columns:
        if gaps := table[column].null_count():
            raise UserError(
                f"{column} in '{file.name}' is empty in {gaps:,} of {table.height:,} rows. Leave these rows out."
            )
    return table


def training_people(splits: Path) -> npt.NDArray[np.int64]:
    """The ids of the split ``train`` in a MEDS ``subject_splits.parquet``.

    Raises
    ------
    UserError
        The file is absent, has other columns, or no one in the split.
    """
    import numpy as np
    import polars as pl

    from lifecourse.timeline.derived import PLAIN

    table = _table_of(existing(splits, "splits file"), PLAIN, "splits", ("subject_id", "split"))
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
