"""Write docs/explanation/worked-plans.md and its pictures: ``python tools/worked_plans.py [--pictures]``.

Six people: three made up (docs/people, FHIR Bundles) and three of Synthea (`synthea-r4`). Of each the page says the
first lines of the plan with their reason, the events that decided them and the source; a picture shows the page.
Pictures need Chromium (LIFECOURSE_CHROMIUM, or on the path).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from lifecourse.care import plan
from lifecourse.schema.actor import Actor, Identifiability, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.ingestion import ingest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifecourse.timeline.access import Timeline
    from lifecourse.timeline.chart import Chart

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "explanation" / "worked-plans.md"
PICTURES = ROOT / "docs" / "pictures"
MADE_UP = ROOT / "docs" / "people"
DATA = Path(os.environ.get("LIFECOURSE_DATA", ROOT.parent / "shared" / "data"))
TODAY = date(2026, 11, 26)
LINES = 5
SHOWN = "The page of this person: who, what happened, what is likely, what to do"
WIDTH, HEIGHT, COLOURS = 1180, 1240, 96
QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a section is about: the id in the source, the name of the picture, and what to look for."""

    source_id: str
    picture: str
    title: str
    words: str


PEOPLE = (
    Person(
        "maria", "worked-maria", "Maria, 58: two drugs that must not meet",
        "Diabetes, kidney disease with albumin in the urine, and a course of clarithromycin on top of simvastatin. "
        "What can harm her this week stands above what protects her kidneys over years.",
    ),
    Person(
        "jonas", "worked-jonas", "Jonas, 66: a drug that his genes make useless",
        "Half a year after a heart attack, on clopidogrel; the laboratory has since reported CYP2C19 *2/*2.",
    ),
    Person(
        "edda", "worked-edda", "Edda, 74: atrial fibrillation without an anticoagulant",
        "Newly found atrial fibrillation, chronic obstructive lung disease, smoking. The benefit of each line is hers, "
        "from her own risk.",
    ),
    Person(
        "5214a564-9117-4ffc-a88c-25f90239240b", "worked-synthea-1", "A man of 73 of Synthea",
        "Checked by hand in [three plans](three-plans-checked.md).",
    ),
    Person(
        "948e608d-e408-4788-8cf2-8157c49c2940", "worked-synthea-2", "A man of 49 of Synthea",
        "Checked by hand in [three plans](three-plans-checked.md).",
    ),
    Person(
        "43400618-8533-406d-8303-af7cc5714549", "worked-synthea-3", "A woman of 41 of Synthea, pregnant",
        "Checked by hand in [three plans](three-plans-checked.md).",
    ),
)  # fmt: skip

HEAD = """\
# Six worked plans

*Audience: clinicians, reviewers. Kind: explanation. Written by `python tools/worked_plans.py`, compared by a test.*

Three people are made up (`docs/people`, as FHIR Bundles), three are of Synthea's `synthea-r4` (synthetic, Apache-2.0).
Of each plan the first lines that fire are here, in the plan's order, with the events that decided them (day, what,
value, and the record's id in the source) and the first source of the rule. To see Maria's yourself:

```text
lifecourse ingest docs/people --store people --identifiability synthetic
lifecourse plan people --subject 2533964740902720927
lifecourse plan people --subject 2533964740902720927 --explain interaction_statin_cyp3a4_inhibitor
```
"""


def page(timelines: list[Timeline]) -> str:
    """The page as it should stand."""
    charts = charts_of(timelines)
    return "\n".join([HEAD, *(section(person, charts[person.source_id]) for person in PEOPLE)])


def charts_of(timelines: list[Timeline]) -> dict[str, Chart]:
    """The charts of PEOPLE by the source's id."""
    wanted = {person.source_id for person in PEOPLE}
    found: dict[str, Chart] = {}
    for timeline in timelines:
        for chart in timeline.charts():
            ids = chart.events["source_id"].drop_nulls()
            name = next((i for i in ids if i.startswith("Patient/")), "").removeprefix("Patient/")
            if name in wanted:
                found[name] = chart
    return found


