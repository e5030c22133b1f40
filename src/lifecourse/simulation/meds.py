"""MEDS 0.4: one Parquet file of events, with metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.base.files import write_json, written_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from lifecourse.simulation.parameters import Parameters

MOMENT = pl.Datetime("us")


class MedsWriter:
    """Gathers events; ``data/0.parquet`` and ``metadata/`` stand once `close` was called."""

    def __init__(self, folder: Path, model: Parameters) -> None:
        self._folder = folder
        self._model = model
        self._parts: list[pl.DataFrame] = []

    def write(self, persons: pl.DataFrame, facts: pl.DataFrame) -> None:
        """Add people and their facts."""
        self._parts.append(
            pl.concat([_of_persons(persons), *self._of_facts(facts)], how="diagonal")
        )

    def close(self) -> None:
        """Write the files, each whole or not at all."""
        events = pl.concat(self._parts)
        # Codes are sorted by their place among all, which is the same order and sooner found.
        codes = pl.Enum(events["code"].unique().sort())
        place = pl.col("code").cast(codes).to_physical()
        events = events.sort(
            "subject_id", "time", place, "numeric_value", nulls_last=False, maintain_order=True
        )
        with written_atomically(self._folder / "data" / "0.parquet") as path:
            events.write_parquet(path)
        told = [
            {"code": c.code, "description": c.display, "parent_codes": None}
            for c in self._model.codes.values()
        ]
        kinds: dict[str, Any] = {
            "code": pl.String,
            "description": pl.String,
            "parent_codes": pl.List(pl.String),
        }
        with written_atomically(self._folder / "metadata" / "codes.parquet") as path:
            pl.DataFrame(told, schema=kinds).sort("code").write_parquet(path)
        write_json(
            self._folder / "metadata" / "dataset.json",
            {
                "dataset_name": "lifecourse simulation",
                "dataset_version": self._model.version,
                "etl_name": "lifecourse simulate",
                "meds_version": "0.4.0",
            },
        )

    def _of_facts(self, facts: pl.DataFrame) -> list[pl.DataFrame]:
        coded = self._model.codes
        items = pl.Enum(list(coded))
        codes = pl.Series([each.code for each in coded.values()], dtype=pl.String)
        displays = pl.Series([each.display for each in coded.values()], dtype=pl.String)
        units = pl.Series([each.unit for each in coded.values()], dtype=pl.String)
        item = facts["item"].cast(items).to_physical()
        answer = facts["answer"].cast(items).to_physical()
        said = facts.with_columns(
            code=codes.gather(item),
            unit=units.gather(item),
            answer_code=codes.gather(answer),
            answer_text=displays.gather(answer),
        )
        events = said.select(
            subject_id="person",
            time=pl.col("time").cast(MOMENT),
            code=pl.when(pl.col("answer_code").is_not_null())
            .then(pl.col("code") + "//" + pl.col("answer_code"))
            .otherwise("code"),
            numeric_value=pl.col("value").cast(pl.Float32),
            text_value=pl.coalesce("answer_text", "text"),
            unit="unit",
            end_time=pl.col("end").cast(MOMENT),
        )
        ended = events.filter(pl.col("code").str.starts_with("VISIT//"))
        ends = ended.select(
            "subject_id",
            time="end_time",
            code=pl.col("code").str.replace("VISIT//", "VISIT_END//", literal=True),
        )
        return [events, ends]


def _of_persons(persons: pl.DataFrame) -> pl.DataFrame:
    sex = pl.when("female").then(pl.lit("SEX//female")).otherwise(pl.lit("SEX//male"))
    static = persons.select(subject_id="person", time=pl.lit(None, MOMENT), code=sex)
    births = persons.select(
        subject_id="person", time=pl.col("birth").cast(MOMENT), code=pl.lit("MEDS_BIRTH")
    )
    deaths = persons.filter(pl.col("death").is_not_null()).select(
        subject_id="person", time=pl.col("death").cast(MOMENT), code=pl.lit("MEDS_DEATH")
    )
    return pl.concat([static, births, deaths])
