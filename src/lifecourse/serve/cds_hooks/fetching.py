"""What a prefetch lacks, asked of the FHIR server that the settings name for a client, with the token that it lends."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import LifecourseError
from lifecourse.serve.cds_hooks.request import PREFETCH, HookRequest, Unanswerable, next_page

if TYPE_CHECKING:
    from lifecourse.serve.outbound import Outbound

FHIR_ID = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9.-]{1,64}")
MOST_PAGES = 20
SECONDS = 8.0
"""For all that is fetched for one call."""


def completed(request: HookRequest, *, server: str, outbound: Outbound) -> HookRequest:
    """`request` with every key of PREFETCH that it lacks, asked of `server`.

    The `fhirServer` of the request has to be `server`, which is one of the settings: it is compared, never followed.

    Raises
    ------
    Unanswerable
        Something is missing and cannot be fetched.
    """
    prefetch = dict(request.prefetch or {})
    missing = [key for key in PREFETCH if key not in prefetch]
    lent, base = request.fhirAuthorization, server.rstrip("/")
    is_ours = (request.fhirServer or "").rstrip("/") == base
    if not missing or lent is None or not is_ours or not FHIR_ID.fullmatch(request.patient_id):
        return request
    headers = {
        "authorization": f"Bearer {lent.access_token.get_secret_value()}",
        "accept": "application/fhir+json",
    }
    fetching = _Fetching(base, headers, outbound)
    for key in missing:
        query = PREFETCH[key].replace("{{context.patientId}}", request.patient_id)
        prefetch[key] = fetching.whole(key, f"{base}/{query}")
    return request.model_copy(update={"prefetch": prefetch})


class _Fetching:
    def __init__(self, base: str, headers: dict[str, str], outbound: Outbound) -> None:
        self._base, self._headers, self._outbound = base, headers, outbound
        self._deadline = time.monotonic() + SECONDS

    def whole(self, key: str, url: str) -> dict[str, Any]:
        """The resource at `url`, or all pages of the Bundle there as one."""
        found = self._one(key, url)
        entries = list(found.get("entry") or ())
        page, pages = found, 1
        while page.get("resourceType") == "Bundle" and (url := next_page(key, page)) is not None:
            if pages == MOST_PAGES or not isinstance(url, str) or not self._is_below(url):
                raise Unanswerable(f"the pages of '{key}' are too many, or lead elsewhere.")
            page, pages = self._one(key, url), pages + 1
            entries += page.get("entry") or ()
        return found if pages == 1 else {"resourceType": "Bundle", "entry": entries}

    def _is_below(self, url: str) -> bool:
        return url.startswith((f"{self._base}/", f"{self._base}?")) and "/.." not in url

    def _one(self, key: str, url: str) -> dict[str, Any]:
        if time.monotonic() > self._deadline:
            raise Unanswerable(f"fetching '{key}' takes too long. Send it in the prefetch.")
        try:
            found = self._outbound.get(url, self._headers)
        except LifecourseError:
            raise Unanswerable(
                f"the FHIR server does not give '{key}'. Send it in the prefetch."
            ) from None
        if not isinstance(found, dict) or not isinstance(found.get("entry", []), list):
            raise Unanswerable(f"the FHIR server's '{key}' is no FHIR resource.")
        return found
