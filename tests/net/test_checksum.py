"""The law of RFC 1624: an incremental checksum is the checksum of the whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dsflow.net.checksum import internet_checksum, transport_checksum, updated


def _by_words(data: bytes) -> int:
    """RFC 1071 as written: add 16-bit words, fold the carries, complement."""
    padded = data + bytes(len(data) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


@given(st.binary(max_size=200) | st.sampled_from([b"\xff\xff", b"\xff\xff\0\0", b"\0\0"]))
def test_a_checksum_is_the_sum_of_words(data: bytes) -> None:
    assert internet_checksum(data) == _by_words(data)
    assert internet_checksum(memoryview(data)) == internet_checksum(bytearray(data)) == _by_words(data)


@given(st.binary(min_size=2, max_size=100).filter(any))
def test_data_with_its_checksum_sums_to_zero(data: bytes) -> None:
    even = data + bytes(len(data) % 2)
    assert internet_checksum(even + internet_checksum(even).to_bytes(2, "big")) == 0


@given(st.data(), st.binary(min_size=1, max_size=40), st.sampled_from([2, 4, 16]), st.integers(0, 10))
def test_updating_equals_recomputing(data: st.DataObject, rest: bytes, width: int, gap: int) -> None:
    """Whatever the width of the value and the even offset at which it stands."""
    old, new = (
        data.draw(st.binary(min_size=width, max_size=width)),
        data.draw(st.binary(min_size=width, max_size=width)),
    )
    before, after = b"\x01" + bytes(2 * gap + 1), rest + b"\x01"
    changed = updated(internet_checksum(before + old + after), *map(_number, (old, new)))
    assert changed == internet_checksum(before + new + after)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


@given(st.integers(0, 0xFFFE), st.integers(0, 1 << 128), st.integers(0, 1 << 128))
def test_updating_back_gives_the_checksum_back(checksum: int, old: int, new: int) -> None:
    assert updated(updated(checksum, old, new), new, old) == checksum


@given(st.binary(max_size=51), st.integers(0, 0xFFFF_FFFF), st.integers(0, 0xFFFF_FFFF), st.integers(1, 255))
def test_the_pseudo_header_is_summed_as_laid_out(message: bytes, src: int, dst: int, protocol: int) -> None:
    """RFC 768's layout for IPv4 and RFC 8200's for IPv6 have the same sum."""
    ends = src.to_bytes(4, "big") + dst.to_bytes(4, "big")
    ipv4 = ends + bytes((0, protocol)) + len(message).to_bytes(2, "big")
    wide = src.to_bytes(16, "big") + dst.to_bytes(16, "big")
    ipv6 = wide + len(message).to_bytes(4, "big") + bytes((0, 0, 0, protocol))
    assert transport_checksum(src, dst, protocol, message) == _by_words(ipv4 + message) == _by_words(ipv6 + message)
