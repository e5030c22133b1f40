"""A PostgreSQL server of a test's own: on a socket in a folder of its own, with a password, gone afterwards."""

from __future__ import annotations

import csv
import gzip
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "s3cret-canary"
WORDS = ("domain_id", "vocabulary_id", "concept_class_id", "relationship_id", "specimen_source_id")


def binaries() -> Path | None:
    """Where `initdb` and `postgres` are; None where this machine has none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return homes[-1].parent if homes else None


@dataclass(frozen=True)
class Server:
    """A running server; `uri` of a database without its password."""

    bin: Path
    folder: Path
    identity: dict[str, Any]

    def uri(self, database: str, *, user: str = "postgres", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@/{database}?host={self.folder}"

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """What psql answers."""
        command = [str(self.bin / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement]
        done = subprocess.run(
            [*command, self.uri(database)], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def load(self, folder: Path, database: str, *, schema: str = "cdm") -> None:
        """The OMOP tables in `folder` (CSV, gzipped or not) as tables with the types of the CDM."""
        self.sql(f"CREATE DATABASE {database}")
        self.sql(f"CREATE SCHEMA {schema}", database=database)
        for path in sorted(folder.glob("*.csv*")):
            with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as handle:
                names = next(csv.reader(handle))
            table = path.name.split(".")[0].removeprefix("2b_")
            columns = ", ".join(f'"{name}" {_type(name)}' for name in names)
            self.sql(f"CREATE TABLE {schema}.{table} ({columns})", database=database)
            read = f"PROGRAM 'gzip -dc {path}'" if path.suffix == ".gz" else f"'{path}'"
            self.sql(f"\\copy {schema}.{table} FROM {read} CSV HEADER", database=database)
        self.sql("ANALYZE", database=database)

    def stop(self) -> None:
        """Stop at once, as a machine that loses its power."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        options = f"-c listen_addresses='' -c fsync=off -k {self.folder}"
        self._control("-o", options, "-l", str(self.folder / "log"), "start")

    def _control(self, *words: str) -> None:
        command = [str(self.bin / "pg_ctl"), "-D", str(self.folder / "data"), "-w", *words]
        run(command, self.identity)


def _type(column: str) -> str:
    if column in WORDS:
        return "varchar(200)"
    if column.endswith("_datetime"):
        return "timestamp"
    if column.endswith("_date"):
        return "date"
    if column.endswith("_as_number"):
        return "numeric"
    return "bigint" if column.endswith(("_id", "_of_birth")) else "text"


@contextmanager
def running() -> Iterator[Server]:
    """A server that runs meanwhile; not as root, which it refuses."""
    bin_folder = binaries()
    assert bin_folder is not None
    folder = Path(tempfile.mkdtemp(prefix="lifecourse-pg-"))
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    server = Server(bin=bin_folder, folder=folder, identity=identity)
    try:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        made = ["-D", str(folder / "data"), "-U", "postgres", "-E", "UTF8", "--no-sync"]
        made += ["--auth=scram-sha-256", f"--pwfile={secret}", "--locale=C"]
        run([str(bin_folder / "initdb"), *made], identity)
        server.start()
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run(command: list[str], identity: dict[str, Any]) -> None:
    # A server keeps the pipes it inherits: nothing is captured.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, check=True, cwd="/", **quiet, **identity)
