"""The server of `lifecourse serve`."""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lifecourse.schema.actor import Actor
from lifecourse.serve.auth import FOLDER, local_issuer, sign_in_link, write_secret
from lifecourse.serve.limits import Limits
from lifecourse.serve.reckoning import warm

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from lifecourse.serve.auth.trust import Trust

MOST_AT_ONCE = 500
"""Requests that are being answered or wait; beyond these the answer is 503."""


def _announce(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def serve(
    workspace: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    actor: str = "clinician",
    role: str = "clinician",
    signing_key: str | None = None,
    units: str = "us",
    address: str | None = None,
    trust: Trust | None = None,
    limits: Limits | None = None,
    proxy: str | None = None,
    announce: Callable[[str], None] = _announce,
) -> None:
    """Serve `workspace` until stopped; says the sign-in link of `actor`, in their `role`, through `announce`.

    A program that calls the hooks signs in with the bearer token in ``.sign-in/cds-token`` of the workspace,
    which only its owner can read; issuers and programs of `trust` bring tokens of their own. One JSON line a request
    goes to the log, without people. What a proxy says of a request's address is believed of the one at `proxy` alone.
    """
    import uvicorn

    from lifecourse.serve.app import LOOPBACK, create_app

    issuer = local_issuer(workspace, signing_key=signing_key)
    known_as = urlsplit(address or "").hostname
    hosts = (*LOOPBACK, host) if known_as is None else (*LOOPBACK, host, known_as)
    app = create_app(
        workspace,
        issuer=issuer,
        trust=trust,
        address=address,
        units=units,
        hosts=hosts,
        limits=limits or Limits(),
    )
    app.state.door.check()
    listening = _listen(host, port)
    here = address or f"http://{host}:{listening.getsockname()[1]}"
    token_file = workspace / FOLDER / "cds-token"
    token_file.unlink(missing_ok=True)
    with suppress(FileExistsError):
        token_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_secret(token_file, issuer.service_token(Actor(name="cds-client", role="service")))
    who = Actor(name=actor, role=role)
    link = sign_in_link(workspace, who, address=here, issuer=issuer)
    announce(f"Sign in (once, within 15 minutes): {link}")
    announce(f"CDS Hooks: {here}/cds-services with the bearer token in {token_file}")
    announce("Stop with Ctrl-C.")
    _log_lines(announce)
    threading.Thread(target=warm, name="warm", daemon=True).start()
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=proxy is not None,
        forwarded_allow_ips=proxy or "",
        timeout_keep_alive=10,
        limit_concurrency=MOST_AT_ONCE,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    import socket as sockets

    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    listening = sockets.socket(family, sockets.SOCK_STREAM)
    listening.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
    listening.bind((host, port))
    # From here on whoever follows the link that is printed next waits, and is not turned away.
    listening.listen()
    return listening


def _log_lines(announce: Callable[[str], None]) -> None:
    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            announce(record.getMessage())

    log = logging.getLogger("lifecourse.serve")
    log.handlers[:] = [Lines()]
    log.setLevel(logging.INFO)
    log.propagate = False
