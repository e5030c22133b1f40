"""Merkle tree hashes of a list of entries, and proofs that others can check (RFC 6962, section 2.1; RFC 9162).

A root of n entries commits to each of them and their order. Whoever kept a root can later be shown that an entry is in
the list (inclusion) and that the list only grew (consistency) by a few hashes, without the list.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EMPTY = sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry; its first byte keeps a leaf from passing for a node."""
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return sha256(b"\1" + left + right).digest()


class Frontier:
    """The root of a growing list: at most one whole subtree of each size is kept, log2(n) hashes in all."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Append the hash of an entry."""
        self._subtrees.append(leaf)
        self.size += 1
        left = self.size
        while left % 2 == 0:
            right = self._subtrees.pop()
            self._subtrees[-1] = node_hash(self._subtrees[-1], right)
            left //= 2

    def root(self) -> bytes:
        """The root of what was added so far."""
        if not self._subtrees:
            return EMPTY
        found = self._subtrees[-1]
        for subtree in reversed(self._subtrees[:-1]):
            found = node_hash(subtree, found)
        return found


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root of the hashes of a list's entries."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.add(leaf)
    return frontier.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What leads from leaf `index` (from 0) to the root of `leaves`."""
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root_of(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root_of(leaves[:split])]


def consistency_proof(leaves: Sequence[bytes], earlier: int) -> list[bytes]:
    """What shows that the first `earlier` (1 to all) of `leaves` are the list whose root was taken then."""

    def part(leaves: Sequence[bytes], earlier: int, *, is_known: bool) -> list[bytes]:
        if earlier == len(leaves):
            return [] if is_known else [root_of(leaves)]
        split = _split(len(leaves))
        if earlier <= split:
            return [*part(leaves[:split], earlier, is_known=is_known), root_of(leaves[split:])]
        return [*part(leaves[split:], earlier - split, is_known=False), root_of(leaves[:split])]

    return part(leaves, earlier, is_known=True)


def is_included(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` leads from a leaf at `index` to the `root` of `size` leaves (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if place % 2 or place == last:
            found = node_hash(step, found)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(
    earlier: int, earlier_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that the list of `size` begins with the list of `earlier` (RFC 9162, 2.1.4.2)."""
    if not 0 < earlier <= size:
        return False
    if earlier == size:
        return not proof and earlier_root == root
    path = list(proof)
    if earlier & (earlier - 1) == 0:
        path.insert(0, earlier_root)
    if not path:
        return False
    place, last = earlier - 1, size - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if place % 2 or place == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, step)
        place, last = place >> 1, last >> 1
    return last == 0 and old == earlier_root and new == root


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