def section(person: Person, chart: Chart) -> str:
    """One person: the picture, then a table of the first lines."""
    if chart.as_of is None:
        raise SystemExit(f"{person.title} has no dated record")
    made = plan(chart, chart.as_of, today=TODAY)
    fires = [
        line
        for line in made.recommendations
        if str(line.answer) == "fires" and line.same_as is None
    ]
    rows = [_row(place, line.to_dict()) for place, line in enumerate(fires[:LINES], start=1)]
    return "\n".join(
        [
            f"## {person.title}\n",
            f"{person.words}\n",
            f"![{SHOWN}](../pictures/{person.picture}.png)\n",
            "| | rule | what it says | because | decided by | source |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            f"\n{len(fires)} lines fire; as of {made.as_of[:10]}.\n",
        ]
    )  # fmt: skip


def _row(place: int, line: dict[str, Any]) -> str:
    decided = "; ".join(_event(event) for event in line["events"]) or "no event: nothing on record"
    benefit = (line["benefit"] or {}).get("text") or ""
    said = f"{line['summary']} {benefit}".strip()
    title, url = line["source"]["title"], line["source"]["url"]
    source = f"[{title}]({url})" if url else title
    cells = (str(place), f"`{line['name']}`", said, line["reason"], decided, source)
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _event(event: dict[str, Any]) -> str:
    value = "" if event["value"] is None else f" {event['value']:g} {event['unit'] or ''}".rstrip()
    text = "" if event["value"] is not None or not event["text"] else f" ({event['text']})"
    name = event["description"] or event["code"]
    return f"{(event['time'] or 'undated')[:10]} {name}{value}{text} `{event['source_id']}`"


@contextmanager
def workspaces() -> Iterator[list[Path]]:
    """Workspaces of both groups of people, in a passing folder."""
    with tempfile.TemporaryDirectory() as folder:
        made = []
        for name, source in (("made-up", MADE_UP), ("synthea", DATA / "synthea-r4")):
            home = Path(folder) / name
            home.mkdir()
            (home / "lifecourse.yaml").write_text("timezone: UTC\n")
            ingest(source, home / "store", identifiability=Identifiability.SYNTHETIC)
            made.append(home)
        yield made


def opened(homes: list[Path]) -> list[Timeline]:
    """The timelines of workspaces."""
    return [
        open_timeline(home / "store", actor=Actor(name="docs"), purpose=Purpose.DIRECT_CARE)
        for home in homes
    ]


def pictures(homes: list[Path]) -> None:
    """A picture of each person's page, as a clinician sees it."""
    import threading
    import time

    import uvicorn
    from playwright.sync_api import sync_playwright

    from lifecourse.serve import create_app, sign_in_link
    from lifecourse.serve.running import _listen

    chromium = os.environ.get("LIFECOURSE_CHROMIUM") or shutil.which("chromium")
    named = {person.source_id: person.picture for person in PEOPLE}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        for home, timeline in zip(homes, opened(homes), strict=True):
            listening = _listen("127.0.0.1", 0)
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            config = uvicorn.Config(create_app(home), log_level="error", access_log=False)
            server = uvicorn.Server(config)
            thread = threading.Thread(
                target=server.run, kwargs={"sockets": [listening]}, daemon=True
            )
            thread.start()
            while not server.started:
                time.sleep(0.02)
            tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            tab.goto(sign_in_link(home, Actor(name="docs", role="clinician"), address=address))
            for source_id, chart in charts_of([timeline]).items():
                tab.goto(f"{address}/patients/{chart.subject_id}")
                tab.wait_for_load_state("networkidle")
                keep(tab.screenshot(), PICTURES / f"{named[source_id]}.png")
            server.should_exit = True
            thread.join(timeout=10)
        browser.close()


def keep(picture: bytes, path: Path) -> None:
    """Write a picture with as few colours as look the same: a fourth of the bytes."""
    Image.open(BytesIO(picture)).convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    with workspaces() as there:
        PAGE.write_text(page(opened(there)), encoding="utf-8")
        if "--pictures" in sys.argv[1:]:
            pictures(there)
