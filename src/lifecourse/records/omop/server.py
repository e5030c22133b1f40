"""A PostgreSQL server through ADBC, read-only.

Errors are told by their kind alone: a driver's own words may quote the connection's password or a value of a record.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lifecourse.base.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH_BYTES = 8 << 20
# Dates as ISO 8601 writes them, moments in UTC, rows in their order, and no limit that would end the snapshot.
SETTINGS = (
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "SET datestyle TO 'ISO, YMD'",
    "SET timezone TO 'UTC'",
    "SET synchronize_seqscans TO off",
    "SET max_parallel_workers_per_gather TO 0",
    "SET statement_timeout TO 0",
    "SET idle_in_transaction_session_timeout TO 0",
)


def begun(uri: str) -> Any:
    """A connection in a read-only transaction that sees one snapshot.

    Raises
    ------
    SourceError
        The driver is not installed, or the server cannot be reached or refuses.
    """
    try:
        import adbc_driver_postgresql.dbapi as driver
        import pyarrow  # noqa: F401 - the driver gives its batches as this
    except ImportError:
        raise SourceError(
            "reading from PostgreSQL needs the extra 'postgres'. Install it: pip install 'lifecourse[postgres]'."
        ) from None
    try:
        connection = driver.connect(uri, autocommit=True)
    except driver.Error as refused:
        raise SourceError(_why_not(str(refused))) from None
    try:
        with told_plainly("beginning to read"):
            for setting in SETTINGS:
                do(connection, setting)
            connection.adbc_connection.set_autocommit(False)
    except BaseException:
        connection.close()
        raise
    return connection


def do(connection: Any, statement: str) -> None:
    """Have `statement` done, which gives nothing back."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


def rows_of(connection: Any, query: str) -> list[tuple[Any, ...]]:
    """The few rows that `query` gives."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [tuple(row) for row in cursor.fetchall()]


def stream(connection: Any, query: str) -> Iterator[Any]:
    """The rows that `query` gives, as Arrow record batches of about `BATCH_BYTES`."""
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(
            **{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)}
        )
        cursor.execute(query)
        yield from cursor.fetch_record_batch()


def _why_not(words: str) -> str:
    """What the driver's words about a connection mean, without them: they may quote parts of the URI."""
    told = words.lower()
    if "password" in told or "authentication" in told or "role" in told or "pg_hba" in told:
        return (
            "the PostgreSQL server refused the user: unknown, or the password is wrong or missing. Check the "
            "connection's user, and give the password in the URI, in PGPASSWORD or in a ~/.pgpass file."
        )
    if "database" in told and "does not exist" in told:
        return "the PostgreSQL server has no database of the connection's name. Check the end of its URI."
    if "too many clients" in told or "remaining connection slots" in told:
        return "the PostgreSQL server takes no more connections. Try again later, or with fewer --workers."
    if "starting up" in told or "shutting down" in told:
        return "the PostgreSQL server is starting or stopping. Try again in a moment."
    return (
        "the PostgreSQL server cannot be reached. Check host and port in the connection's URI, that special "
        "characters in its parts are percent-encoded, and that the server is up."
    )


@contextmanager
def told_plainly(what: str) -> Iterator[None]:
    """Say what was being done on the server when it failed, and the kind of failure; never the driver's words.

    Raises
    ------
    SourceError
        The server refused, failed or went away.
    """
    import adbc_driver_manager
    import pyarrow

    try:
        yield
    except (adbc_driver_manager.Error, pyarrow.ArrowException, OSError) as failed:
        state = getattr(failed, "sqlstate", None) or ""
        raise SourceError(f"{what} on the PostgreSQL server failed: {_meaning(state)}") from None


def _meaning(state: str) -> str:
    """What an SQLSTATE (PostgreSQL documentation, appendix A) says of what to do."""
    if state == "42501":
        return "the connection's user may not. Grant it SELECT, and USAGE on the schema."
    if state == "22023":
        return "its snapshot is gone, because the server or a firewall ended the connection. Run again."
    if state.startswith("40") or state == "72000":
        return "a standby server cancelled it in favour of recovery. Run again, or read from the primary."
    if state.startswith(("42", "3F")):
        return "a table or column was changed meanwhile. Run again."
    if state and not state.startswith(("08", "57")):
        return f"SQLSTATE {state}. The server's own log says more."
    return "the connection broke or the server stopped. See that it is up, and run again."
