"""One module asks other servers, and it asks those of the settings."""

from __future__ import annotations

import ast
from pathlib import Path

ASKS = {
    "httpx", "httpx2", "httpcore", "urllib3", "requests", "aiohttp", "http.client", "urllib.request", "ftplib", "smtplib",
    "telnetlib", "websockets", "socket", "asyncio.open_connection", "xmlrpc", "authlib.integrations",
}  # fmt: skip
MAY_ASK = {"serve/outbound.py", "privacy/vault.py"}
"""The servers that `serve.trust` names, and the vault that LIFECOURSE_KEYS names."""
MAY_LISTEN = {"serve/running.py"}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_one_module_asks_other_servers(repository: Path) -> None:
    package = repository / "src" / "lifecourse"
    users = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if any(
            name == each or name.startswith(f"{each}.")
            for name in imports_of(path)
            for each in ASKS
        )
    }
    assert MAY_ASK <= users <= MAY_ASK | MAY_LISTEN
