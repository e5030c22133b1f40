"""One shape for what went well and one for what did not."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from lifecourse.base.clock import now
from lifecourse.base.errors import LifecourseError

OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


class Json(Response):
    """JSON written by orjson; NaN becomes null, which is how JSON says missing."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of `content`."""
        return orjson.dumps(content, option=OPTIONS)


def success(data: Any, **meta: Any) -> Json:
    """``{"data": ..., "meta": {...}}``; `meta` always says when it was made."""
    return Json({"data": data, "meta": {"generated": now().isoformat(), **meta}})


def failure(number: int, message: str, status: int) -> Json:
    """``{"error": {"number": ..., "message": ...}}``."""
    return Json({"error": {"number": number, "message": message}}, status_code=status)


def message_of(error: LifecourseError) -> str:
    """The words of an error without its name and number."""
    return Exception.__str__(error)
