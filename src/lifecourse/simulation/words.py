"""Words of made-up notes: none is of a person."""

from __future__ import annotations

FIRST_NAMES = {
    "female": ("Anna", "Maria", "Ruth", "Grace", "Aisha", "Mei", "Priya", "Carmen", "Linda", "Joan", "Hope", "April"),
    "male": ("James", "Omar", "Wei", "Raj", "Carlos", "Peter", "Samuel", "Mark", "Will", "Victor", "Ernest", "August"),
}  # fmt: skip
LAST_NAMES = (
    "Brown", "Nguyen", "Garcia", "Smith", "Park", "Khan", "Rossi", "Young", "Parkinson", "Lopez", "May", "Weber",
    "Hodgkin", "Okafor", "Silva", "Banks",
)  # fmt: skip
CLINICIANS = ("Adams", "Bell", "Chen", "Graves", "Down", "Novak", "Reyes", "Sachs")
HOSPITALS = ("Lakeside Clinic", "Mercy Hospital", "North Valley Medical Center", "Saint Luke's")
STREETS = ("Oak Street", "Main Street", "Hill Road", "Temple Avenue", "Station Road", "Elm Court")
RELATIVES = ("daughter", "sister", "mother", "wife", "cousin")
REMARKS = (
    "Denies chest pain and shortness of breath",
    "Mother had type 2 diabetes",
    "No evidence of atrial fibrillation",
    "History of hypertension, well controlled",
    "Advised to stop smoking",
    "If cough persists, chest x-ray to rule out pneumonia",
    "Knee pain after walking, no swelling",
    "Medication reviewed, no side effects",
)
TEMPLATES = (
    "{name} (born {birth}, MRN {record_number}) was seen on {date} by {clinician} at {hospital}. {remark}.",
    "{date}. {remark}. Discussed with {relative}; call {telephone} with results. Signed {clinician}.",
    "Visit of {name}, {address}. {remark}. Next visit at {hospital}; reachable under {telephone}.",
)
