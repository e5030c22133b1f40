"""Write `docs/explanation/delphi-findings.md`: what `discover` finds in simulated lives, with pictures.

``python tools/delphi_page.py [FOLDER]`` ingests the shared `delphi-simulated` data, discovers, and writes page and
pictures into FOLDER (default `docs`). Needs the data (LIFECOURSE_DATA).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from markdown_table import table

from lifecourse.serve.web.discoveries import findings_view

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("LIFECOURSE_DATA", ROOT.parent / "shared" / "data"))
MOST_ROWS = 25
PICTURES = {"network": "delphi-network.svg", "trails": "delphi-steps.svg"}


def main(folder: Path) -> dict[str, Any]:
    """The findings; page and pictures are written."""
    with tempfile.TemporaryDirectory() as scratch:
        store = str(Path(scratch) / "store")
        source = str(DATA / "delphi-simulated")
        _called("ingest", source, "--mapping", "delphi", "--store", store)
        began = time.perf_counter()
        found: dict[str, Any] = json.loads(_called("discover", store, "--json"))
        seconds = time.perf_counter() - began
    view = findings_view(found)
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    (folder / "explanation").mkdir(parents=True, exist_ok=True)
    for part, name in PICTURES.items():
        (folder / "pictures" / name).write_text(view[part]["svg"] + "\n", encoding="utf-8")
    page = _page(found, view)
    (folder / "explanation" / "delphi-findings.md").write_text(page, encoding="utf-8")
    return {"seconds": seconds, **found}


def _called(*words: str) -> str:
    answer = subprocess.run(
        [sys.executable, "-m", "lifecourse.cli", *words],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    if answer.returncode:
        raise SystemExit(answer.stderr)
    return answer.stdout


def _page(found: dict[str, Any], view: dict[str, Any]) -> str:
    counted = {name: f"{found[name]:,}" for name in ("people", "pairs_tested", "pairs_found")}
    return f"""# What is found in 14,287 simulated lives

*Audience: clinical data scientists. Kind: explanation. Written by `python tools/delphi_page.py`.*

The lives were simulated by the authors of Delphi-2M from a model of UK Biobank (MIT licence; first occurrences of
ICD-10 codes by age, no calendar time). `lifecourse ingest delphi-simulated --mapping delphi --store S` reads them, and
`lifecourse discover S` searches them ([how](discovery.md)): {counted["people"]} people, {counted["pairs_tested"]} pairs
tested, {counted["pairs_found"]} found on one half, {found["pairs_confirmed"]:,} confirmed on the other
({found["replication_rate"]:.0%}); with everyone's dates dealt out anew {found["confirmed_by_chance"]:,}. What a model
learned from records and gave back is what is found here: a check of the method, no news about people.

![An arrow from each illness to one that follows it](../pictures/{PICTURES["network"]})

## The {MOST_ROWS} strongest

Rate ratios within sex, attained age, calendar time and contacts with care, with 95 % interval; strongest first.

{_rows(view["illness"][:MOST_ROWS])}

## Three steps

![Trajectories of three illnesses with the median time between](../pictures/{PICTURES["trails"]})

## Looks like a pattern, is none

{_rows(view["explained"][:10])}
"""


def _rows(rows: list[dict[str, Any]]) -> str:
    return table(rows, {name: name for name in rows[0] if name != "note"})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs")
