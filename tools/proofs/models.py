"""Hazards of competing causes: a million people, public sets beside the peers, R, and the synthetic hospital."""

from __future__ import annotations

from proofs.measuring import Proof, tests, told_by

CHAPTER = "Models"
HERE = "tests/unit/models/hazards"


PROOFS = (
    Proof(
        name="hazards-million",
        promise="1,000,000 people x 10,000 sparse features, 2 causes, 4 horizons, fitted and predicted under 90 s and "
        "8 GB on 2 cores, O/E 0.95-1.05 at every horizon, area within 0.005 of the true model",
        measure=told_by("hazards_million"),
    ),
    Proof(
        name="hazards-public-sets",
        promise="GBSG2, WHAS500, FLCHAIN, support2 and Framingham, 5 x 5-fold beside Cox's ridge, forest and boosting "
        "of scikit-survival: C no lower than the best minus 0.005, IBS no higher than the best plus 0.005 (Framingham "
        "C at least 0.71), ours under 60 s",
        measure=told_by("survival"),
    ),
    Proof(
        name="hazards-beside-r",
        promise="mgus2: Aalen-Johansen at 10, 20 and 25 years equals R's to 3 decimals; Rotterdam to GBSG: C at least "
        "0.670, calibration before and after recalibration",
        measure=told_by("r_survival"),
    ),
    Proof(
        name="hazards-readmission",
        promise="UCI diabetes: readmission within 30 days after every stay not ended by death or hospice, people on "
        "one side of a split: AUROC at least 0.685, calibration slope 0.9-1.1",
        measure=told_by("readmission"),
    ),
    Proof(
        name="hazards-laws",
        promise="Cox's model, competing sums, late entry, reruns to the bit, persistence, refusals",
        measure=tests(HERE),
    ),
    Proof(
        name="hazards-intervals",
        promise="90 % intervals cover the mean of what such studies say of a person in 88 to 92 % of cases",
        measure=tests(f"{HERE}/test_intervals.py", "-m", "prove"),
    ),
    Proof(
        name="risk-intervals",
        promise="of a yes or no, by regression and by trees: 90 % intervals cover the mean of what such studies say of "
        "a person in 88 to 92 % of cases",
        measure=tests("tests/unit/models/test_intervals_of_yes_or_no.py", "-m", "prove"),
    ),
    Proof(
        name="venn-abers",
        promise="Venn-Abers' ends equal adding the person by hand, and the end of the answer that came is calibrated "
        "though the model is not",
        measure=tests("tests/unit/models/test_venn_abers.py"),
    ),
    Proof(
        name="calibration-in-training",
        promise="on drawn people training bends the map of a bent truth and gains by it, and keeps 38 of 40 straight "
        "maps straight; gains of groups equal those of people one by one",
        measure=tests(
            "tests/unit/models/test_calibration_in_training.py", "tests/unit/models/test_shapes.py"
        ),
    ),
    Proof(
        name="bedside-score",
        promise="points of a person by hand are those of the code and of the score file; measures are of people the "
        "points were not made of; what decides comes first",
        measure=tests("tests/unit/care/test_bedside.py"),
    ),
    Proof(
        name="authors-statements",
        promise="what authors state fills what a card cannot know, marked as theirs; what was measured is never "
        "overridden; a wrong file is one error with its line",
        measure=tests("tests/unit/models/reporting/test_statements.py"),
    ),
    Proof(
        name="hazards-hospital",
        promise="trained on 100,000 and judged on a fresh 100,000, five outcomes with competing death at 1, 5 and 10 "
        "years: mean at least 0.95, each at least 0.93 of the records oracle's gain; O/E and groups within bounds",
        measure=told_by("competing"),
    ),
    Proof(
        name="early-warning",
        promise="of those alerted at a rate of 5 %, each year and at one moment, months from the first alert to onset "
        "and diagnosis and the share caught a year before; what slopes and changes add for three diseases, with "
        "interval; for colorectal cancer the model with the change of haemoglobin beats its twin without, and the "
        "change is among its first five with stability 0.8 (beside it what a reader of the counts who knows the rules "
        "could gain)",
        measure=told_by("early"),
    ),
    Proof(
        name="outcomes-of-delphi",
        promise="every diagnosis, phenotype and death that 25 of the training half of Delphi-2M's simulated lives came "
        "to, in one model trained under 10 minutes on 2 cores: on the held-out half the mean area within age bands and "
        "sexes, five years ahead, at least 0.05 above age and sex, and above a regression on counts; the same of the "
        "sequence model (extra `deep`), trained in under 30 minutes of processor time",
        measure=told_by("outcomes"),
    ),
    Proof(
        name="outcomes-judged",
        promise="`evaluate` of a model of all outcomes: every area and observed over expected equals a slow twin, who "
        "taught does not judge, few people have no number, and the page shows what it found",
        measure=tests(
            "tests/unit/models/outcomes/test_evaluating_outcomes.py",
            "tests/functional/test_outcomes_command.py",
        ),
    ),
    Proof(
        name="outcomes-laws",
        promise="many outcomes at once: rates, ratios and risks equal slow twins, reruns to the bit, later events "
        "change nothing, an empty store and too few events say so",
        measure=tests("tests/unit/models/outcomes"),
    ),
    Proof(
        name="sequence-laws",
        promise="the sequence model: network, likelihood and drawn futures equal slow twins, reruns to the byte, later "
        "events, padding and the order of a day's records change nothing; without the extra one error says so",
        measure=tests("tests/unit/models/sequence"),
    ),
    Proof(
        name="monitor",
        promise="on drawn people with a known risk: an alarm for a planted change of unit and for a commoner outcome, "
        "at most one in 20 unshifted batches",
        measure=tests("tests/unit/models/test_monitoring.py"),
    ),
    Proof(
        name="model-refusals",
        promise="a leaking task, three events, a constant outcome and a child asked of a model of adults each end in "
        "the refusal that says why",
        measure=tests(
            "tests/unit/models/test_training_laws.py",
            "tests/unit/models/test_diagnostics.py",
            "-k",
            "leaking_task or three_events or constant_outcome or younger_than_any",
        ),
    ),
)
