"""Models and findings, ready to be read."""

from __future__ import annotations

from typing import Any


def model_view(document: dict[str, Any]) -> dict[str, Any]:
    """A model's or an abstention's document with its calibration drawn."""
    return {**document, "calibration": _calibration(document)}


def _calibration(document: dict[str, Any]) -> dict[str, Any] | None:
    del document
    return None


def findings_view(document: dict[str, Any]) -> dict[str, Any]:
    """The confirmed findings as rows, and how many were looked for."""
    rows = document.get("findings") or []
    return {"rows": rows, "document": {k: v for k, v in document.items() if k != "findings"}}
