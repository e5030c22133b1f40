"""`lifecourse predict`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecourse.cli.arguments import (
    actor_of,
    add_identity,
    add_model,
    add_store,
    add_subject,
    purpose_of,
)
from lifecourse.cli.command import Command
from lifecourse.cli.output import plainly, table
from lifecourse.cli.workspace import model_of, store_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, STORE and whom."""
    add_model(parser)
    add_store(parser)
    add_subject(parser)
    add_identity(parser, purpose="direct_care")


def call(arguments: argparse.Namespace) -> Any:
    """A risk for one person, or for everyone, as of each one's last record."""
    from lifecourse.models import load_model, predict
    from lifecourse.privacy.access.asking import Action
    from lifecourse.timeline.access import open_timeline
    from lifecourse.timeline.derived import Derived

    store = store_of(arguments.store)
    model = load_model(model_of(arguments.model, arguments.store), Derived.of(store))
    timeline = open_timeline(
        store, actor=actor_of(arguments), purpose=purpose_of(arguments), to=Action.PREDICT
    )
    subjects = None if arguments.subject is None else [arguments.subject]
    return plainly(predict(model, timeline, subject_ids=subjects))


def text(risks: list[dict[str, Any]]) -> str:
    """A risk a line."""
    return table(risks)


COMMAND = Command(
    example="lifecourse predict mortality_1y workspace --subject 10000032",
    add_arguments=add_arguments,
    call=call,
    text=text,
)
