"""Genomes: genotypes and polygenic scores from VCF files."""

from lifecourse.records.genome.source import GenomeSource

__all__ = ["GenomeSource"]
