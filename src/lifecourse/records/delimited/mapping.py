"""The mapping file: which tables there are, and which events each of their rows tells.

Its form is MEDS-Extract's (0.7): tables by the stem of their file, in each the events by name, with ``code``, ``time``
and properties as expressions; ``_defaults`` and ``_table`` beside them. What is ours: ``_source``, ``missing``, and in
``_table`` ``drop``, ``keep``, ``id``, ``files``, ``encoding``, ``identity``; in events ``when``, ``spread``, ``once``,
``unit``, ``end_time``, ``onset_time``.
"""

from __future__ import annotations

import difflib
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from lifecourse.base.errors import SourceError
from lifecourse.base.texts import read_utf8
from lifecourse.base.yaml import Document, line_in, load_document
from lifecourse.records.delimited.expressions import ExpressionError, parse
from lifecourse.records.delimited.tree import Node, columns_of

if TYPE_CHECKING:
    from pathlib import Path

PROPERTIES = ("code", "time", "numeric_value", "text_value", "unit", "end_time", "onset_time")
"""What an event can say; any other property of MEDS-Extract has no column here, and is counted."""
OWN = "_self"
"""In ``_metadata``, the row itself: what it says of its code."""
SPREAD_COLUMN, SPREAD_VALUE = "column", "value"
AGGREGATIONS = ("min", "max", "sum", "mean", "count")


def _as_text(value: Any) -> Any:
    if (
        isinstance(value, dict) and len(value) == 1
    ):  # dftly's other form, for names with signs in them
        ((form, told),) = value.items()
        if form in ("column", "literal"):
            return f"$`{told}`" if form == "column" else f'"{told}"'
    if isinstance(value, dict | list):
        raise ExpressionError('an expression is one text, such as f"LAB//{$item}"')
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None else str(value)


def _is_expression(text: str) -> str:
    parse(text)
    return text


def _as_unit(value: Any) -> Any:
    """A unit without a column in it is that unit: ``mg/dL`` is no division, and ``%`` needs no quotes."""
    if isinstance(value, str) and value and not set(value) & set("$'\""):
        return f'"{value}"'
    return _as_text(value)


Expression = Annotated[str, BeforeValidator(_as_text), AfterValidator(_is_expression)]


Unit = Annotated[str, BeforeValidator(_as_unit), AfterValidator(_is_expression)]


class Join(Document):
    """Columns of another table, by a key of one or several columns: MEDS-Extract's ``_table.join``.

    cols : names (``label as item_name`` renames one), or name to aggregation
    """

    key: str | list[str] | None = None
    left_on: str | list[str] | None = None
    right_on: str | list[str] | None = None
    cols: list[str] | dict[str, Literal["min", "max", "sum", "mean", "count"]]

    @model_validator(mode="after")
    def _has_a_key(self) -> Join:
        if (self.key is None) == (self.left_on is None or self.right_on is None):
            raise ValueError("give key, or left_on and right_on")
        if len(self.left) != len(self.right):
            raise ValueError("left_on and right_on name as many columns")
        return self

    @property
    def left(self) -> list[str]:
        """The columns of the key here."""
        return _listed(self.key or self.left_on)

    @property
    def right(self) -> list[str]:
        """The columns of the key there."""
        return _listed(self.key or self.right_on)

    @property
    def columns(self) -> dict[str, str]:
        """The columns there, and what they are called here."""
        if isinstance(self.cols, dict):
            return {name: name for name in self.cols}
        pairs = (entry.partition(" as ") for entry in self.cols)
        return {name.strip(): (new or name).strip() for name, _, new in pairs}


def _listed(names: str | list[str] | None) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())


class Identity(Document):
    """Who the person of a row is, for the identity map: a name, and identifiers by their system."""

    name: Expression | None = None
    identifiers: dict[str, Expression] = Field(default_factory=dict)


class Defaults(Document):
    """What holds of all tables, or of all events of one."""

    subject_id: Expression | None = None
    missing: list[str] | None = None


