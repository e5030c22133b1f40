"""Features of any number of rows, written part by part: memory holds one part for each core, not the whole.

A folder of features has ``named-00000.parquet`` (rows, age, sex and named covariates), ``codes-00000.npz`` (every
code's columns, CSR) and so on, and ``dictionary.json``, written last: the names of all columns and the parts in order.
"""

from __future__ import annotations

import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lifecourse.base.errors import UserError
from lifecourse.base.files import written_atomically
from lifecourse.base.progress import SILENT, Progress
from lifecourse.features.extraction import AGE, FEMALE, RowsByShard, age_and_sex, vocabulary_of
from lifecourse.features.matrix import FeatureMatrix
from lifecourse.timeline.derived import Derived
from lifecourse.timeline.everycode import CellMemory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from lifecourse.features.recipe import Recipe
    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.sparse import SparseRows

DICTIONARY = "dictionary.json"
PART_ROWS = 16_384
_of_this_thread = threading.local()
"""The memory that a thread fills with one part after the other."""


def write_features(
    timeline: Timeline,
    labels: pl.DataFrame,
    recipe: Recipe,
    folder: Path,
    *,
    vocabulary: Sequence[str] | None = None,
    training: npt.NDArray[np.int64] | None = None,
    workers: int | None = None,
    derived: Derived | None = None,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Write what `featurize` gives to `folder`, in parts; returns how large it is.

    The files are as closed as the store, unless `derived` says otherwise.

    Parameters are those of `featurize`. Rows go by where the store keeps their people, those of one shard in the order
    of `labels`. `workers` threads share the work; where None one for each core, and one for whoever waits for the disk.
    """
    rows = labels.select("subject_id", "prediction_time")
    asking = RowsByShard(timeline, rows)
    threads = workers or (os.cpu_count() or 1) + 1
    known = (
        vocabulary_of(asking, recipe, training, workers=threads)
        if vocabulary is None
        else list(vocabulary)
    )
    lived = age_and_sex(timeline, rows)
    _clear(folder)
    files = timeline.derived if derived is None else derived
    parts: list[dict[str, Any]] = []
    jobs = asking.jobs(PART_ROWS)
    names = _Names(recipe, known)
    with ThreadPoolExecutor(threads) as pool:
        futures = [
            pool.submit(_write_part, asking, names, rows, lived, files, folder, number, shards)
            for number, shards in enumerate(jobs)
        ]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                parts.append(future.result())
                progress.step("writing features", done, len(jobs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    parts.sort(key=lambda part: part["number"])
    files.write_json(
        folder / DICTIONARY,
        {"named": names.dense, "codes": names.codes, "vocabulary": known, "parts": parts},
    )
    return {
        "rows": sum(part["rows"] for part in parts),
        "named_covariates": len(names.dense),
        "code_columns": len(names.codes),
        "stored_cells": sum(part["cells"] for part in parts),
        "parts": len(parts),
    }


def read_features(folder: Path, derived: Derived | None = None) -> Iterator[FeatureMatrix]:
    """The parts that `write_features` left in `folder`, each as a matrix with all columns.

    Sealed ones are opened by `derived`, the store's or that of the workspace around `folder`.

    Raises
    ------
    UserError
        There are no features, or not all of them: writing them did not end.
    """
    if not (folder / DICTIONARY).is_file():
        raise UserError(
            f"there are no features in '{folder.name}'. Write them with `lifecourse featurize`."
        )
    from scipy import sparse

    files = Derived.around(folder / DICTIONARY) if derived is None else derived
    told: dict[str, Any] = dict(files.read_json(folder / DICTIONARY))
    for part in told["parts"]:
        named = files.read_table(folder / _named(part["number"]))
        dense = named.select(pl.col(told["named"]).fill_null(float("nan")))
        yield FeatureMatrix(
            rows=named.select("subject_id", "prediction_time"),
            dense=dense.to_numpy(),
            dense_names=told["named"],
            codes=sparse.load_npz(io.BytesIO(files.read_bytes(folder / _codes(part["number"])))),
            code_names=told["codes"],
            vocabulary=told["vocabulary"],
        )


class _Names:
    """The columns, the same in every part."""

    def __init__(self, recipe: Recipe, vocabulary: list[str]) -> None:
        self.recipe = recipe
        self.vocabulary = vocabulary
        self.dense = [AGE, FEMALE, *recipe.columns]
        self.codes = recipe.code_names(vocabulary)


def _write_part(
    asking: RowsByShard,
    names: _Names,
    rows: pl.DataFrame,
    lived: npt.NDArray[np.float64],
    files: Derived,
    folder: Path,
    number: int,
    shards: list[int],
) -> dict[str, Any]:
    memory = vars(_of_this_thread).setdefault("memory", CellMemory())
    places, dense, codes = asking.answer(shards, names.recipe, names.vocabulary, memory)
    columns = np.column_stack([lived[places], dense])
    named = rows[places].hstack(
        [pl.Series(name, columns[:, i]).fill_nan(None) for i, name in enumerate(names.dense)]
    )
    files.write_table(folder / _named(number), named, compression="zstd", compression_level=1)
    _write_codes(files, folder / _codes(number), codes)
    return {"number": number, "rows": len(places), "cells": len(codes.cells)}


def _write_codes(files: Derived, path: Path, codes: SparseRows) -> None:
    if not files.seals:
        # Straight to the disk: a part is hundreds of megabytes.
        with written_atomically(path) as temporary, temporary.open("wb") as handle:
            codes.save_npz(handle)
        return
    buffer = io.BytesIO()
    codes.save_npz(buffer)
    files.write_bytes(path, buffer.getvalue())


def _clear(folder: Path) -> None:
    """Take away what was written before, the dictionary first: without it there are no features."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DICTIONARY).unlink(missing_ok=True)
    for pattern in ("named-*.parquet", "codes-*.npz"):
        for path in folder.glob(pattern):
            path.unlink()


def _named(number: int) -> str:
    return f"named-{number:05d}.parquet"


def _codes(number: int) -> str:
    return f"codes-{number:05d}.npz"
