"""What a scenario expects, held against what is."""

from __future__ import annotations

from typing import Any

import pytest

import dsflow
from dsflow import scenario
from dsflow.errors import UsageError
from dsflow.query.expect import Checked, check
from tests.cases import POD, WEB

QUESTION = {"from": POD, "to": WEB, "family": "ipv4", "dport": 443}


def checked(**claims: Any) -> Checked:
    simulation = dsflow.load("oke-sydney").what_if({"expect": [QUESTION | claims]})
    return check(simulation)[0]


@pytest.mark.parametrize("name", scenario.embedded_names())
def test_what_the_embedded_scenarios_expect_is_so(name: str) -> None:
    found = check(dsflow.load(name))
    assert found
    assert all(one.holds for one in found)


@pytest.mark.parametrize(
    ("claims", "miss"),
    [
        ({"disposition": "no-route"}, "disposition: delivered: expected no-route"),
        ({"path_type": "ingress"}, "path_type: egress: expected ingress"),
        ({"path_type": None}, "path_type: egress: expected none"),
        ({"round_trip": None}, "round_trip: delivered: expected none"),
        ({"nat": "none"}, "nat: gateway-snat: expected none"),
        (
            {"nat": ["public-ip-one-to-one", "gateway-snat"]},
            "nat: gateway-snat: expected gateway-snat, public-ip-one-to-one",
        ),
    ],
)
def test_every_key_can_fail(claims: dict[str, Any], miss: str) -> None:
    found = checked(**claims)
    assert [str(one) for one in found.misses] == [miss]
    assert not found.holds


@pytest.mark.parametrize(
    "claims",
    [{"disposition": "delivered"}, {"path_type": "egress"}, {"round_trip": "delivered"}, {"nat": ["gateway-snat"]}],
)
def test_every_key_can_hold(claims: dict[str, Any]) -> None:
    found = checked(**claims)
    assert found.holds
    assert str(found).endswith("holds")


def test_a_miss_is_told_with_its_place_its_question_and_the_reason() -> None:
    claims = {"disposition": "delivered", "nat": ["gateway-snat"]}
    simulation = dsflow.load("oke-sydney-gua").what_if(
        {"gateways.nat.enabled": False, "expect": [QUESTION | claims]},
    )
    lines = str(check(simulation)[0]).splitlines()
    misses = "disposition: gateway-disabled: expected delivered; nat: none: expected gateway-snat"
    assert lines == [
        f"expect[0]: {POD} -> {WEB} ipv4 tcp/443: {misses}",
        "    at natgw/nat: natgw/nat is disabled and carries nothing",
        "    to mend: set gateways.nat.enabled=true",
    ]


def test_delivered_is_said_of_the_answer_too() -> None:
    """A flow whose answer is lost does not pass for delivered, unless the expectation tells the two apart."""
    lost = {'route_tables.pods.rules."::/0"': None}
    flow = {"from": "internet/client", "to": POD, "family": "ipv6", "protocol": "tcp", "dport": 80}
    claims = [flow | {"disposition": "delivered"}, flow | {"disposition": "delivered", "round_trip": "return-lost"}]
    plain, apart = check(dsflow.load("oke-sydney-gua").what_if(lost | {"expect": claims}))
    assert (plain.holds, apart.holds) == (False, True)
    assert [miss.key for miss in plain.misses] == ["round_trip"]
    assert not plain.chain.succeeded


def test_what_cannot_be_asked_is_refused_with_its_place() -> None:
    backwards = {"from": "service/default/nginx", "to": POD, "family": "ipv4", "dport": 80, "disposition": "delivered"}
    simulation = dsflow.load("oke-sydney").what_if({"expect": [backwards]})
    with pytest.raises(UsageError, match=r'^expect\[0\]: "service/default/nginx": packets start at'):
        check(simulation)
