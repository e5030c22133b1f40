"""Who may be the same person: pairs of people proposed to a reviewer, by what identifies them; nothing is merged.

Names, birth dates, sexes, postal codes and identifiers are those that the stores took from their raw records. The model
is Fellegi and Sunter's (doi:10.1080/01621459.1969.10501049), its weights learnt from the pairs themselves by
expectation maximisation, in Splink (https://github.com/moj-analytical-services/splink, the extra `linkage`) on DuckDB
in this process. A reviewer writes ``same`` or ``different`` behind each pair, and the file is then a map for
`ingest --same-as`, in which only ``same`` counts.
"""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from lifecourse.base.errors import PolicyRefused, UserError
from lifecourse.base.spreadsheets import without_formulas
from lifecourse.privacy.access.asking import Action
from lifecourse.privacy.audit import AuditLog
from lifecourse.privacy.spilling import NO_SPILLING
from lifecourse.schema.actor import Identifiability, Purpose
from lifecourse.schema.address import ADDRESS, ZIP
from lifecourse.timeline.access import open_timeline
from lifecourse.timeline.identity import CHAIN, DECISION
from lifecourse.timeline.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lifecourse.schema.actor import Actor

THRESHOLD = 0.9
FEWEST = 20
"""Below so many people on a side, weights learnt from the pairs mean nothing."""
WARNING = (
    "# Holds names and identifiers of people: readable by you alone, keep it so, and delete it when it is reviewed.\n"
    f"# Write 'same' or 'different' under {DECISION}; then: lifecourse ingest SOURCE --store STORE --same-as THIS\n"
)
SHOWN = ("name", "birth", "sex", "postal", "identifiers")
PEOPLE = {
    "unique_id": pl.String(),
    "person": pl.String(),
    "source": pl.String(),
    "id": pl.String(),
    "name": pl.String(),
    "given": pl.String(),
    "family": pl.String(),
    "birth": pl.String(),
    "sex": pl.String(),
    "postal": pl.String(),
    "identifiers": pl.List(pl.String()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkageReport:
    """What was compared and proposed, in counts.

    people : by issuer
    pairs : proposed at or above `threshold`, the probability that two records are one person's
    shared : people who are in more than one pair: at most one can be right, unless their own source has them twice
    """

    people: dict[str, int]
    pairs: int
    shared: int
    threshold: float
    proposal: str

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        return asdict(self)


def link(
    stores: Sequence[Path],
    proposal: Path,
    *,
    actor: Actor,
    threshold: float = THRESHOLD,
    within: bool = False,
    seed: int = 0,
) -> LinkageReport:
    """Propose pairs of people of `stores` who may be one, in the file `proposal` (CSV, mode 0600).

    Parameters
    ----------
    stores : one or several; people are told apart by issuer and id
    threshold : least probability of a pair that is proposed
    within : look for people whom one issuer has twice, too
    seed : of the random pairs from which chance agreement is learnt

    Raises
    ------
    PolicyRefused
        A store is pseudonymous: it knows nobody's name.
    UserError
        There is too little to link, or `proposal` is there already.
    """
    if proposal.exists():
        raise UserError(
            f"there is a file {proposal.name} already, maybe with decisions in it. Name another."
        )
    told = [_people(store, actor, number) for number, store in enumerate(stores)]
    people = pl.concat(told).unique("unique_id", keep="first", maintain_order=True)
    sizes = dict(people["source"].value_counts(sort=True).iter_rows())
    if max(sizes.values(), default=0) < FEWEST or (len(sizes) < 2 and not within):
        raise UserError(
            f"there is nothing to link: {len(sizes)} issuer(s) with {people.height} people. Give stores of two issuers "
            f"and at least {FEWEST} people, or look --within one."
        )
    pairs = _pairs(people, threshold=threshold, within=within, seed=seed)
    _write(proposal, _shown(pairs, people))
    sides = pl.concat([pairs["left"], pairs["right"]])
    return LinkageReport(
        people=sizes,
        pairs=pairs.height,
        shared=int((sides.value_counts()["count"] > 1).sum()) if pairs.height else 0,
        threshold=threshold,
        proposal=proposal.name,
    )


# -- who there is --------------------------------------------------------------------------------------------


def _people(path: Path, actor: Actor, number: int) -> pl.DataFrame:
    """One row for each id of each issuer of a store, with what identifies the person (columns of `PEOPLE`)."""
    store = Store.at(path)
    manifest = store.manifest()
    audit = AuditLog(store.audit_folder)
    if manifest.identifiability == Identifiability.PSEUDONYMOUS or manifest.identity is None:
        audit.record(
            actor=actor,
            purpose=Purpose.OPERATIONS,
            action="link",
            target="store",
            outcome="refused",
        )
        raise PolicyRefused(
            f"'{path.name}' has no identities: people are linked where names are known. Link the identified stores, "
            "before pseudonyms are made."
        )
    timeline = open_timeline(path, actor=actor, purpose=Purpose.OPERATIONS, to=Action.MAINTAIN)
    audit.record(actor=actor, purpose=Purpose.OPERATIONS, action="link", target="store")
    told = store.read(manifest.identity)
    same = pl.concat_str("system", pl.lit("|"), "value")
    named = told.group_by("subject_id", "issuer", "subject_key").agg(
        pl.col("name").drop_nulls().sort().first(),
        identifiers=same.drop_nulls().unique().sort(),
    )
    persons = timeline.persons().select("subject_id", "birth", "sex")
    places = [
        code for code in timeline.codes.codes if f"//{ZIP}//" in code and code.startswith(ADDRESS)
    ]
    lived = timeline.holding.matching(
        list(range(timeline.n_shards)), ("subject_id", "time", "code"), places
    )
    latest = lived.sort("time", nulls_last=False).group_by("subject_id").agg(pl.col("code").last())
    whole = named.join(persons, on="subject_id", how="left").join(
        latest, on="subject_id", how="left"
    )
    return whole.select(
        unique_id=pl.concat_str("issuer", pl.lit("\x1f"), "subject_key"),
        person=pl.format("{} {}", pl.lit(number), "subject_id"),
        source="issuer",
        id="subject_key",
        name="name",
        given=_plain(pl.col("name")).str.extract(r"^(\S+)"),
        family=_plain(pl.col("name")).str.extract(r"\s(\S+)$"),
        birth=pl.col("birth").dt.strftime("%Y-%m-%d"),
        sex="sex",
        postal=pl.col("code").cast(pl.String).str.extract(r"([^/]+)$"),
        identifiers=pl.when(pl.col("identifiers").list.len() > 0).then(pl.col("identifiers")),
    ).cast(PEOPLE)  # type: ignore[arg-type]  # a Mapping is invariant in its keys


def _plain(name: pl.Expr) -> pl.Expr:
    """A name as it is compared: small letters without accents and signs."""
    bare = name.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    return bare.str.replace_all(r"[^\p{L}\s]", "").str.strip_chars()


# -- who may be whom -----------------------------------------------------------------------------------------


def _pairs(people: pl.DataFrame, *, threshold: float, within: bool, seed: int) -> pl.DataFrame:
    """``left right match_weight match_probability`` of the pairs at or above `threshold`, the surest first."""
    try:
        from splink.internals.exceptions import SplinkException
    except ImportError:
        raise UserError(
            "linking people needs the extra `linkage`: pip install 'lifecourse[linkage]'."
        ) from None
    # Its log tells values of the records; only counts may leave.
    logging.getLogger("splink").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = _predicted(people, threshold=threshold, within=within, seed=seed)
    except SplinkException:
        # What it says may quote the records.
        raise UserError(
            "the people have too little in common to learn from: names or birth dates are missing, or hardly anybody "
            "is in two of the sources. Give stores that know who people are."
        ) from None
    known = dict(people.select("unique_id", "person").iter_rows())
    side = [pl.col(f"unique_id_{end}").replace_strict(known) for end in ("l", "r")]
    return (
        table.filter(side[0] != side[1])  # whom a store has as one already
        .select(
            left=pl.min_horizontal("unique_id_l", "unique_id_r"),
            right=pl.max_horizontal("unique_id_l", "unique_id_r"),
            match_weight="match_weight",
            match_probability="match_probability",
        )
        .unique(["left", "right"])
        .sort("match_weight", "left", "right", descending=[True, False, False])
    )


def _predicted(people: pl.DataFrame, *, threshold: float, within: bool, seed: int) -> pl.DataFrame:
    """Learn the weights from the pairs themselves, and weigh those that share enough to be looked at."""
    import duckdb
    from splink import Linker, block_on
    from splink.backends.duckdb import DuckDBAPI

    has_identifiers = people["identifiers"].null_count() < people.height
    parts = people.sort("unique_id").partition_by("source", maintain_order=True)
    database = DuckDBAPI(connection=duckdb.connect(config=dict(NO_SPILLING)))
    tables = [
        database.register(
            part.drop("person", "source", "id", "name").to_arrow(), dataset_display_name=f"s{n}"
        )
        for n, part in enumerate(parts)
    ]
    settings = _settings(len(parts), within=within, has_identifiers=has_identifiers)
    linker = Linker(tables, settings, log_level=logging.CRITICAL, validate_settings=False)
    surely: list[Any] = [block_on("given", "family", "birth")]
    surely += [_sharing_identifiers()] if has_identifiers else []
    linker.training.estimate_probability_two_random_records_match(surely, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=seed)
    for rule in (block_on("birth"), block_on("given", "family")):
        linker.training.estimate_parameters_using_expectation_maximisation(
            rule, record_sample_proportion=1.0
        )
    found = linker.inference.predict(threshold_match_probability=threshold)
    table = pl.from_arrow(found.as_duckdbpyrelation().to_arrow_table())
    assert isinstance(table, pl.DataFrame)  # noqa: S101 -- a table, not a column
    return table


def _settings(n_sources: int, *, within: bool, has_identifiers: bool) -> Any:
    """What of two people is compared, and which pairs are looked at."""
    import splink.comparison_library as compared
    from splink import SettingsCreator, block_on

    alone: Any = "dedupe_only" if n_sources == 1 else "link_and_dedupe"
    return SettingsCreator(
        link_type=alone if within else "link_only",
        unique_id_column_name="unique_id",
        comparisons=[
            compared.NameComparison("given"),
            compared.NameComparison("family").configure(term_frequency_adjustments=True),
            compared.DateOfBirthComparison("birth", input_is_string=True),
            compared.ExactMatch("sex"),
            compared.DamerauLevenshteinAtThresholds("postal", 1),
            *([compared.ArrayIntersectAtSizes("identifiers", [1])] if has_identifiers else []),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("birth"),
            block_on("family", "given"),
            block_on("family", "substr(birth, 1, 4)"),
            block_on("given", "postal"),
            block_on("substr(family, 1, 3)", "substr(birth, 6, 5)"),
            *([_sharing_identifiers()] if has_identifiers else []),
        ],
        retain_matching_columns=False,
    )


def _sharing_identifiers() -> Any:
    from splink import block_on

    return block_on("identifiers", arrays_to_explode=["identifiers"])


# -- what the reviewer sees ----------------------------------------------------------------------------------


def _shown(pairs: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """The pairs as a map of identifiers, undecided, with both people side by side."""
    told = people.with_columns(pl.col("identifiers").list.join("; "))
    right = told.rename({n: f"{n}_there" for n in told.columns if n != "unique_id"})
    whole = pairs.join(told, left_on="left", right_on="unique_id", maintain_order="left").join(
        right, left_on="right", right_on="unique_id", maintain_order="left"
    )
    side_by_side = [name for shown in SHOWN for name in (shown, f"{shown}_there")]
    return whole.select(
        pl.col("source").alias(CHAIN[0]),
        pl.col("id").alias(CHAIN[1]),
        pl.col("source_there").alias(CHAIN[2]),
        pl.col("id_there").alias(CHAIN[3]),
        pl.lit("").alias(DECISION),
        pl.col("match_weight").round(2),
        pl.col("match_probability").round(4),
        *side_by_side,
    )


def _write(path: Path, pairs: pl.DataFrame) -> None:
    """Write the proposal for its owner alone; never over an earlier one, which may be half reviewed."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(WARNING)
        file.write(without_formulas(pairs).write_csv())
