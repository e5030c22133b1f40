"""The same pages as files in a folder, to open without a server: for people who do not exist."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import PolicyRefused
from lifecourse.base.progress import SILENT
from lifecourse.schema.actor import Identifiability
from lifecourse.serve.panel import GAIN, Search, panel
from lifecourse.serve.patient import patient
from lifecourse.serve.site import Site
from lifecourse.serve.web.pages import StandingLinks, filled

if TYPE_CHECKING:
    from lifecourse.base.progress import Progress
    from lifecourse.schema.actor import Actor

STATIC = Path(__file__).parent / "static"


def write_static_pages(
    workspace: Path,
    out: Path,
    *,
    actor: Actor,
    most: int = 50,
    units: str = "us",
    progress: Progress = SILENT,
) -> Path:
    """Pages of the `most` people in `out` who gain most, in that order; gives ``index.html``.

    Raises
    ------
    PolicyRefused
        The people are real: files leave no trace of who looks at them.
    """
    site = Site(workspace=workspace, units=units)
    timeline = site.timeline(actor)
    if timeline.identifiability != Identifiability.SYNTHETIC:
        raise PolicyRefused(
            f"the people of this store are {timeline.identifiability}; files show no one who looks. "
            "Use: lifecourse serve"
        )
    everyone = Search(order=GAIN, per_page=timeline.n_subjects or 1)
    found: dict[str, Any] = panel(site, actor, everyone)
    chosen = found["patients"][:most]
    (out / "patients").mkdir(parents=True, exist_ok=True)
    shutil.copytree(STATIC, out / "static", dirs_exist_ok=True)
    for done, row in enumerate(chosen):
        subject_id = row["subject_id"]
        progress.step("pages", done, len(chosen))
        text = filled(
            "patient.html",
            StandingLinks("../"),
            actor=None,
            units=units,
            answers={},
            reasons={},
            **patient(site, actor, subject_id),
        )
        (out / "patients" / f"{subject_id}.html").write_text(text, encoding="utf-8")
    shown = {**found, "patients": chosen, "page": 1, "pages": 1, "found": len(chosen)}
    index = out / "index.html"
    index.write_text(
        filled("patients.html", StandingLinks(), actor=None, **shown), encoding="utf-8"
    )
    return index
