"""Pages, their JSON twins and CDS Hooks, for someone signed in and for direct care."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifecourse.serve.app import create_app as create_app
    from lifecourse.serve.auth import sign_in_link as sign_in_link
    from lifecourse.serve.running import serve as serve
    from lifecourse.serve.web.quality import write_quality_page as write_quality_page
    from lifecourse.serve.web.standing import write_static_pages as write_static_pages

_PLACES = {
    "create_app": "lifecourse.serve.app",
    "serve": "lifecourse.serve.running",
    "sign_in_link": "lifecourse.serve.auth",
    "write_quality_page": "lifecourse.serve.web.quality",
    "write_static_pages": "lifecourse.serve.web.standing",
}

__all__ = ["create_app", "serve", "sign_in_link", "write_quality_page", "write_static_pages"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'lifecourse.serve' has no attribute '{name}'")
    return getattr(import_module(_PLACES[name]), name)
