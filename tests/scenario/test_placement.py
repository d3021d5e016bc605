"""Subnets by address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsflow.net.address import Address, Family, Prefix
from dsflow.scenario.placement import is_reserved
from tests.scenario.helpers import built, problems

POD = "pods.default/nginx-568f7cfd68-g4h2c"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ipv4": "10.9.9.9", "ipv6": None}, '.ipv4: "10.9.9.9": expected an address of one of the subnets'),
        ({"ipv4": "100.0.3.50"}, ': expected an address of subnet nodes (fd00:100:0:3::/64)'),
        ({"subnet": "lb"}, '.ipv4: "100.0.5.102": expected an address of subnet lb (100.0.2.0/24)'),
        ({"subnet": "pod"}, '.subnet: "pod": there is no subnet of that name; did you mean "pods"?'),
        ({"ipv4": "100.0.5.0"}, '.ipv4: "100.0.5.0", which OCI reserves in 100.0.5.0/24: expected an'),
        ({"ipv4": "100.0.5.1"}, '.ipv4: "100.0.5.1", which OCI reserves'),
        ({"ipv4": "100.0.5.255"}, '.ipv4: "100.0.5.255", which OCI reserves'),
        ({"ipv6": "fd00:100:0:4::3"}, "expected an address other than the first four and the last four"),
    ],
)  # fmt: skip
def test_addresses_lie_where_they_say(changes: dict[str, str | None], expected: str) -> None:
    told = "\n".join(problems({f"{POD}.{key}": value for key, value in changes.items()}))
    assert expected in told


def test_a_subnet_without_the_family_is_told() -> None:
    told = problems({"subnets.pods.ipv6": [], f"{POD}.subnet": "pods"})
    assert "expected an address of subnet pods (which has no IPv6 prefix)" in told[0]


def test_a_named_subnet_is_taken() -> None:
    assert built({f"{POD}.subnet": "pods"}).pods["default/nginx-568f7cfd68-g4h2c"].subnet == "pods"


def test_a_subnet_that_is_itself_wrong_is_not_held_against_its_pods() -> None:
    expected = ['subnets.pods.access: "open": expected "public" or "private"']
    assert problems({"subnets.pods.access": "open"}) == expected
    assert problems({"subnets.pods.access": "open", f"{POD}.subnet": "pods"}) == expected


@given(st.integers(0, 255))
def test_of_an_ipv4_subnet_the_first_two_and_the_last_are_reserved(host: int) -> None:
    subnet = Prefix.parse("10.0.0.0/24")
    assert is_reserved(Address(Family.IPV4, subnet.first + host), subnet) == (host in (0, 1, 255))


@given(st.integers(0, 6) | st.integers(2**64 - 6, 2**64 - 1))
def test_of_an_ipv6_subnet_the_first_and_last_four_are_reserved(host: int) -> None:
    subnet = Prefix.parse("fd00::/64")
    assert is_reserved(Address(Family.IPV6, subnet.first + host), subnet) == (host < 4 or host >= 2**64 - 4)