class TableOptions(Document):
    """How a table is read.

    files : names or glob patterns of its files, where the table's own name is not their stem
    missing : spellings of a missing value, besides nothing at all
    cols : columns worked out from others, in their order
    drop, keep : conditions by name; rows that one of `drop` holds for, or one of `keep` does not, are left out, counted
    id : the record's own id, under which a later export replaces it
    """

    files: list[str] = Field(default_factory=list)
    encoding: str = "utf-8"
    missing: list[str] | None = None
    join: dict[str, Join] = Field(default_factory=dict)
    cols: dict[str, Expression] = Field(default_factory=dict)
    drop: dict[str, Expression] = Field(default_factory=dict)
    keep: dict[str, Expression] = Field(default_factory=dict)
    id: Expression | None = None
    identity: Identity | None = None

    @field_validator("encoding")
    @classmethod
    def _is_one_byte_a_sign(cls, name: str) -> str:
        try:
            known = "a,1\n".encode(name) == b"a,1\n"
        except LookupError:
            known = False
        if not known:
            raise ValueError("name an encoding with ASCII in it, such as utf-8, cp1252 or latin-1")
        return name


class Event(BaseModel):
    """An event that a row tells.

    time : None for a fact without a time
    spread : columns that each tell such an event, ``$column`` being its name (or what is said here) and ``$value`` what
        it says
    once : only the first row that tells it of a person
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Expression | None]

    code: Expression
    time: Expression | None
    numeric_value: Expression | None = None
    text_value: Expression | None = None
    unit: Unit | None = None
    end_time: Expression | None = None
    onset_time: Expression | None = None
    when: Expression | None = None
    spread: list[str] | dict[str, str] = Field(default_factory=list)
    once: bool = False
    metadata: dict[str, dict[str, Expression]] = Field(default_factory=dict, alias="_metadata")

    @model_validator(mode="before")
    @classmethod
    def _is_no_slip(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            raise ValueError("an event is a list of properties: code, time and the like")
        known = (*PROPERTIES, "when", "spread", "once", "_metadata")
        for name in raw:
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.8)
            if name not in known and (near or str(name).startswith("_")):
                meant = f"; did you mean {near[0]}?" if near else ""
                raise ValueError(f"there is no property {name}{meant}")
        if "time" not in raw and "code" in raw:
            raise ValueError("say when: time: $column, or time: null for a fact without a time")
        if "time_format" in raw:
            raise ValueError(
                'time_format is written time: $column as "%Y-%m-%d" since MEDS-Extract 0.6'
            )
        return raw

    @property
    def spread_over(self) -> dict[str, str]:
        """The columns that `spread` names, and what ``$column`` is for each."""
        return self.spread if isinstance(self.spread, dict) else {c: c for c in self.spread}

    @property
    def further(self) -> list[str]:
        """Properties that an event here has no place for."""
        return sorted(self.__pydantic_extra__)

    def expressions(self) -> dict[str, Node]:
        """Every property as a tree, by its name."""
        told = {name: getattr(self, name) for name in (*PROPERTIES, "when")}
        return {name: parse(text) for name, text in told.items() if text is not None}


class Table(BaseModel):
    """A table and its events."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Event]

    defaults: Defaults = Field(default_factory=Defaults, alias="_defaults")
    options: TableOptions = Field(default_factory=TableOptions, alias="_table")

    @model_validator(mode="before")
    @classmethod
    def _has_events(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or not [k for k in raw if not str(k).startswith("_")]:
            raise ValueError("a table needs an event: a name, and below it code and time")
        unknown = [k for k in raw if str(k).startswith("_") and k not in ("_defaults", "_table")]
        if unknown:
            raise ValueError(f"there is no {unknown[0]} of a table, only _defaults and _table")
        return raw

    @property
    def events(self) -> dict[str, Event]:
        """The events by name, in the order of the file."""
        return dict(self.__pydantic_extra__ or {})


class About(Document):
    """What the tables are: for who reads the mapping, and `issuer`, who gave the person ids."""

    title: str = ""
    about: str = ""
    source: str = ""
    licence: str = ""
    issuer: str | None = None


class _File(BaseModel):
    """The whole file; `sources` and `etl` are MEDS-Extract's own, for its downloads and stages."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Table]

    about: About = Field(default_factory=About, alias="_source")
    defaults: Defaults = Field(default_factory=Defaults, alias="_defaults")
    sources: Any = None
    etl: Any = None

    @field_validator("sources", "etl", mode="before")
    @classmethod
    def _is_let_be(cls, raw: Any) -> None:
        del raw

    @model_validator(mode="after")
    def _has_tables(self) -> _File:
        if not self.__pydantic_extra__:
            raise ValueError("there is no table: name one by the stem of its file, and its events")
        return self


class Mapping:
    """A mapping file, read; `path` is where it lies, and where its lookup tables may lie too.

    Raises
    ------
    SourceError
        It cannot be used; the message names file, line and key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = load_document(path, _File, error=SourceError)
        for name, table in self.tables.items():
            for event in table.events:
                self._check(name, event)

    @property
    def about(self) -> About:
        """What the tables are."""
        return self._file.about

    @property
    def tables(self) -> dict[str, Table]:
        """The tables by name."""
        return dict(self._file.__pydantic_extra__ or {})

    def subject_of(self, table: str) -> Node:
        """Whose rows these are; where nothing says it, the column ``subject_id`` does, as in MEDS-Extract."""
        told = self.tables[table].defaults.subject_id or self._file.defaults.subject_id
        return parse(told or "$subject_id")

    def missing_in(self, table: str) -> list[str]:
        """How the table spells a missing value."""
        options, defaults = self.tables[table].options, self.tables[table].defaults
        for told in (options.missing, defaults.missing, self._file.defaults.missing):
            if told is not None:
                return told
        return []

    def columns_of(self, table: str) -> dict[str, tuple[str, ...]]:
        """The columns that the table's own file must have, and where in the mapping each is first named."""
        told: dict[str, tuple[str, ...]] = {}
        for where, names in self._named(table):
            for name in sorted(names):
                told.setdefault(name, where)
        options = self.tables[table].options
        made = {
            *options.cols,
            *(n for join in options.join.values() for n in join.columns.values()),
        }
        return {name: where for name, where in told.items() if name not in made}

    def _named(self, table: str) -> list[tuple[tuple[str, ...], set[str]]]:
        options = self.tables[table].options
        subject = self.subject_of(table)
        named: list[tuple[tuple[str, ...], set[str]]] = [((table,), columns_of(subject))]
        texts = [
            *((("_table", "cols", n), e) for n, e in options.cols.items()),
            *((("_table", "drop", n), e) for n, e in options.drop.items()),
            *((("_table", "keep", n), e) for n, e in options.keep.items()),
            (("_table", "id"), options.id),
        ]
        if options.identity is not None:
            who = options.identity
            texts += [(("_table", "identity"), e) for e in (who.name, *who.identifiers.values())]
        named += [((table, *where), columns_of(parse(e))) for where, e in texts if e is not None]
        named += [((table, "_table", "join", n), set(j.left)) for n, j in options.join.items()]
        for name, event in self.tables[table].events.items():
            spread = set(event.spread_over)
            own = {SPREAD_COLUMN, SPREAD_VALUE} if spread else set()
            for key, node in event.expressions().items():
                named.append(((table, name, key), columns_of(node) - own))
            named.append(((table, name, "spread"), spread))
            for text in event.metadata.get(OWN, {}).values():
                named.append(((table, name, "_metadata", OWN), columns_of(parse(text)) - own))
        return named

    def _check(self, table: str, event: str) -> None:
        found = self.tables[table].events[event]
        components = columns_of(parse(found.code))
        for name, block in found.metadata.items():
            if name != OWN and not components & set(block):
                raise self.error(
                    (table, event, "_metadata", name),
                    f"no line is named as a column of the code ({', '.join(sorted(components)) or 'it has none'})",
                )

    def error(self, where: tuple[str, ...], what: str) -> SourceError:
        """An error at a place of the file."""
        line = line_in(read_utf8(self.path, SourceError), where)
        return SourceError(f"{self.path.name}, line {line}: {'.'.join(where)}: {what}.")

    @cached_property
    def lookups(self) -> set[str]:
        """Names of the tables that are only looked into: joined, or saying what codes mean."""
        named = set()
        for table in self.tables.values():
            named |= set(table.options.join)
            for event in table.events.values():
                named |= set(event.metadata) - {OWN}
        return named
