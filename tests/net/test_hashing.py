"""Hashes that repeat, in Python and in numpy."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsflow.net.hashing import mix64, stable_hash

words = st.integers(0, (1 << 128) - 1)


def _numpy_mix64(columns: list[tuple[np.uint64, np.uint64]]) -> int:
    state = np.zeros(1, dtype=np.uint64)
    for high, low in columns:
        state = state + np.uint64(0x9E3779B97F4A7C15) + low + high * np.uint64(0xD6E8FEB86659FD93)
        state = (state ^ state >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ state >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        state = state ^ state >> np.uint64(31)
    return int(state[0])


@given(st.lists(words, max_size=5))
def test_numpy_uint64_gives_the_same(drawn: list[int]) -> None:
    with np.errstate(over="ignore"):
        columns = [(np.uint64(word >> 64), np.uint64(word & (1 << 64) - 1)) for word in drawn]
        assert mix64(*drawn) == _numpy_mix64(columns)


def test_the_first_outputs_are_splitmix64s() -> None:
    """The stream of seed 1234567, as the algorithm's users publish it."""
    gamma, mask = 0x9E3779B97F4A7C15, (1 << 64) - 1
    assert [mix64(1234567 + step * gamma & mask) for step in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@given(words, words)
def test_words_their_halves_and_their_order_count(one: int, other: int) -> None:
    if one != other:
        assert mix64(one) != mix64(other)
        assert mix64(one, other) != mix64(other, one)


def test_a_name_keeps_its_number() -> None:
    """A fixed value, so that another platform, run or hash seed cannot have another."""
    assert stable_hash("natgw/nat") == 8783901989388866969
    assert mix64() == 0
