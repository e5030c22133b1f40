"""FHIR Consents taken in beside a store: whose each is, by the ids under which the store knows its people."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from lifecourse.base.errors import PolicyRefused, SourceError
from lifecourse.base.json_text import parse
from lifecourse.privacy.access.asking import Action
from lifecourse.privacy.access.consent import DENIES_ALL, rule_of
from lifecourse.privacy.access.consents import Consents
from lifecourse.schema.actor import Actor, Purpose
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.seals import seals_of
from lifecourse.timeline.store import Store

SUFFIXES = (".json", ".ndjson", ".json.gz", ".ndjson.gz")


def keep_consents(store: Path, source: Path, *, actor: Actor, purpose: Purpose) -> dict[str, Any]:
    """Keep every Consent in `source` (a file or a folder of FHIR JSON or NDJSON) with whose it is.

    A Consent of the same person and id takes the place of the one before, so every night's export can be given. They
    lie beside the store, readable by its owner alone and sealed where the store is, and are erased with their person.

    Returns
    -------
    ``kept`` now, and of those given: ``read``, ``not_in_force``, ``unreadable`` (each denies everything about its
    person until it can be read) and ``of_nobody`` (their patient is not in the store, and they are not kept)

    Raises
    ------
    SourceError
        A file is not JSON, or names a key twice; the message says which, and where.
    PolicyRefused
        The store does not know who its people are, or no policy lets `actor` keep it.
    """
    timeline = open_timeline(store, actor=actor, purpose=purpose, to=Action.MAINTAIN)
    found = Store.at(store)
    manifest = found.manifest(timeline.version)
    if manifest.identity is None:
        timeline.record("keep consents", "store", "refused")
        raise PolicyRefused(
            "this store does not know who its people are, so nobody can tell whose a consent is. Keep consents beside "
            "the store that was read from their records."
        )
    subjects = _by_key(found.read(manifest.identity))
    given = list(_consents(source))
    theirs = [(_whose(consent, subjects), consent) for consent in given]
    kept = [(subject, consent) for subject, consent in theirs if subject is not None]
    house = found.audit_folder.parent
    consents = Consents(home=house, keys=seals_of(found))
    timeline.record("keep consents", "store", rows=len(kept))
    rules = [rule_of(consent) for _, consent in kept]
    return {
        "read": len(given),
        "of_nobody": len(given) - len(kept),
        "not_in_force": rules.count(None),
        "unreadable": sum(rule is DENIES_ALL for rule in rules),
        "kept": consents.keep(kept),
    }


def _by_key(identities: pl.DataFrame) -> dict[str, int]:
    """Subject ids by the id that a source gave; an id of two people is nobody's."""
    named = identities.select("subject_key", "subject_id").unique()
    once = named.filter(pl.col("subject_key").is_unique())
    return dict(once.iter_rows())


def _whose(consent: dict[str, Any], subjects: dict[str, int]) -> int | None:
    """The subject whom the patient's reference names, by id or by the ``urn:uuid:`` that stands for one in a Bundle."""
    patient = consent.get("patient")
    reference = patient.get("reference") if isinstance(patient, dict) else None
    named = str(reference or "").partition("/_history/")[0]
    names = (named, named.rpartition("Patient/")[2], named.removeprefix("urn:uuid:"))
    return next((subjects[name] for name in names if name in subjects), None)


def _consents(source: Path) -> Iterator[dict[str, Any]]:
    for path in _files(source):
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        is_lines = ".ndjson" in path.name
        for number, text in enumerate(raw.splitlines() if is_lines else [raw], start=1):
            if text.strip():
                yield from _within(_parsed(text, path, number), "Consent")


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(path for path in source.rglob("*") if path.name.endswith(SUFFIXES))


def _parsed(text: bytes, path: Path, line: int) -> Any:
    try:
        return parse(text)
    except ValueError:
        raise SourceError(
            f"{path.name}, line {line}: not valid JSON, or an object names a key twice. Give FHIR as JSON or NDJSON."
        ) from None


def _within(resource: Any, kind: str) -> Iterator[dict[str, Any]]:
    if not isinstance(resource, dict):
        return
    if resource.get("resourceType") == kind:
        yield resource
    for entry in resource.get("entry") or () if resource.get("resourceType") == "Bundle" else ():
        yield from _within(entry.get("resource") if isinstance(entry, dict) else None, kind)
