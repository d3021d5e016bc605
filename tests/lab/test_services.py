"""kube-proxy's rows through the kernel: nft rules written from the tables of the dataplane, both families."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

import dsflow
from dsflow import Simulation
from dsflow.lab.plan import make_plan
from dsflow.lab.plan_services import choices, service_rules
from dsflow.lab.probe import Probe
from dsflow.lab.random_probes import random_probes
from dsflow.lab.verify import verify
from dsflow.net.address import Family
from tests.cases import AS_BUILT
from tests.lab.hand import needs_lab

SERVICE = "service/default/nginx"
OWN = "services.default/nginx"
NODE_PORT = 31080
END = "pod/default/nginx-568f7cfd68-g4h2c"  # one of two end points on node-1; node-3 has none
ELSEWHERE = "pod/kube-system/coredns-bfd957d6b-w2tgj"  # on node-3


def built(**changes: Any) -> Simulation:
    return dsflow.load(AS_BUILT).what_if({f"{OWN}.{key}": value for key, value in changes.items()})


def asked(simulation: Simulation, *questions: tuple[str, str, int], ports: range) -> Iterator[Probe]:
    """The first packet of each question in both families, from several ports, so that every end point is chosen."""
    for family in Family:
        for origin, target, dport in questions:
            if target.startswith("node/"):
                address = simulation.topology.nodes[target.removeprefix("node/")].address(family)
                target = str(address)
            for sport in ports:
                first = simulation.trace(origin, target, family=family, tcp=dport, sport=sport).traces[0].hops[0]
                packet = first.decisions[0].before
                assert packet is not None
                yield Probe(device=first.device, packet=packet.raw)


EVERYWHERE = (
    ("internet/client", SERVICE, 80),
    (END, SERVICE, 80),
    (ELSEWHERE, SERVICE, 80),
    ("node/node-3", SERVICE, 80),
    ("node/node-2", "node/node-1", NODE_PORT),
    ("node/node-2", "node/node-3", NODE_PORT),
    ("node/node-3", "node/node-3", NODE_PORT),
    (ELSEWHERE, "node/node-3", NODE_PORT),
)


@needs_lab
@pytest.mark.parametrize(
    ("changes", "reached"),
    [
        ({}, {"delivered"}),
        ({"external_traffic_policy": "Local"}, {"delivered", "no-backend"}),
        ({"internal_traffic_policy": "Local"}, {"delivered", "no-backend"}),
        ({"selector.app": "nothing"}, {"delivered", "no-backend"}),
    ],
    ids=["cluster", "external local", "internal local", "no end points"],
)
def test_the_kernel_leads_services_as_the_tables_say(changes: dict[str, Any], reached: set[str]) -> None:
    """ClusterIP, node port, load balancer; hairpin; with end points here, elsewhere, and nowhere."""
    simulation = built(**changes)
    probes = list(asked(simulation, *EVERYWHERE, ports=range(20000, 20004)))
    report = verify(simulation, probes)
    assert report.holds, str(report)
    assert set(report.dispositions) <= reached
    assert report.hops_compared > 3 * len(probes)


def stray(simulation: Simulation, family: Family, flags: str) -> Iterator[tuple[str, bytes]]:
    """Segments that open no connection: from pod and node, to a pod elsewhere and to the Service."""
    topology = simulation.topology
    pod, service = topology.pods[END.removeprefix("pod/")], topology.services["default/nginx"]
    for sender in (ELSEWHERE, "node/node-3"):
        own = topology.pods[ELSEWHERE.removeprefix("pod/")] if sender == ELSEWHERE else topology.nodes["node-3"]
        for target in (pod.address(family), service.cluster_address(family)):
            ip = IP if family is Family.IPV4 else IPv6
            packet = ip(src=str(own.address(family)), dst=str(target)) / TCP(sport=41000, dport=80, flags=flags)
            yield sender, bytes(packet)


@needs_lab
@pytest.mark.parametrize("selector", ["nginx", "nothing"])
def test_what_opens_no_connection_is_neither_rejected_nor_forwarded(selector: str) -> None:
    """An answer without a question is INVALID; kube-proxy's rejects are for what is NEW."""
    simulation = built(**{"selector.app": selector})
    for family in Family:
        probes = [Probe(device=sender, packet=raw) for sender, raw in stray(simulation, family, "SA")]
        chains = [simulation.send(probe.device, probe.packet) for probe in probes]
        assert chains[0].disposition == "denied-forward"
        assert "KUBE-FORWARD" in str(chains[0].to_json())
        report = verify(simulation, probes)
        assert report.holds, str(report)


@needs_lab
def test_the_mode_nftables_agrees() -> None:
    """A port that the Service does not have is rejected, and no answer without a question is dropped."""
    simulation = built().what_if({"assumptions.kube-proxy-mode": "nftables"})
    probes = list(
        asked(simulation, *EVERYWHERE, (END, SERVICE, 81), ("node/node-3", SERVICE, 81), ports=range(20000, 20002))
    )
    probes += [Probe(device=sender, packet=raw) for family in Family for sender, raw in stray(simulation, family, "SA")]
    report = verify(simulation, probes)
    assert report.holds, str(report)
    assert {"denied-forward", "denied-egress", "no-listener"} <= set(report.dispositions)


@needs_lab
@pytest.mark.parametrize("seed", range(2))
def test_drawn_probes_agree(seed: int) -> None:
    simulation = built()
    report = verify(simulation, random_probes(simulation.topology, 60, seed=seed))
    assert report.holds, str(report)


@needs_lab
def test_other_end_points_would_be_seen() -> None:
    """The kernel leads to the pods, the simulation to a port that they do not have."""
    simulation = built()
    other = built(ports=[{"port": 80, "target_port": 81, "node_port": NODE_PORT}])
    crossed = simulation.with_dataplane(other.dataplane)
    assert not verify(crossed, list(asked(crossed, (END, SERVICE, 80), ports=range(20000, 20001)))).holds


def test_the_plan_leads_where_the_simulation_does() -> None:
    """Each row to one end point, the chosen one; other rows and nodes keep theirs."""
    simulation = built()
    plan = make_plan(simulation.topology, "x")
    (rules,) = (one for one in plan.services if one.device.id == "node/node-1")
    for sport in range(20000, 20010):
        chain = simulation.trace(END, SERVICE, family=6, tcp=80, sport=sport)
        chosen = choices(chain)
        assert set(chosen) == {"node/node-1"}
        (target,) = chosen["node/node-1"].values()
        text = service_rules(rules.device, rules.names, chosen["node/node-1"])
        led = [line for line in text.splitlines() if "fd00:eeee:eeee:1::a:10" in line and "dnat" in line]
        assert led
        assert all(f"]:{target[1]}" in line for line in led)
        assert len({line.partition("dnat ip6 to ")[2] for line in led}) == 1


def test_the_plan_needs_no_root() -> None:
    script = make_plan(dsflow.load(AS_BUILT).topology).script()
    assert "table inet services" in script
    assert "masquerade" in script
