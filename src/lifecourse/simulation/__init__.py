"""The synthetic hospital: people from a small causal model, in three standards, with the truth beside them."""

from lifecourse.simulation.hospital import SimulationReport as SimulationReport
from lifecourse.simulation.hospital import simulate as simulate
