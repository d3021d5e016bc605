"""What must hold of local peering gateways (docs.oracle.com, Network/Tasks/localVCNpeering.htm, read 2025)."""

from __future__ import annotations

from dsflow.model.topology import Topology
from dsflow.model.vcn import LocalPeeringGateway
from dsflow.scenario.document import Path
from dsflow.scenario.parsed import Parsed

__all__ = ["peerings", "peerings_without_a_rule"]


def peerings(topology: Topology, parsed: Parsed) -> None:
    """Two LPGs of two VCNs name each other; that no two VCNs overlap is checked of all."""
    gateways = topology.gateways.values()
    known = {gateway.name: gateway for gateway in gateways if isinstance(gateway, LocalPeeringGateway)}
    for name, gateway in known.items():
        path = ("gateways", name, "peer")
        peer = known.get(gateway.peer)
        if peer is not None:
            _check_pair(path, gateway, peer, parsed)
        elif not parsed.is_set_aside("gateways", gateway.peer):
            parsed.report_unknown(path, gateway.peer, "local peering gateway", known)


def _check_pair(path: Path, gateway: LocalPeeringGateway, peer: LocalPeeringGateway, parsed: Parsed) -> None:
    if peer is gateway:
        parsed.report(path, f'"{peer.name}", the gateway itself', "the LPG of another VCN")
    elif peer.vcn and peer.vcn == gateway.vcn:
        parsed.report(path, f'"{peer.name}", an LPG of VCN {peer.vcn} too', "the LPG of another VCN")
    elif peer.peer != gateway.name:
        parsed.report(path, f'"{peer.name}", whose own peer is "{peer.peer}"', f"an LPG whose peer is {gateway.name}")


def peerings_without_a_rule(topology: Topology, parsed: Parsed) -> None:
    """A peering routes nothing by itself: each VCN needs a rule to its own LPG, or nothing comes back."""
    targets = {rule.target for table in topology.route_tables.values() for rule in table.rules}
    for name, gateway in topology.gateways.items():
        if isinstance(gateway, LocalPeeringGateway) and gateway.id not in targets:
            parsed.note(("gateways", name), f"no rule leads to {gateway.id}, so nothing in VCN {gateway.vcn} uses it")
