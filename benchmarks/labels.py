"""Labels of the three ACES tasks: ``python -m benchmarks.labels FOLDER [SIZE]``.

Whole processes against a Polars query written by hand for one of them, which knows the answer's shape in
advance, checks no limits and tells no attrition. ACES itself is measured in its own environment; its
published times on this data are in ACES_SECONDS.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.workload import generated, line, measured, stored, tasks

# es-aces 0.7.3 on the same generator, 2 cores, median of three (M) and one run (L).
ACES_SECONDS = {
    "M": {"t2d_1y": 13.65, "ihm_24h": 12.49, "readmit_30d": 8.33},
    "L": {"t2d_1y": 45.2, "ihm_24h": 68.8, "readmit_30d": 44.1},
}

BY_HAND = """
import sys, polars as pl
ev = pl.scan_parquet(sys.argv[1] + "/data/*/*.parquet").select("subject_id", "time", "code").filter(
    pl.col("time").is_not_null()
    & (pl.col("code").str.starts_with("VISIT_START//") | pl.col("code").str.starts_with("ICD10CM//E11"))
).collect()
v = ev.filter(pl.col("code").str.starts_with("VISIT_START//"))
e = ev.filter(pl.col("code").str.starts_with("ICD10CM//E11"))
t = v.filter(pl.col("code") == "VISIT_START//OUTPATIENT").select("subject_id", t="time").unique()
t = t.join(v.group_by("subject_id").agg(first=pl.col("time").min()), on="subject_id")
t = t.join(e.group_by("subject_id").agg(e=pl.col("time").min()), on="subject_id", how="left")
t = t.filter((pl.col("first") <= pl.col("t") - pl.duration(days=365))
             & (pl.col("e").is_null() | (pl.col("e") > pl.col("t"))))
t = t.with_columns(y=(pl.col("e") <= pl.col("t") + pl.duration(days=365)).fill_null(False))
t.sort("subject_id", "t").write_parquet(sys.argv[2])
"""


def main(folder: Path, size: str) -> None:
    """Measure each task, compare the rows of one with the query by hand, print ratios."""
    data, store = generated(folder, size), stored(folder, size)
    out, other = folder / "ours.parquet", folder / "by_hand.parquet"
    by_hand = measured([sys.executable, "-c", BY_HAND, str(data), str(other)])
    for task in tasks():
        command = ["-m", "lifecourse.cli", "label", str(store), str(task), "--out", str(out)]
        ours = measured([sys.executable, *command])
        aces = ACES_SECONDS.get(size, {}).get(task.stem)
        if aces is not None:
            theirs = {"wall": aces, "processor": aces}
            print(line(f"{size} {task.stem}, ACES", ours, theirs), f"{ours['peak_mb']:.0f} MB")
        if task.stem == "t2d_1y":
            compare(out, other)
            print(line(f"{size} {task.stem}, Polars by hand", ours, by_hand))


def compare(ours: Path, by_hand: Path) -> None:
    """Every row equal, or an error."""
    import polars as pl

    columns = ["subject_id", "prediction_time", "boolean_value"]
    found = pl.read_parquet(ours).select(columns)
    expected = pl.read_parquet(by_hand).select("subject_id", "t", "y")
    if found.rows() != expected.rows():
        raise SystemExit("the labels differ from those of the query written by hand")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "M")
