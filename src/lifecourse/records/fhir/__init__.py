"""FHIR R4 as events: bulk NDJSON, single resources and Bundles, plain or gzipped."""

from lifecourse.records.fhir.source import FhirSource

__all__ = ["FhirSource"]
