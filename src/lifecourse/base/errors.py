"""What can go wrong and whose mistake it is.

`UserError` is the caller's to mend and is shown without a traceback (exit code 2). `PolicyRefused` is a
rule doing its work (exit code 3). Anything else is ours. Every error has a number that the manual lists;
messages say what was wrong, where, what was allowed and what to do, and never quote a value from a record.
"""

from __future__ import annotations

from typing import ClassVar


class LifecourseError(Exception):
    """An error that is shown to the user by number, without a traceback."""

    number: ClassVar[int] = 0
    exit_code: ClassVar[int] = 2

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.number}: {super().__str__()}"


class UserError(LifecourseError):
    """The caller's input cannot be used as it is."""

    number = 100


class SourceError(UserError):
    """A source of records cannot be read at all."""

    number = 110


class StoreError(UserError):
    """A store is absent, damaged or of another version."""

    number = 120


class StoreDamaged(StoreError):
    """Bytes in a store are not the bytes that were written."""

    number = 121


class StoreBusy(StoreError):
    """Another process is writing this store."""

    number = 122


class KeyUnavailable(StoreError):
    """A store is encrypted and its key is not to be had."""

    number = 123


class WrongKey(StoreDamaged):
    """A key does not open what it should: it is another store's, or what it wrapped was changed."""

    number = 124


class ManifestDamaged(StoreDamaged):
    """A manifest or the keys of a store are truncated, changed, or another store's."""

    number = 125


class FileChanged(StoreDamaged):
    """A file of a store is missing, or its bytes are not those that were written."""

    number = 126


class FileSwapped(StoreDamaged):
    """A file of a store lies in another's place."""

    number = 127


class StoreOutdated(StoreError):
    """A store is of an earlier format, which is read but not added to."""

    number = 128


class ConfigError(UserError):
    """`lifecourse.yaml` or another data file has an unknown key or a wrong value."""

    number = 130


class CodelistError(UserError):
    """A codelist is unknown or empty for the question asked."""

    number = 210


class TaskError(UserError):
    """A task definition cannot be run."""

    number = 214


class RecipeError(UserError):
    """A feature recipe cannot be run."""

    number = 220


class ModelError(UserError):
    """A model cannot be trained, loaded or applied."""

    number = 230


class KnowledgeError(UserError):
    """A score or rule file is wrong or fails its own worked cases; it does not load."""

    number = 240


class PolicyRefused(LifecourseError):
    """Who asks, and why, does not allow this."""

    number = 300
    exit_code = 3
