"""Roots and proofs against another implementation of RFC 6962 (pymerkle), and no proof of anything else holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from lifecourse.privacy.merkle import (
    EMPTY,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    is_included,
    leaf_hash,
    root_of,
)

LISTS = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def test_published_roots_of_the_certificate_transparency_tests() -> None:
    # The inputs and roots of the reference test vectors of RFC 6962's authors.
    inputs = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    leaves = [leaf_hash(bytes.fromhex(each)) for each in inputs]
    assert EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert (
        root_of(leaves[:1]).hex()
        == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    assert (
        root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    )


@given(LISTS)
def test_the_root_is_that_of_another_implementation(entries: list[bytes]) -> None:
    tree = InmemoryTree.init_from_entries(entries, algorithm="sha256")
    leaves = [leaf_hash(entry) for entry in entries]
    for size in range(1, len(entries) + 1):
        assert root_of(leaves[:size]) == tree.get_root(size)


@given(LISTS, st.data())
def test_a_proof_shows_its_own_entry_and_no_other(
    entries: list[bytes], data: st.DataObject
) -> None:
    leaves = [leaf_hash(entry) for entry in entries]
    place = data.draw(st.integers(0, len(entries) - 1))
    root, proof = root_of(leaves), inclusion_proof(leaves, place)
    assert is_included(leaves[place], place, len(leaves), root, proof)
    theirs = InmemoryTree.init_from_entries(entries, algorithm="sha256").prove_inclusion(place + 1)
    assert set(proof) <= set(theirs.path)
    other = leaf_hash(b"another entry altogether")
    assert not is_included(other, place, len(leaves), root, proof)
    assert not is_included(leaves[place], place, len(leaves), other, proof)
    assert not is_included(leaves[place], len(leaves), len(leaves), root, proof)
    if proof:
        assert not is_included(leaves[place], place, len(leaves), root, proof[:-1])
    assert not is_included(leaves[place], place, len(leaves), root, [*proof, other])


@given(LISTS, st.data())
def test_a_longer_list_is_shown_to_begin_with_the_shorter(
    entries: list[bytes], data: st.DataObject
) -> None:
    leaves = [leaf_hash(entry) for entry in entries]
    earlier = data.draw(st.integers(1, len(entries)))
    proof = consistency_proof(leaves, earlier)
    old, new = root_of(leaves[:earlier]), root_of(leaves)
    assert is_consistent(earlier, old, len(leaves), new, proof)
    forged = [leaf_hash(b"forged"), *leaves[1:earlier]]
    if forged[0] != leaves[0]:
        assert not is_consistent(earlier, root_of(forged), len(leaves), new, proof)
    if proof:
        assert not is_consistent(earlier, old, len(leaves), new, proof[:-1])
    assert not is_consistent(0, old, len(leaves), new, proof)
    assert not is_consistent(len(leaves) + 1, old, len(leaves), new, proof)
