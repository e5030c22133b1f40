"""Templates filled in: the only place where HTML is made. Everything is escaped except our own SVG."""

from __future__ import annotations

import re
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.responses import HTMLResponse

from lifecourse.serve.wording import capital, percent, spelled

if TYPE_CHECKING:
    from starlette.requests import Request


PATIENT = re.compile(r"/patients/(-?\d{1,19})")


class Links:
    """Addresses of pages on the server."""

    standing = False

    def static(self, name: str) -> str:
        """A file of style or script."""
        return f"/static/{name}"

    def patients(self, **query: object) -> str:
        """The list of patients."""
        given = {key: value for key, value in query.items() if value not in ("", None)}
        return "/" + (f"?{urlencode(given)}" if given else "")

    def patient(self, subject_id: int, years: str | None = None) -> str:
        """A patient's page."""
        return f"/patients/{subject_id}" + (f"?years={quote(years)}" if years else "")

    def model(self, name: str) -> str:
        """A model's page."""
        return f"/models/{quote(name, safe='')}"

    def audit(self, asked: Any, number: int) -> str:
        """A page of the privacy officer's list."""
        given = {key: value for key, value in asdict(asked).items() if value and key != "page"}
        if number > 1:
            given["page"] = number
        return "/audit" + (f"?{urlencode(given)}" if given else "")


class StandingLinks(Links):
    """Addresses between files in a folder; `up` is the way to the folder's top."""

    standing = True
    note = "simulated people, pages as files"

    def __init__(self, up: str = "") -> None:
        self._up = up

    def static(self, name: str) -> str:
        """A file of style or script."""
        return f"{self._up}static/{name}"

    def patients(self, **query: object) -> str:
        """The first page."""
        del query
        return f"{self._up}index.html"

    def patient(self, subject_id: int, years: str | None = None) -> str:
        """A patient's file."""
        del years
        return f"{self._up}patients/{subject_id}.html"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lifecourse.serve.web"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    environment.filters["title_"] = capital
    environment.filters["unit"] = spelled
    environment.filters["day"] = lambda when: "" if when is None else str(when)[:10]
    environment.filters["minute"] = lambda when: str(when)[:16].replace("T", " ")
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    environment.filters["svg"] = drawn
    environment.tests["mapping_"] = lambda value: isinstance(value, dict)
    return environment


def drawn(svg: str) -> Markup:
    """Our own SVG, in which `figures` has escaped every word."""
    return Markup(svg)  # noqa: S704 -- never given anything but the text of a Figure


def filled(template: str, links: Links | None = None, **values: Any) -> str:
    """The text of a page."""
    return _environment().get_template(template).render(links=links or Links(), **values)


def page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page as a response."""
    return HTMLResponse(filled(template, **values), status_code=status)


def error_page(request: Request, *, number: int, message: str, status: int) -> HTMLResponse:
    """What went wrong, for a person; where a record is not there, or closed, how to open it in an emergency."""
    return page(
        "error.html",
        status=status,
        actor=None,
        number=number,
        message=message,
        elsewhere=getattr(request.app.state, "provider", None) is not None,
        emergency=_emergency(request) if status == 404 else None,
    )


def _emergency(request: Request) -> dict[str, Any] | None:
    """The same for every id, whether there is such a person or not."""
    asked = PATIENT.fullmatch(request.url.path)
    house = request.app.state.site.house
    if asked is None or not house.restricts:
        return None
    return {"subject_id": asked[1], "minutes": house.settings.break_glass_minutes}
