"""Whether what is expected holds whatever is assumed."""

from __future__ import annotations

from typing import Any

import dsflow
from dsflow import Simulation
from dsflow.query.sensitivity import sensitivities, untried
from tests.cases import CLIENT, POD, REMOTE, SERVICE, WEB


def expecting(*expectations: dict[str, Any], **more: Any) -> Simulation:
    common = {"family": "ipv6", "protocol": "tcp"}
    return dsflow.load("oke-sydney-gua").what_if({"expect": [common | one for one in expectations], **more})


CROSS = {"from": POD, "to": REMOTE, "dport": 80}


def test_what_depends_is_true_if() -> None:
    """With what would be otherwise, and why."""
    (found,) = sensitivities(expecting(CROSS | {"disposition": "delivered"}))
    assert found.depends
    verdict, with_, why = str(found).splitlines()
    assert verdict.endswith(": true if pod-vnic-carries-pod-traffic is pod-vnic")
    assert with_.startswith("    with pod-vnic-carries-pod-traffic: primary-vnic: disposition: source-check-failed")
    assert why.startswith("        at node/node-1: ")


def test_what_holds_whatever_is_assumed_says_what_was_tried() -> None:
    (found,) = sensitivities(expecting(CROSS | {"nat": "none"}))
    assert not found.depends
    tried = "vcn-lowers-ttl: leaves"
    assert tried in str(found)
    assert ": true, whichever one is switched (" in str(found)


def test_what_fails_may_hold_under_another_assumption() -> None:
    lost = {"from": POD, "to": WEB, "dport": 443, "ttl": 2, "disposition": "delivered"}
    (found,) = sensitivities(expecting(lost))
    assert str(found).splitlines()[0].endswith(": true only if vcn-lowers-ttl is leaves")
    assert str(found).splitlines()[1] == "    with vcn-lowers-ttl: leaves: holds"


def test_what_fails_either_way_says_how() -> None:
    (found,) = sensitivities(expecting(CROSS | {"disposition": "no-route"}))
    assert ": false, disposition: delivered: expected no-route, whichever one is switched (" in str(found)


def test_the_other_answer_is_the_default_where_that_is_switched() -> None:
    switched = {"assumptions": {"vcn-lowers-ttl": "leaves"}}
    lost = {"from": POD, "to": WEB, "dport": 443, "ttl": 2, "disposition": "delivered"}
    (found,) = sensitivities(expecting(lost, **switched))
    first = str(found).splitlines()[0]
    assert "true if" in first
    assert "vcn-lowers-ttl is leaves" in first


def test_plain_devices_rest_on_nothing_that_could_be_switched() -> None:
    found = [str(one) for one in sensitivities(dsflow.load("two-routers"))]
    assert len(found) == 16
    assert all(one.endswith(": true; no assumption that it rests on has another answer to try") for one in found)


def test_what_is_not_modelled_is_not_passed_over_in_silence() -> None:
    ingress = {"from": CLIENT, "to": SERVICE, "dport": 80, "family": "ipv4", "disposition": "delivered"}
    found = list(sensitivities(expecting(ingress, ingress)))
    assert ("pod-vnic-carries-pod-traffic", "past-the-node") in untried(found)
    assert len(untried(found)) == len(set(untried(found)))
