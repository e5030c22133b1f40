"""OMOP CDM 5.3 and 5.4: CSV, Parquet or DuckDB to events."""

from lifecourse.records.omop.source import OmopSource as OmopSource
