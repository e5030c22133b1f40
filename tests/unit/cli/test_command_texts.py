"""What commands say where a measure could not be had."""

from __future__ import annotations

from lifecourse.cli.evaluate import text

NOT_HAD = {"value": None, "low": None, "high": None}


def test_a_measure_that_a_group_does_not_have_is_a_dash() -> None:
    rows = [
        {
            "group": "sex: female",
            "auroc": NOT_HAD,
            "observed_over_expected": {"value": 0.0, "low": 0.0, "high": 0.132},
        },
        {
            "group": "sex: male",
            "auroc": {"value": 0.7, "low": None, "high": None},
            "observed_over_expected": NOT_HAD,
        },
    ]
    gaps = [{"between": "sex", "gap": {"value": 0.1, "low": None, "high": 0.2}}]
    said = text({"auroc": NOT_HAD, "brier": None, "subgroups": rows, "gaps": gaps}).splitlines()
    assert [line.split() for line in said[:2]] == [["auroc", "-"], ["brier", "-"]]
    female, male = (
        next(line for line in said if line.startswith(f"sex: {one}")) for one in ("female", "male")
    )
    assert female.split()[2:] == ["0.000", "(0.000", "to", "0.132)", "-"]
    assert male.split()[2:] == ["-", "0.700"]
    assert said[-1].split() == ["sex", "0.100", "(-", "to", "0.200)"]
