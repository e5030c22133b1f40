"""Who may be the same person: a proposal with weights for a reviewer, on people whose truth is known."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lifecourse.base.errors import PolicyRefused, SourceError, UserError
from lifecourse.cli import main
from lifecourse.privacy.audit import AuditLog
from lifecourse.schema.actor import Actor, Identifiability
from lifecourse.timeline.identity import read_same_as
from lifecourse.timeline.ingestion import ingest
from lifecourse.timeline.linkage import link
from lifecourse.timeline.store import Store

pytest.importorskip("splink", reason="linking people needs the extra `linkage`")

ACTOR = Actor(name="reviewer")
SYLLABLES = [a + b for a in "bdklmnrstv" for b in "aeio"]
COLUMNS = ("id", "name", "birth", "sex", "zip", "insurance")


def names(random: np.random.Generator, number: int, syllables: int) -> list[str]:
    return ["".join(random.choice(SYLLABLES, syllables)).title() for _ in range(number)]


def mistyped(text: str, random: np.random.Generator) -> str:
    """`text` with one letter left out, doubled, exchanged with the next, or another one."""
    at = int(random.integers(0, len(text) - 1))
    match int(random.integers(0, 4)):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[:at] + text[at] + text[at:]
        case 2:
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        case _:
            return text[:at] + "e" + text[at + 1 :]


def hospital_and_registry(folder: Path, people: int, *, seed: int) -> dict[str, str]:
    """Two folders of tables, about half of the people in both with slips; who of the registry is whom of the hospital."""
    random = np.random.default_rng(seed)
    given, family = names(random, 120, 2), names(random, 400, 3)
    rows: dict[str, list[tuple[str, ...]]] = {"hospital": [], "registry": []}
    truth = {}
    for number in range(people):
        born = np.datetime64("1930-01-01") + int(random.integers(0, 27_000))
        first, last = str(random.choice(given)), str(random.choice(family))
        sex, zip_ = str(random.choice(["female", "male"])), str(random.integers(10_000, 10_060))
        insurance = f"I{number:05d}" if random.random() < 0.3 else ""
        here, there = f"H{number:05d}", f"R{int(random.integers(0, 10**9)):09d}"
        where = random.choice(["hospital", "registry", "both"], p=[0.25, 0.25, 0.5])
        if where != "registry":
            rows["hospital"].append((here, f"{first} {last}", str(born), sex, zip_, insurance))
        if where != "hospital":
            if random.random() < 0.1:
                first = mistyped(first, random)
            if random.random() < 0.1:
                last = mistyped(last, random)
            if random.random() < 0.05:
                year, month, day = str(born).split("-")
                born = np.datetime64(f"{year}-{day}-{month}") if int(day) <= 12 else born + 1
            if random.random() < 0.2:
                zip_ = str(random.integers(10_000, 10_060))
            if random.random() < 0.05:
                sex = ""
            rows["registry"].append((there, f"{first} {last}", str(born), sex, zip_, insurance))
        if where == "both":
            truth[there] = here
    for issuer, lines in rows.items():
        (folder / issuer).mkdir(parents=True)
        with (folder / issuer / "people.csv").open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *lines])
        (folder / issuer / "mapping.yaml").write_text(
            f"_source: {{issuer: {issuer}}}\n_defaults: {{subject_id: $id}}\n"
            "people:\n  _table: {identity: {name: $name, identifiers: {insurance: $insurance}}}\n"
            "  birth: {code: MEDS_BIRTH, time: $birth}\n"
            "  sex: {code: 'f\"SEX//{$sex}\"', time: null}\n"
            "  home: {code: 'f\"ADDRESS//ZIP//{$zip}\"', time: null}\n"
        )
    return truth


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], Path]:
    """Two stores, the truth, and the proposal for them."""
    folder = tmp_path_factory.mktemp("linked")
    truth = hospital_and_registry(folder, 1200, seed=7)
    for issuer in ("hospital", "registry"):
        ingest(
            folder / issuer, folder / f"{issuer}-store", identifiability=Identifiability.SYNTHETIC
        )
    proposal = folder / "proposal.csv"
    link([folder / "hospital-store", folder / "registry-store"], proposal, actor=ACTOR)
    return folder, truth, proposal


def proposed(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, comment_prefix="#", infer_schema=False)


def test_a_proposal_finds_most_pairs_and_few_others(
    linked: tuple[Path, dict[str, str], Path],
) -> None:
    _, truth, path = linked
    pairs = proposed(path)
    assert set(pairs["source"]) == {"hospital"}
    assert set(pairs["same_as_source"]) == {"registry"}
    found = [
        truth.get(there) == here for here, there in pairs.select("id", "same_as_id").iter_rows()
    ]
    precision, recall = sum(found) / len(found), sum(found) / len(truth)
    assert precision >= 0.98
    assert recall >= 0.97
    weights = pairs["match_weight"].cast(pl.Float64)
    assert weights.is_sorted(descending=True)
    assert pairs["match_probability"].cast(pl.Float64).min() >= 0.9
    assert set(pairs["decision"]) <= {None, ""}


def test_a_proposal_is_its_owners_alone_and_says_what_it_holds(
    linked: tuple[Path, dict[str, str], Path], tmp_path: Path
) -> None:
    folder, _, path = linked
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "names and identifiers" in path.read_text().splitlines()[0]
    with pytest.raises(UserError, match=r"already, maybe with decisions"):
        link([folder / "hospital-store"], path, actor=ACTOR, within=True)
    actions = [
        e["action"] for e in AuditLog(Store(folder / "registry-store").audit_folder).entries()
    ]
    assert "link" in actions


def test_linking_merges_nobody_until_a_reviewer_has_said_so(
    linked: tuple[Path, dict[str, str], Path], tmp_path: Path
) -> None:
    folder, truth, path = linked
    before = {s: Store(folder / f"{s}-store").manifest().version for s in ("hospital", "registry")}
    assert set(before.values()) == {1}
    assert read_same_as(path) == []
    pairs = proposed(path)
    decided = pairs.with_columns(
        decision=pl.struct("id", "same_as_id").map_elements(
            lambda p: "same" if truth.get(p["same_as_id"]) == p["id"] else "different",
            return_dtype=pl.String,
        )
    )
    reviewed = tmp_path / "reviewed.csv"
    decided.write_csv(reviewed)
    same = decided.filter(pl.col("decision") == "same").height
    assert len(read_same_as(reviewed)) == same
    store = tmp_path / "store"
    for issuer in ("hospital", "registry"):
        ingest(folder / issuer, store, identifiability=Identifiability.SYNTHETIC, same_as=reviewed)
    persons = Store(store).read(Store(store).manifest().persons)
    apart = sum(
        Store(folder / f"{s}-store").read(Store(folder / f"{s}-store").manifest().persons).height
        for s in ("hospital", "registry")
    )
    assert persons.height == apart - same
    again = link([store], tmp_path / "again.csv", actor=ACTOR)
    assert again.pairs == pairs.height - same


def test_a_decision_is_one_of_three_words(tmp_path: Path) -> None:
    path = tmp_path / "reviewed.csv"
    path.write_text(
        "# a note\nsource,id,same_as_source,same_as_id,decision\nh,1,r,2,same\nh,1,q,3,SAME\nh,4,r,5,maybe\n"
    )
    with pytest.raises(SourceError, match=r"line 5: decision is 'same', 'different' or empty"):
        read_same_as(path)
    path.write_text(path.read_text().replace("maybe", ""))
    assert read_same_as(path) == [[("h", "1"), ("r", "2"), ("q", "3")]]


def test_a_store_of_pseudonyms_is_not_linked(tmp_path: Path) -> None:
    hospital_and_registry(tmp_path, 60, seed=1)
    ingest(tmp_path / "hospital", tmp_path / "store", identifiability=Identifiability.PSEUDONYMOUS)
    with pytest.raises(PolicyRefused, match="no identities"):
        link([tmp_path / "store"], tmp_path / "p.csv", actor=ACTOR, within=True)


def test_too_few_people_are_not_linked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hospital_and_registry(tmp_path, 10, seed=1)
    ingest(tmp_path / "hospital", tmp_path / "store", identifiability=Identifiability.SYNTHETIC)
    answer = main(["link", str(tmp_path / "store"), "--out", str(tmp_path / "p.csv")])
    assert answer == 2
    assert "nothing to link" in capsys.readouterr().err
    assert not (tmp_path / "p.csv").exists()
