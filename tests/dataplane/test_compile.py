"""The compiled whole: devices in order, made when asked for, joined by links that end in interfaces."""

from __future__ import annotations

import pytest

from dsflow.dataplane.compile import compile_topology, neighbors
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.hosts import ENDPOINT_TOLL
from dsflow.dataplane.index import INTERNET_MTU_BYTES, VCN_MTU_BYTES
from dsflow.model.assumptions import ASSUMPTIONS
from tests.cases import BALANCER, HOST_POD, POD, SERVICE_GATEWAY, sydney
from tests.clusters import questions, seeded

KINDS = ["vcn", "igw", "natgw", "sgw", "node", "pod", "lb", "internet"]


def test_devices_come_by_kind_and_then_as_written() -> None:
    """A host-network pod is no device of its own."""
    dataplane = sydney().what_if(SERVICE_GATEWAY).dataplane
    kinds = list(dict.fromkeys(name.partition("/")[0] for name in dataplane))
    assert kinds == KINDS
    assert HOST_POD not in dataplane
    assert POD in dataplane
    assert len(dataplane) == len(list(dataplane)) == 1 + 3 + 3 + 7 + 1 + 3


def test_a_device_is_made_once_and_replaced_alone() -> None:
    """The same object each time; a copy with one other device shares the rest."""
    dataplane = compile_topology(sydney().topology)
    assert dataplane[POD] is dataplane[POD]
    other = dataplane.replacing(sydney().dataplane[POD])
    assert other[POD] is sydney().dataplane[POD]
    assert list(other) == list(dataplane)
    with pytest.raises(KeyError):
        dataplane["pod/none"]


@pytest.mark.parametrize("seed", range(12))
def test_every_link_ends_in_an_interface(seed: int) -> None:
    """Where a device sends, there is a device, or the model ends; both have the interface that is named."""
    dataplane = seeded(seed).dataplane
    for device in dataplane.values():
        found = list(neighbors(device))
        assert len({(neighbor.out_interface, neighbor.device) for neighbor in found}) == len(found)
        for neighbor in found:
            assert neighbor.out_interface in device.interfaces, device.id
            if neighbor.device is not None:
                assert neighbor.in_interface in dataplane[neighbor.device].interfaces
            assert neighbor.link.mtu_bytes in (VCN_MTU_BYTES, INTERNET_MTU_BYTES)


def test_interfaces_are_named_as_devices_know_them() -> None:
    """eth0 is a node's primary VNIC, eth1 on its pod VNICs, then a wire to each pod."""
    dataplane = sydney().dataplane
    assert list(dataplane["node/node-3"].interfaces) == [
        "eth0",
        "eth1",
        "pod/kube-system/coredns-bfd957d6b-w2tgj",
        "pod/kube-system/kube-dns-autoscaler-7f9c9ddb55-c4vdd",
    ]
    assert set(dataplane["vcn/oke"].interfaces) == {
        "subnet/lb", "subnet/nodes", "subnet/pods", "igw/igw", "natgw/nat", BALANCER,
    }  # fmt: skip
    assert list(dataplane["natgw/nat"].interfaces) == ["vcn/oke", "internet"]
    assert dataplane[POD].toll.delivered == ENDPOINT_TOLL


def test_a_node_has_a_vnic_for_each_pod_subnet() -> None:
    """Pods of another subnet leave by another VNIC and by that subnet's route table."""
    simulation = sydney().what_if(
        {
            "subnets.quiet": {"ipv4": "100.0.9.0/24", "access": "private"},
            "pods.default/nginx-568f7cfd68-pvgct": {"node": "node-1", "ipv4": "100.0.9.9"},
        }
    )
    node = simulation.dataplane["node/node-1"]
    assert [name for name in node.interfaces if name.startswith("eth")] == ["eth0", "eth1", "eth2"]
    lost = simulation.trace("pod/default/nginx-568f7cfd68-pvgct", "internet/web", family=4, tcp=443)
    assert lost.disposition is Disposition.NO_ROUTE
    assert lost.traces[0].hops[1].out_interface == "eth2"
    assert simulation.trace(POD, "internet/web", family=4, tcp=443).disposition is Disposition.DELIVERED


def test_every_assumption_met_is_in_the_registry() -> None:
    """Chains name what they rest on by ids that can be looked up."""
    met: set[str] = set()
    for seed in range(40):
        for asked in questions(seeded(seed), pairs=1):
            met.update(asked.of(seeded(seed)).assumptions)
    assert met <= set(ASSUMPTIONS)
    assert len(met) > 5
    for entry in ASSUMPTIONS.values():
        assert entry.confidence in ("inferred", "third-party", "unknown")
        assert entry.default not in entry.alternatives
        assert entry.alternatives
        assert entry.source


def test_every_disposition_is_success_failure_or_neither() -> None:
    """The network drops it, and I cannot tell, are never the same."""
    success = {found for found in Disposition if found.is_success}
    failure = {found for found in Disposition if found.is_failure}
    assert success == {Disposition.DELIVERED, Disposition.LEFT_MODEL, Disposition.RE_ORIGINATED}
    assert not success & failure
    assert set(Disposition) - success - failure == {Disposition.UNDETERMINED}
