"""Addresses and prefixes against the standard library's own."""

from __future__ import annotations

import ipaddress
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsflow.net.address import Address, Family, Prefix, format_address
from tests.strategies import addresses, families, prefixes, values


@given(addresses())
def test_parse_reads_what_str_wrote(address: Address) -> None:
    assert Address.parse(str(address)) == address
    assert eval(repr(address)) == address


@given(addresses())
def test_text_and_bytes_are_those_of_ipaddress(address: Address) -> None:
    oracle = ipaddress.ip_address(address.packed)
    assert int(oracle) == address.value
    assert Address.parse(oracle.exploded) == address
    assert ipaddress.ip_address(str(address)) == oracle
    assert Address.from_packed(address.packed) == address


@given(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-f:]{2,20}", fullmatch=True))
def test_what_ipaddress_refuses_is_refused_and_the_other_way_round(text: str) -> None:
    try:
        oracle = ipaddress.ip_address(text)
    except ValueError:
        with pytest.raises(ValueError, match=r'^"'):
            Address.parse(text)
    else:
        assert Address.parse(text).value == int(oracle)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("010.0.0.1", "leading zero"),
        ("10.0.0.1 ", "blanks"),
        ("\t::1", "blanks"),
        ("fe80::1%eth0", "zone"),
        ("10.0.0.1/24", "without a prefix length"),
        ("10.0.0", "not an IPv4 or IPv6 address"),
        ("1\0", "not an IPv4 or IPv6 address"),
        ("::ffff:010.0.0.1", "leading zero"),
        ("", "not an IPv4 or IPv6 address"),
    ],
)
def test_ambiguous_text_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Address.parse(text)


@given(prefixes())
def test_prefixes_are_those_of_ipaddress(prefix: Prefix) -> None:
    oracle = ipaddress.ip_network(str(prefix))
    assert (prefix.first, prefix.last) == (int(oracle.network_address), int(oracle.broadcast_address))
    assert Prefix.parse(str(prefix)) == prefix
    assert eval(repr(prefix)) == prefix


@given(prefixes(), prefixes())
def test_containment_and_overlap_are_those_of_ipaddress(one: Prefix, other: Prefix) -> None:
    first, second = ipaddress.ip_network(str(one)), ipaddress.ip_network(str(other))
    assert one.overlaps(other) == first.overlaps(second)
    assert (other in one) == (first.version == second.version and second.subnet_of(first))  # type: ignore[arg-type]  # the versions are equal there
    assert (Address(other.family, other.value) in one) == (second.network_address in first)


@given(families().flatmap(lambda family: st.tuples(values(family), st.integers(0, family.bits), st.just(family))))
def test_bits_beyond_the_prefix_are_refused_as_ipaddress_does(drawn: tuple[int, int, Family]) -> None:
    value, length, family = drawn
    text = f"{format_address(family, value)}/{length}"
    strict = ipaddress.ip_network(text, strict=False)
    if int(strict.network_address) == value:
        assert Prefix.parse(text).value == value
    else:
        with pytest.raises(ValueError, match="did you mean"):
            Prefix.parse(text)


@pytest.mark.parametrize("text", ["10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0.0/", "10.0.0.0/-1"])
def test_a_prefix_length_must_be_there_and_fit(text: str) -> None:
    with pytest.raises(ValueError, match="prefix length"):
        Prefix.parse(text)


def test_a_prefix_of_no_address_gives_the_addresss_reason() -> None:
    with pytest.raises(ValueError, match=r'"010\.0\.0\.0/8": a leading zero'):
        Prefix.parse("010.0.0.0/8")


def test_values_sort_by_family_then_number() -> None:
    texts = ["::1", "10.0.0.2", "10.0.0.1", "::"]
    assert sorted(map(Address.parse, texts)) == [Address.parse(t) for t in ["10.0.0.1", "10.0.0.2", "::", "::1"]]
    nets = ["::/0", "10.0.0.0/8", "10.0.0.0/16"]
    assert [str(p) for p in sorted(map(Prefix.parse, nets))] == ["10.0.0.0/8", "10.0.0.0/16", "::/0"]


def test_families_have_titles_and_addresses_pickle() -> None:
    assert [family.title for family in Family] == ["IPv4", "IPv6"]
    address = Address.parse("2001:db8::1")
    assert pickle.loads(pickle.dumps(address)) == address
