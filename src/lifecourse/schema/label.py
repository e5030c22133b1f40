"""Labels: one row per subject and prediction time, in the MEDS label schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

LABEL_COLUMNS = ("subject_id", "prediction_time", "boolean_value")


def label_schema() -> dict[str, pl.DataType]:
    """MEDS label columns; time-to-event labels add ``event`` (0 censored, 1..k causes) and ``duration_days``."""
    import polars as pl

    return {
        "subject_id": pl.Int64(),
        "prediction_time": pl.Datetime("us"),
        "boolean_value": pl.Boolean(),
        "integer_value": pl.Int64(),
        "float_value": pl.Float32(),
        "categorical_value": pl.String(),
    }
