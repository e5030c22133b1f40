"""Pharmacogenes: which alleles a person has, what they do, and what that means for their drugs."""

from lifecourse.care.pgx.calling import Call, OutsideCall, call_genes

__all__ = ["Call", "OutsideCall", "call_genes"]
