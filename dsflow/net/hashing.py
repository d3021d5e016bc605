"""Hashes that are the same on every platform, in every run, and in every executor.

Choices that must repeat (a backend, an equal-cost path, a preferred port) are made with these and never
with ``hash()``, whose answer for text depends on ``PYTHONHASHSEED``.
"""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["mix64", "stable_hash"]

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_GAMMA = 0x9E37_79B9_7F4A_7C15  # 2**64 divided by the golden ratio, made odd: splitmix64's increment
_HIGH = 0xD6E8_FEB8_6659_FD93  # odd, so that folding a high half loses none of it


def mix64(*words: int) -> int:
    """A 64-bit hash of the words in their order.

    Each word, from 0 to 2**128 - 1, becomes 64 bits as ``low + high * constant``; then the state advances by
    splitmix64: add the increment and the word, and apply its finaliser (G. L. Steele, D. Lea,
    C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, the variant of D. Stafford).
    Everything is addition, multiplication, shift and exclusive-or modulo 2**64 without a branch, so
    ``numpy.uint64`` columns give the same numbers; a column of small values needs no high half.

    >>> mix64(0) == 0xE220A8397B1DCDAF  # splitmix64's first output for the seed 0
    True
    >>> mix64(1, 2) == mix64(2, 1)
    False
    """
    state = 0
    for word in words:
        state = (state + _GAMMA + (word & _MASK) + (word >> 64) * _HIGH) & _MASK
        state = (state ^ state >> 30) * 0xBF58_476D_1CE4_E5B9 & _MASK
        state = (state ^ state >> 27) * 0x94D0_49BB_1331_11EB & _MASK
        state ^= state >> 31
    return state


def stable_hash(text: str) -> int:
    """A 64-bit number for a text: a seed that belongs to a name.

    >>> stable_hash("natgw/nat") == stable_hash("natgw/nat") != stable_hash("natgw/other")
    True
    """
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
