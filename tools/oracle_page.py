"""Write `docs/explanation/models-and-truth.md` from what `python -m benchmarks.oracle FOLDER` measured.

``python tools/oracle_page.py FOLDER``; with ``--again`` what it measured of people of other seeds, to a page beside it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from markdown_table import table

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "explanation"
PAGE, AGAIN = FOLDER / "models-and-truth.md", FOLDER / "models-and-truth-again.md"
TITLE, OF_OTHERS = (
    "What models reach, by the truth",
    "What models reach, asked again of other people",
)
OTHERS = """

These people have seeds (111 and 222) that were chosen, with everything that is asked of them, before they were looked
at: what was seen of [the first](models-and-truth.md) cannot have shaped it."""


def main(folder: Path, *, is_again: bool) -> None:
    """Read ``oracle.json``, write the page."""
    lines = json.loads((folder / "oracle.json").read_bytes())
    written = page(lines, OF_OTHERS, OTHERS) if is_again else page(lines, TITLE)
    (AGAIN if is_again else PAGE).write_text(written, encoding="utf-8")


def page(lines: list[dict[str, Any]], title: str, others: str = "") -> str:
    """The page of these lines."""
    learned = [line for line in lines if "learner" in line and "outcome" in line]
    worth = [line for line in lines if "without" in line]
    means = "; ".join(
        f"{line['learner']} {line['mean_share']:.3f}" for line in lines if "mean_share" in line
    )
    return f"""# {title}

*Audience: clinical data scientists. Kind: explanation. Written by `python tools/oracle_page.py`.*

Two models learn from 20,000 people of the [synthetic hospital](synthetic-hospital.md) and are judged on a fresh
50,000 of another seed, five years ahead, with competing death (`python -m benchmarks.oracle FOLDER`). The hospital
knows what no record shows: the *attainable* AUROC is that of the true risk in expectation over what the records hide,
the *latent* one that of the true risk itself. The share is the model's gain over chance (AUROC less a half) in the
attainable gain.{others}

{
        table(
            learned,
            {
                "outcome": "outcome",
                "learner": "model",
                "events": "people with the outcome, learned from",
                "auroc": "AUROC",
                "attainable": "attainable",
                "latent": "latent",
                "share": "share of the attainable gain",
                "share_interval": "95 % interval",
                "share_of_latent": "of the latent gain",
                "predicted_over_true": "mean predicted over mean true risk",
            },
            _said,
        )
    }

Mean share: {means}.

## What genes, lifestyle and places are worth

The logistic model without each kind of knowledge, and what the truth says that it is worth: the attainable AUROC less
the attainable AUROC of who does not look. The intervals hold who was judged (bootstrap) and who was learned from
(jackknife by fifths). Of fifteen intervals of 95 % chance lets one miss in half of all runs, so beside each stands one
that is wide enough for all fifteen together; model and truth agree where that one holds what the truth says.

{
        table(
            worth,
            {
                "outcome": "outcome",
                "without": "without",
                "loss_of_model": "the model loses",
                "interval": "95 % interval",
                "interval_of_all": "of all lines together",
                "loss_by_the_truth": "the truth loses",
                "difference_interval": "difference, 95 % interval",
                "agrees": "agree",
            },
            _said,
        )
    }
"""


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " to ".join(str(each) for each in value)
    return str(value).replace("_", " ")


if __name__ == "__main__":
    main(Path(sys.argv[1]), is_again="--again" in sys.argv[2:])
