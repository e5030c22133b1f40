"""Rows of one table to events: what the mapping's expressions say, and what became of every row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from lifecourse.records.delimited.compiling import Compiler
from lifecourse.records.delimited.events import Template, events_of, number_of
from lifecourse.records.delimited.expressions import ExpressionError, parse
from lifecourse.records.delimited.mapping import OWN, SPREAD_COLUMN, SPREAD_VALUE
from lifecourse.records.delimited.moments import first_and_last
from lifecourse.records.delimited.tree import Column, Literal, Node, cell, columns_of, replaced
from lifecourse.records.delimited.values import as_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as Map

    from lifecourse.records.delimited.mapping import Event, Mapping

NO_SUBJECT = "no subject"
NO_EVENT = "nothing in the row is an event"
NO_TIME = "no time"
WRONG_TIME = "time is not in the form that the mapping states"
SIDES = ("end_time", "onset_time")


@dataclass(slots=True, kw_only=True)
class Told:
    """What a chunk of rows told."""

    events: list[pl.DataFrame] = field(default_factory=list)
    rejected: pl.DataFrame | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    identities: pl.DataFrame | None = None
    components: dict[str, pl.DataFrame] = field(default_factory=dict)
    concepts: list[pl.DataFrame] = field(default_factory=list)


class TableReading:
    """How the rows of a table become events.

    Parameters
    ----------
    lookups : tables by name, as text, that this one is joined with
    timezone : IANA name of times without an offset

    Raises
    ------
    SourceError
        An expression cannot be worked out; the message names its place in the mapping.
    """

    def __init__(
        self, mapping: Mapping, table: str, *, lookups: Map[str, pl.DataFrame], timezone: str
    ) -> None:
        self._mapping = mapping
        self._name = table
        self._table = mapping.tables[table]
        self._options = self._table.options
        self._lookups = lookups
        self._timezone = timezone
        self._nulls = ["", *mapping.missing_in(table)]
        self._compiler = Compiler()
        self._keys = {name for join in self._options.join.values() for name in join.left}
        self._made_keys = self._derive()
        subject = mapping.subject_of(table)
        self._subject = self._at((table,), lambda: self._compiler.text(subject))
        self._id = self._expression(("_table", "id"), self._options.id)
        self._drops = self._conditions("drop", self._options.drop)
        self._keeps = self._conditions("keep", self._options.keep)
        self.templates = [
            template
            for name, event in self._table.events.items()
            for template in self._templates(name, event)
        ]
        self._seen = {t.name: pl.DataFrame(schema=_SEEN) for t in self.templates if t.event.once}

    def read(self, rows: pl.DataFrame) -> Told:
        """What `rows` (text columns and ``row``) tell."""
        told = Told()
        rows = self._prepared(rows, told)
        named = rows.with_columns(subject_key=self._subject)
        judged = named.select("row", "subject_key", **self._drops, **self._keeps)
        nobody = judged.filter(pl.col("subject_key").is_null())["row"].unique()
        named = self._without_dropped(named, judged, told)
        named = named.filter(pl.col("subject_key").is_not_null())
        wrong = [self._answered(template, named, told) for template in self.templates]
        told.rejected = self._rejected(named, nobody, told, pl.concat(wrong))
        told.identities = self._identities(named)
        return told

    # -- what is worked out before a row is read -----------------------------------------------------------------

    def _at(self, where: tuple[str, ...], work: Callable[[], pl.Expr]) -> pl.Expr:
        try:
            return work()
        except ExpressionError as wrong:
            raise self._mapping.error(where, str(wrong)) from None

    def _expression(self, where: tuple[str, ...], text: str | None) -> pl.Expr | None:
        if text is None:
            return None
        return self._at((self._name, *where), lambda: self._compiler.text(parse(text)))

    def _derive(self) -> dict[str, pl.Expr]:
        """Take up the columns that are worked out from others; those that are keys of a join."""
        keys = {}
        for name, text in self._options.cols.items():
            where = (self._name, "_table", "cols", name)
            try:
                self._compiler.known[name] = self._compiler.value(parse(text))
                if name in self._keys:
                    keys[name] = as_text(self._compiler.known[name])
            except ExpressionError as wrong:
                raise self._mapping.error(where, str(wrong)) from None
        return keys

    def _conditions(self, kind: str, told: dict[str, str]) -> dict[str, pl.Expr]:
        return {
            f"{kind} {name}": self._at(
                (self._name, "_table", kind, name),
                lambda text=text: self._compiler.truth(parse(text)),  # type: ignore[misc]  # text is bound
            )
            for name, text in told.items()
        }

    def _templates(self, name: str, event: Event) -> list[Template]:
        if not event.spread_over:
            part = name if len(self._table.events) > 1 else None
            return [self._template(name, event, part, {})]
        return [
            self._template(
                name, event, column, {SPREAD_COLUMN: Literal(told), SPREAD_VALUE: Column(column)}
            )
            for column, told in event.spread_over.items()
        ]

    def _template(
        self, name: str, event: Event, part: str | None, stands_for: dict[str, Node]
    ) -> Template:
        trees = {k: replaced(node, stands_for) for k, node in event.expressions().items()}
        told: dict[str, pl.Expr] = {}
        for key, node in trees.items():
            try:
                told |= self._property(key, node)
            except ExpressionError as wrong:
                raise self._mapping.error((self._name, name, key), str(wrong)) from None
        components = {
            column: self._compiler.text(replaced(Column(column), stands_for))
            for column in sorted(columns_of(parse(event.code)))
        }
        return Template(
            name=name,
            part=part,
            event=event,
            told=told,
            timed="time" in trees,
            time_columns=tuple(sorted(self._of_rows(trees["time"]))) if "time" in trees else (),
            components=components if set(event.metadata) - {OWN} else {},
            own={
                key: self._at(
                    (self._name, name, "_metadata", OWN),
                    lambda text=text: self._compiler.text(replaced(parse(text), stands_for)),  # type: ignore[misc]  # bound
                )
                for key, text in event.metadata.get(OWN, {}).items()
            },
        )

    def _of_rows(self, node: Node) -> set[str]:
        """The columns of the table that `node` is made of, through those that are worked out from others."""
        made = self._options.cols
        return set().union(
            *(
                self._of_rows(parse(made[name])) if name in made else {name}
                for name in columns_of(node)
            )
        )

    def _property(self, key: str, node: Node) -> dict[str, pl.Expr]:
        match key:
            case "when":
                return {"when": self._compiler.truth(node)}
            case "time" | "end_time" | "onset_time":
                moment = self._compiler.moment(node)
                first, last = first_and_last(
                    moment.expr, moment.utc, moment.precision, self._timezone
                )
                precision = moment.precision
                if not isinstance(precision, pl.Expr):
                    precision = pl.lit(precision, pl.String)
                return {f"{key} first": first, f"{key} last": last, f"{key} precision": precision}
            case "numeric_value":
                return number_of(self._compiler.value(node))
            case _:
                return {key: self._compiler.text(node)}

    # -- rows ----------------------------------------------------------------------------------------------------

    def _prepared(self, rows: pl.DataFrame, told: Told) -> pl.DataFrame:
        texts = [pl.col(name).str.strip_chars() for name in rows.columns if name != "row"]
        rows = rows.with_columns(pl.when(~text.is_in(self._nulls)).then(text) for text in texts)
        rows = rows.with_columns(expr.alias(cell(name)) for name, expr in self._made_keys.items())
        for name, join in self._options.join.items():
            found = self._lookups[name]
            left, right = ([cell(name) for name in side] for side in (join.left, join.right))
            there = rows.drop_nulls(left)
            unmet = there.join(found, left_on=left, right_on=right, how="anti").height
            _add(told.counts, f"{self._name}: rows without a row in {name}", unmet)
            rows = rows.join(found, left_on=left, right_on=right, how="left", maintain_order="left")
        for step in self._compiler.steps:
            rows = step.applied(rows)
        return rows

    def _without_dropped(
        self, rows: pl.DataFrame, judged: pl.DataFrame, told: Told
    ) -> pl.DataFrame:
        """The rows that no condition leaves out; each that is left out counts for the first that does."""
        gone = pl.lit(None, pl.String)
        for name in reversed([*self._drops, *self._keeps]):
            kind, _, condition = name.partition(" ")
            holds = pl.col(name).fill_null(False)
            label = (
                f"{self._name}: {condition}" if kind == "drop" else f"{self._name}: not {condition}"
            )
            gone = pl.when(holds if kind == "drop" else ~holds).then(pl.lit(label)).otherwise(gone)
        if not (self._drops or self._keeps):
            return rows
        marked = judged.select("row", "subject_key", gone=gone)
        out = marked.filter(pl.col("gone").is_not_null() & pl.col("subject_key").is_not_null())
        if self._options.join:  # a row that a join made several of is out when all of them are
            out = out.join(marked.filter(pl.col("gone").is_null()), on="row", how="anti")
        counted = out.unique("row").group_by("gone").len()
        for label, count in counted.iter_rows():
            _add(told.left_out, label, count)
        return rows.filter(marked["gone"].is_null())

    def _answered(self, template: Template, rows: pl.DataFrame, told: Told) -> pl.DataFrame:
        try:
            return self._asked(template, rows, told)
        except pl.exceptions.PolarsError as wrong:
            # Of our own doing or the mapping's, and not damage to the file.
            raise self._mapping.error(
                (self._name, template.name), f"cannot be worked out ({type(wrong).__name__})"
            ) from wrong

    def _asked(self, template: Template, rows: pl.DataFrame, told: Told) -> pl.DataFrame:
        """Add the events that `rows` tell by `template`; the rows whose time cannot be read, as ``row``."""
        event, label = template.event, f"{self._name}.{template.name}"
        missing_time = pl.any_horizontal(
            pl.lit(False), *(pl.col(cell(c)).is_not_null() for c in template.time_columns)
        )
        asked = rows.select(
            "row",
            "subject_key",
            source_id=pl.lit(None, pl.String) if self._id is None else self._id,
            has_time=missing_time,
            **template.told,
        )
        if "when" in template.told:
            asked = asked.filter("when")
        coded = asked.filter(pl.col("code").is_not_null() & (pl.col("code") != ""))
        _add(told.counts, f"{label}: no code", asked.height - coded.height)
        wrong = pl.DataFrame(schema={"row": pl.UInt32})
        if template.timed:
            timeless = coded.filter(pl.col("time first").is_null())
            wrong = timeless.filter("has_time").select("row")
            _add(told.counts, f"{label}: {NO_TIME}", timeless.height - wrong.height)
            _add(told.counts, f"{label}: {WRONG_TIME}", wrong.height)
            coded = coded.filter(pl.col("time first").is_not_null())
        for name in event.further:
            _add(
                told.counts,
                f"{label}: property {name}, for which an event has no place",
                coded.height,
            )
        if "not a number" in coded.columns:
            plain = coded.filter(pl.col("not a number").is_not_null()).height
            _add(told.counts, f"{label}: values that are no number, kept as text", plain)
        if event.once:
            coded = self._first_of_each(template, coded)
        if coded.height:
            told.events.append(events_of(coded, template))
            self._components(template, rows, told)
        return wrong

    def _first_of_each(self, template: Template, coded: pl.DataFrame) -> pl.DataFrame:
        firsts = coded.unique(["subject_key", "code"], keep="first", maintain_order=True)
        seen = self._seen[template.name]
        new = firsts.join(seen, on=["subject_key", "code"], how="anti", maintain_order="left")
        self._seen[template.name] = pl.concat([seen, new.select("subject_key", "code")])
        return new

    def _components(self, template: Template, rows: pl.DataFrame, told: Told) -> None:
        if template.own:
            nothing = pl.lit(None, pl.String)
            said = rows.select(
                code=template.told["code"],
                description=template.own.get("description", nothing),
                parent=template.own.get("parent_codes", nothing),
            )
            told.concepts.append(said.unique())
        if not template.components:
            return
        pairs = rows.select(
            template.told["code"].alias("code told"), **template.components
        ).unique()
        before = told.components.get(template.name)
        told.components[template.name] = pairs if before is None else pl.concat([before, pairs])

    def _rejected(
        self, rows: pl.DataFrame, nobody: pl.Series, told: Told, wrong: pl.DataFrame
    ) -> pl.DataFrame:
        """``row`` and ``reason`` of rows that told nothing."""
        spoken = pl.concat([e["source_row"] for e in told.events]) if told.events else None
        silent = rows.select("row").unique(maintain_order=True)
        if spoken is not None:
            silent = silent.filter(~pl.col("row").is_in(spoken.unique().implode()))
        if self._seen and all(template.event.once for template in self.templates):
            _add(told.left_out, f"{self._name}: said by an earlier row", silent.height)
            silent = silent.clear()
        is_wrong = pl.col("row").is_in(wrong["row"].implode())
        reason = pl.when(is_wrong).then(pl.lit(WRONG_TIME)).otherwise(pl.lit(NO_EVENT))
        return pl.concat(
            [
                silent.with_columns(reason=reason),
                nobody.alias("row").to_frame().with_columns(reason=pl.lit(NO_SUBJECT)),
            ]
        )

    def _identities(self, rows: pl.DataFrame) -> pl.DataFrame | None:
        who = self._options.identity
        if who is None or not rows.height:
            return None
        name = self._expression(("_table", "identity", "name"), who.name)
        name = pl.lit(None, pl.String) if name is None else name
        nothing = pl.lit(None, pl.String)
        parts = [
            rows.select("subject_key", system=pl.lit(system), value=value, name=name)
            for system, text in who.identifiers.items()
            for value in [self._expression(("_table", "identity", "identifiers", system), text)]
        ] or [rows.select("subject_key", system=nothing, value=nothing, name=name)]
        return pl.concat(parts).unique(maintain_order=True)


_SEEN = {"subject_key": pl.String, "code": pl.String}


def _add(counts: dict[str, int], what: str, count: int) -> None:
    if count:
        counts[what] = counts.get(what, 0) + count
