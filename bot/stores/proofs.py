"""Proof that one entry is under a signed head, for somebody who may see that entry and no other."""

from collections.abc import Sequence

from bot.verifier import WIDTH, parents


def proof_of(hashes: Sequence[bytes], index: int) -> list[list[str]]:
    """The group that the hash at `index` is in, level by level up to the root; in hex."""
    proof, level = [], list(hashes)
    while True:
        start = index - index % WIDTH
        proof.append([one.hex() for one in level[start : start + WIDTH]])
        level, index = parents(level), index // WIDTH
        if len(level) == 1:
            return proof
