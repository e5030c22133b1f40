"""Re-encode the facts of pharmacogenes: ``python tools/pgx_tables.py FOLDER`` (``../shared/data/pharmcat``)."""

from __future__ import annotations

import sys
from pathlib import Path

from lifecourse.care.pgx.genes import TABLES
from lifecourse.care.pgx.importing import import_tables

GENES = (
    "ABCG2", "CYP2B6", "CYP2C19", "CYP2C9", "CYP3A5", "CYP4F2", "DPYD", "IFNL3", "NUDT15", "SLCO1B1",
    "TPMT", "UGT1A1", "VKORC1",
)  # fmt: skip

if __name__ == "__main__":
    import_tables(Path(sys.argv[1]), GENES).write(TABLES)
