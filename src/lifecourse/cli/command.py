"""What a command is, and the list of them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

COMMANDS = {
    "run": "take a source of records all the way to plans, in a workspace",
    "serve": "show a workspace as pages, JSON and CDS Hooks cards on this machine",
    "pages": "write the pages of people who do not exist as files, to open without a server",
    "ingest": "read records into a store: new, changed and deleted ones",
    "link": "propose who of several sources is the same person; nothing is merged",
    "inspect": "say what a store holds, and what was not understood",
    "label": "ask a task of a store: one outcome per subject and prediction time",
    "featurize": "describe labelled moments by what was known at each",
    "train": "learn a task's risk model, or say why there is too little to learn from",
    "phenotypes": "judge phenotypes by the truth of a simulated hospital, or by clinicians' verdicts on charts",
    "evaluate": "measure a model on a store, with intervals and calibration",
    "bedside": "make a score of a few facts and whole points from a model, to print and as a score file",
    "report": "say what a model's reports tell and miss, and take in what only its authors can say",
    "recalibrate": "bring a model's risks to how often it happens here; what it learned stays",
    "monitor": "compare what a model meets now with what it learned from, and raise alarms",
    "predict": "give risks from a model for people in a store",
    "discover": "find which conditions follow which, and confirm it on other people",
    "plan": "make care plans, each answer with the events that decided it",
    "whatif": "say what treatments would do to one person's risks, alone and together",
    "score": "compute a published risk score from inputs you type",
    "rules": "list the recommendations, or export them as FHIR PlanDefinitions with CQL",
    "pgx": "call pharmacogenes from genotypes: diplotypes, phenotypes, what was not tested",
    "simulate": "make synthetic people in FHIR, OMOP or MEDS, with the truth beside them",
    "audit": "verify who looked at whom, sign it for a witness, list one person's disclosures, export FHIR AuditEvents",
    "consent": "keep people's FHIR Consents beside a store, where policies ask them",
    "erase": "erase one person from a store, every version of it, and what a workspace made of them",
    "vocabulary": "make one file of the code systems a site owns, and look codes up in it",
    "store": "look after a store: verify its bytes and audit log, back it up, restore it, turn its keys, migrate it",
    "config": "show a workspace's settings, without secrets",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command: how to ask for it, what it calls and how its result reads.

    `call` returns what ``--json`` prints; `text` says the same to a person.
    """

    example: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    call: Callable[[argparse.Namespace], Any]
    text: Callable[[Any], str]


def load(name: str) -> Command:
    """The command called `name`; its module has the same name."""
    command: Command = import_module(f"lifecourse.cli.{name}").COMMAND
    return command
