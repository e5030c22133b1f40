"""`lifecourse train --outcomes all` and `predict` with what it makes: one person's risks, everyone's table, mistakes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pages import outline, signed_in

from lifecourse.cli import main

BORN = datetime(1950, 1, 1)


def ingested(folder: Path, people: int) -> Path:
    random = np.random.default_rng(0)
    rows: list[tuple[int, datetime | None, str]] = []
    for person in range(1, people + 1):
        half = f"HALF//{('one', 'two')[person % 2]}"
        rows += [(person, BORN, "MEDS_BIRTH"), (person, None, "SEX//female"), (person, None, half)]
        for code, scale in (("ICD10//I10", 40.0), ("ICD10//L30", 60.0), ("VISIT//x", 0.1)):
            age = 1 + random.exponential(scale)
            if age < 60:
                rows.append((person, BORN + timedelta(days=age * 365.25), code))
        rows.append((person, BORN + timedelta(days=60 * 365.25), "VISIT//x"))
    source = folder / "meds" / "data" / "train"
    source.mkdir(parents=True)
    schema = {"subject_id": pl.Int64, "time": pl.Datetime("us"), "code": pl.String}
    events = pl.DataFrame(rows, schema=schema, orient="row").sort("subject_id", "time")
    events.with_columns(numeric_value=pl.lit(None, pl.Float32)).write_parquet(source / "0.parquet")
    words = ["ingest", str(folder / "meds"), "--store", str(folder / "w" / "store"), "--plain"]
    assert main([*words, "--identifiability", "synthetic", "--timezone", "UTC"]) == 0
    return folder / "w"


def test_one_command_learns_them_all_and_one_gives_a_persons_risks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = str(ingested(tmp_path, 120))
    assert main(["train", workspace, "--outcomes", "all"]) == 0
    capsys.readouterr()
    table = tmp_path / "risks.parquet"
    assert main(["predict", "outcomes", workspace, "--out", str(table)]) == 0
    everyone = pl.read_parquet(table)
    capsys.readouterr()
    subject = int(everyone["subject_id"][0])
    assert main(["predict", "outcomes", workspace, "--subject", str(subject), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    mine = everyone.filter(pl.col("subject_id") == subject)
    assert len(told) == mine.height > 0
    for line in told:
        assert 0 < line["risk"] < 1
        assert 0 < line["age_sex_risk"] < 1
        assert line["horizon_days"] in (365, 1826)
    assert main(["predict", "outcomes", workspace]) == 2
    assert "--out FILE" in capsys.readouterr().err


def test_it_is_evaluated_on_people_held_out_and_has_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = ingested(tmp_path, 300)
    source, folder = str(workspace), workspace / "models" / "outcomes"
    capsys.readouterr()
    assert main(["train", source, "--outcomes", "all", "--among", "HALF//one", "--json"]) == 0
    assert "evaluation" not in json.loads(capsys.readouterr().out)
    assert main(["evaluate", "outcomes", source, "--json"]) == 0
    fifth = json.loads(capsys.readouterr().out)
    assert fifth["judged"].startswith("on a fifth of the people")
    assert not (folder / "evaluation.json").exists()
    asked = ["evaluate", "outcomes", source, "--among", "HALF//two"]
    assert main([*asked, "--json"]) == 0
    others = json.loads(capsys.readouterr().out)
    assert others["among"] == "HALF//two"
    assert others["people"] > fifth["people"]
    assert json.loads((folder / "evaluation.json").read_text()) == others
    assert main(asked) == 0
    said = capsys.readouterr().out
    mean = others["horizons"][-1]
    assert f"{mean['auroc']['value']:.3f} ({mean['auroc']['low']:.3f} to" in said
    assert "The commonest within 1,826 days" in said
    for line in others["outcomes"]:
        if line["horizon_days"] == 1826:
            assert line["title"] in said
    assert main([*asked[:-1], "HALF//one"]) == 2
    assert "who did not teach" in capsys.readouterr().err
    assert main(["evaluate", "outcomes", source, "--truth", str(tmp_path)]) == 2
    assert "of many outcomes" in capsys.readouterr().err

    client = signed_in(workspace)
    html = client.get("/models/outcomes").text
    page = outline(html)
    assert len(page.ids) == len(set(page.ids))
    assert page.handlers == []
    assert "as `lifecourse evaluate` last found" not in html
    assert "last found" in html
    assert others["judged"] in html
    assert html.count("<svg") == 2
    cells = "".join(html.split())
    for line in others["outcomes"]:
        if line["horizon_days"] == 1826:
            assert f"<td>{line['auroc']:.3f}</td>" in cells
    twin = client.get("/api/models/outcomes").json()["data"]
    assert twin["judged_elsewhere"] == others
    assert twin["evaluation"]["people"] == fifth["people"]
    assert "/models/outcomes" in client.get("/models").text
    listed = client.get("/api/models").json()["data"]
    mine = next(one for one in listed if one["name"] == "outcomes")
    assert "outcomes" not in mine["evaluation"]
    assert mine["evaluation"]["horizons"] == twin["evaluation"]["horizons"]

    assert main(["train", source, "--outcomes", "all", "--among", "HALF//one"]) == 0
    assert not (folder / "evaluation.json").exists()


def test_the_sequence_model_is_learned_and_asked_by_the_same_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="the extra 'deep' is not installed")
    pytest.importorskip("safetensors", reason="the extra 'deep' is not installed")
    workspace = str(ingested(tmp_path, 240))
    capsys.readouterr()
    words = ["train", workspace, "--outcomes", "all", "--model", "sequence", "--json"]
    assert main(words) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["outcomes"] == 3  # the two codes, and hypertension as a phenotype
    assert card["out"].endswith("models/sequence")
    assert main(["evaluate", "sequence", workspace, "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)
    assert judged["judged"].startswith("on a tenth of the people")
    assert "sequence" in signed_in(Path(workspace)).get("/models/sequence").text
    table = tmp_path / "risks.parquet"
    assert main(["predict", "sequence", workspace, "--out", str(table)]) == 0
    everyone = pl.read_parquet(table)
    assert everyone["risk"].is_between(0, 1).all()
    subject = str(everyone["subject_id"][0])
    capsys.readouterr()
    ask = ["predict", "sequence", workspace, "--subject", subject, "--futures", "40", "--json"]
    assert main(ask) == 0
    told = capsys.readouterr().out
    for line in json.loads(told):
        assert 0 < line["risk"] < 1
        assert 0 < line["age_sex_risk"] < 1
        assert 0 <= line["share_of_futures"] <= 1
    assert main(ask) == 0
    assert capsys.readouterr().out == told
    assert main(["train", workspace, "--outcomes", "all"]) == 0
    assert main(["predict", "outcomes", workspace, "--subject", subject, "--futures", "40"]) == 2
    assert "hazards draw no futures" in capsys.readouterr().err


def test_mistakes_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = str(ingested(tmp_path, 5))
    assert main(["train", workspace, "--outcomes", "all"]) == 2
    assert (
        "no diagnosis, phenotype or death came to 25 of these 5 people" in capsys.readouterr().err
    )
    assert main(["train", workspace, "--outcomes", "all", "--among", "SPLIT//train"]) == 2
    assert "nobody to learn from" in capsys.readouterr().err
    assert main(["train", workspace, "--task", "mortality_1y", "--among", "X"]) == 2
    assert "--among goes with --outcomes" in capsys.readouterr().err
    assert main(["train", workspace, "--task", "mortality_1y", "--model", "sequence"]) == 2
    assert "--model sequence goes with --outcomes all" in capsys.readouterr().err
