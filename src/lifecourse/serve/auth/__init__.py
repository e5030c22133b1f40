"""Who is signed in: by this machine's own links and tokens, or by issuers that a hospital trusts."""

from lifecourse.serve.auth.local import (
    COOKIE,
    FOLDER,
    SESSION_SECONDS,
    Issuer,
    NotSignedIn,
    local_issuer,
    sign_in_link,
    write_secret,
)

__all__ = [
    "COOKIE",
    "FOLDER",
    "SESSION_SECONDS",
    "Issuer",
    "NotSignedIn",
    "local_issuer",
    "sign_in_link",
    "write_secret",
]
