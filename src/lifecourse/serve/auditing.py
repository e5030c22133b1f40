"""One audit entry for each request, on the disk before the first byte of its answer.

What looks at records inside (`Timeline`, the hooks, the policy) records its acts as ever; here they become one entry,
with what the route is for. A route without a rule is entered by its method and address, and a test asks for its rule.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.routing import compile_path

from lifecourse.privacy.acts import (
    BAD_INPUT,
    CURRENT,
    FAILED,
    NOT_FOUND,
    NOT_SIGNED_IN,
    REFUSED,
    SUCCESS,
    Act,
    Gathering,
)
from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.serve.envelope import failure
from lifecourse.timeline.about import audit_of

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CARE, SITE = Purpose.DIRECT_CARE, Purpose.OPERATIONS
NOBODY = Actor(name="not signed in", role="nobody")
NUMBER = re.compile(r"-?\d{1,19}")
PARAMETER = re.compile(r"[a-z_]{1,40}")

log = logging.getLogger("lifecourse.serve")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a route's entry says.

    Names in braces are those of the route; they are filled in only where they are ids of people, or where the answer
    shows that they are names of ours.
    """

    action: str
    target: str
    purpose: Purpose = CARE


NOTHING = None
"""Of a route that says nothing of anybody and asks nobody to sign in."""

RULES: dict[tuple[str, str], Rule | None] = {
    ("GET", "/healthz"): NOTHING,
    ("GET", "/readyz"): NOTHING,
    ("GET", "/sign-in"): Rule(action="sign in", target="pages", purpose=SITE),
    ("GET", "/sign-in/begin"): NOTHING,
    ("GET", "/launch"): NOTHING,
    ("GET", "/sign-in/return"): Rule(action="sign in", target="pages", purpose=SITE),
    ("POST", "/sign-out"): Rule(action="sign out", target="pages", purpose=SITE),
    ("GET", "/"): Rule(action="search people", target="people"),
    ("GET", "/api/patients"): Rule(action="search people", target="people"),
    ("GET", "/patients/{subject_id}"): Rule(action="look", target="subject/{subject_id}"),
    ("GET", "/api/patients/{subject_id}"): Rule(action="look", target="subject/{subject_id}"),
    ("GET", "/api/patients/{subject_id}/fhir"): Rule(
        action="export plan", target="subject/{subject_id}"
    ),
    ("POST", "/patients/{subject_id}/break-glass"): Rule(
        action="break glass", target="subject/{subject_id}"
    ),
    ("POST", "/api/patients/{subject_id}/break-glass"): Rule(
        action="break glass", target="subject/{subject_id}"
    ),
    ("POST", "/patients/{subject_id}/answers"): Rule(
        action="answer advice", target="subject/{subject_id}"
    ),
    ("GET", "/models"): Rule(action="read models", target="models", purpose=SITE),
    ("GET", "/api/models"): Rule(action="read models", target="models", purpose=SITE),
    ("GET", "/models/{name}"): Rule(action="read model", target="model/{name}", purpose=SITE),
    ("GET", "/api/models/{name}"): Rule(action="read model", target="model/{name}", purpose=SITE),
    ("GET", "/findings"): Rule(action="read findings", target="findings", purpose=SITE),
    ("GET", "/api/findings"): Rule(action="read findings", target="findings", purpose=SITE),
    ("GET", "/tasks"): Rule(action="read tasks", target="tasks", purpose=SITE),
    ("GET", "/api/tasks"): Rule(action="read tasks", target="tasks", purpose=SITE),
    ("GET", "/reviews"): Rule(action="read reviews", target="reviews", purpose=SITE),
    ("GET", "/api/reviews"): Rule(action="read reviews", target="reviews", purpose=SITE),
    ("GET", "/reviews/{name}"): Rule(action="read review", target="phenotype/{name}", purpose=SITE),
    ("GET", "/api/reviews/{name}"): Rule(
        action="read review", target="phenotype/{name}", purpose=SITE
    ),
    ("POST", "/reviews/{name}"): Rule(
        action="draw charts to review", target="phenotype/{name}", purpose=SITE
    ),
    ("GET", "/reviews/{name}/charts/{number}"): Rule(
        action="look", target="phenotype/{name}", purpose=SITE
    ),
    ("GET", "/api/reviews/{name}/charts/{number}"): Rule(
        action="look", target="phenotype/{name}", purpose=SITE
    ),
    ("POST", "/reviews/{name}/charts/{number}"): Rule(
        action="judge {name}", target="phenotype/{name}", purpose=SITE
    ),
    ("GET", "/.well-known/smart-configuration"): NOTHING,
    ("POST", "/token"): Rule(action="get a token", target="programs", purpose=SITE),
    ("GET", "/audit"): Rule(action="audit look", target="audit log", purpose=SITE),
    ("GET", "/api/audit"): Rule(action="audit look", target="audit log", purpose=SITE),
    ("POST", "/audit/verify"): Rule(action="audit verify", target="audit log", purpose=SITE),
    ("POST", "/audit/{sequence}/review"): Rule(
        action="review entry {sequence}", target="audit log", purpose=SITE
    ),
    ("GET", "/audit/people/{subject_id}"): Rule(
        action="audit accounting", target="subject/{subject_id}", purpose=SITE
    ),
    ("GET", "/api/audit/people/{subject_id}"): Rule(
        action="audit accounting", target="subject/{subject_id}", purpose=SITE
    ),
    ("GET", "/cds-services"): Rule(action="read services", target="cds-services"),
    ("POST", "/cds-services/lifecourse-patient-view"): Rule(action="look", target="people"),
    ("POST", "/cds-services/lifecourse-patient-view/feedback"): Rule(
        action="answer advice", target="cards"
    ),
}
SILENT = ("/static/",)
"""Style, script and pictures: the same for everybody, and nobody signs in for them."""


class Audited:
    """ASGI middleware, the outermost: every request of a rule leaves one entry before its answer leaves."""

    def __init__(self, app: ASGIApp, workspace: Path) -> None:
        self.app = app
        self._workspace = workspace
        self._patterns = [
            (method, compile_path(path)[0], rule) for (method, path), rule in RULES.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, its entry first."""
        if scope["type"] != "http" or scope["path"].startswith(SILENT):
            await self.app(scope, receive, send)
            return
        gathering = Gathering(folder=audit_of(self._workspace).folder)
        before = CURRENT.set(gathering)
        is_withheld = False

        async def entered(message: Message) -> None:
            nonlocal is_withheld
            if message["type"] == "http.response.start":
                try:
                    await run_in_threadpool(self._enter, scope, gathering, message["status"])
                except Exception as error:  # noqa: BLE001 -- whatever it is, what is not entered is not answered
                    log.error("the audit log cannot be written: %s", type(error).__name__)
                    is_withheld = True
                    await _unanswerable(scope, receive, send)
            if not is_withheld:
                await send(message)

        try:
            await self.app(scope, receive, entered)
        finally:
            CURRENT.reset(before)

    def _enter(self, scope: Scope, gathering: Gathering, status: int) -> None:
        rule, names = self._rule_of(scope)
        gathering.is_over = True
        if rule is None:
            return
        outcome = outcome_of(status)
        actor, asker = gathering.asker or (NOBODY, {})
        client = scope.get("client")
        act = Act(
            actor=actor,
            purpose=rule.purpose,
            action=_filled(rule.action, names, outcome),
            target=_filled(rule.target, names, outcome),
            outcome=outcome,
            details={**asker, "query": _asked(scope), "address": client[0] if client else ""},
        )
        AuditLog(gathering.folder).write(gathering.as_one(act))

    def _rule_of(self, scope: Scope) -> tuple[Rule | None, dict[str, str]]:
        is_known = False
        for method, pattern, rule in self._patterns:
            found = pattern.match(scope["path"])
            if found and method == scope["method"]:
                return rule, found.groupdict()
            is_known |= found is not None
        route: Any = scope.get("route")
        path = getattr(route, "path", None)
        if (
            is_known or path is None
        ):  # a method that the address does not take, or no address of ours
            return None, {}
        return Rule(action=f"{scope['method']} {path}", target="pages"), {}


def outcome_of(status: int) -> str:
    """What an HTTP status says became of a request."""
    if status < 400:
        return SUCCESS
    named = {401: NOT_SIGNED_IN, 403: REFUSED, 404: NOT_FOUND, 429: REFUSED}
    return named.get(status, BAD_INPUT if status < 500 else FAILED)


def _filled(template: str, names: dict[str, str], outcome: str) -> str:
    """`template` with the ids of people, and with names of ours: what was found was not made up by who asked."""
    for name, value in names.items():
        is_id = name == "subject_id" and NUMBER.fullmatch(value)
        if is_id or (outcome == SUCCESS and name != "subject_id"):
            template = template.replace(f"{{{name}}}", value)
    return template


def _asked(scope: Scope) -> list[str]:
    """The names of the parameters of the query that are ours to name: what a stranger writes may be anything."""
    names = QueryParams(scope["query_string"]).keys()
    return sorted(name for name in names if PARAMETER.fullmatch(name) and name != "token")


async def _unanswerable(scope: Scope, receive: Receive, send: Send) -> None:
    from lifecourse.serve.middleware import HEADERS

    answer = failure(
        503, "the audit log cannot be written, and without it nothing is answered.", 503
    )
    answer.headers.update({**HEADERS, "cache-control": "no-store"})
    await answer(scope, receive, send)
