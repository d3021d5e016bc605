"""Pods and nodes: where packets begin and end, and the one routed hop that a node is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from dsflow.dataplane.action import Action, Continue, Delay, Drop, Evidence, Forward, Neighbor, Rule
from dsflow.dataplane.common import (
    EVERYWHERE,
    LINUX_FORWARD,
    PROTOCOL_NUMBERS,
    listeners,
    not_forwarding,
    origin_mtu,
    own_addresses,
    routes,
    single,
)
from dsflow.dataplane.device import Device, Interface, Toll
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.index import VETH_LINK, Index
from dsflow.dataplane.linux_checks import martians
from dsflow.dataplane.match import Match, State
from dsflow.dataplane.nat import NatCapability, NatKind
from dsflow.dataplane.sources import IcmpSources
from dsflow.dataplane.tables import Filter, RouteLookup, Routes, SourceCheck
from dsflow.model.cluster import Machine, Node, Pod
from dsflow.model.services import NODE_PORTS
from dsflow.model.topology import Profile
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.lpm import LongestPrefixTable
from dsflow.net.ranges import PortRange

__all__ = ["ENDPOINT_TOLL", "compile_node", "compile_pod", "icmp_sources", "interface", "source_check"]

ENDPOINT_TOLL = (Delay("endpoint"),)
"""What a packet pays where it is received."""

_NODE_NAT = (
    NatCapability(
        kind=NatKind.SERVICE_DNAT,
        idle=Rule(
            reason="in the article's profile load balancers reach pods directly: no Service rule stands on the node",
            evidence=Evidence.INFERRED,
        ),
    ),
    NatCapability(
        kind=NatKind.MASQUERADE,
        idle=Rule(
            reason="pod addresses are routable in the VCN, so the node keeps the source",
            assumption="node-masquerade-off",
        ),
    ),
    NatCapability(
        kind=NatKind.HAIRPIN_MASQUERADE,
        idle=Rule(reason="no Service led the packet back to the pod that sent it", evidence=Evidence.INFERRED),
    ),
)


def compile_pod(pod: Pod, index: Index) -> Device:
    """A pod with addresses of its own: one interface, one default route to its node."""
    node = index.topology.nodes[pod.node]
    uplink = Neighbor("eth0", node.id, pod.id, VETH_LINK)
    default = Forward(Rule(reason=f"the pod's only way out is its node {node.id}"), uplink)
    own = own_addresses((pod.ipv4, pod.ipv6))
    table = listeners(pod.id, pod.listen, f"pods.{pod.namespace}/{pod.name}")
    return Device(
        id=pod.id,
        kind="pod",
        interfaces={"eth0": interface("eth0", pod.ipv4, pod.ipv6)},
        receive=(martians(pod.ipv4), RouteLookup(tables={None: routes(own, not_forwarding(pod.id))})),
        deliver=(table,),
        send=(RouteLookup(tables={None: routes(own, default)}),),
        leave=(origin_mtu,),
        toll=Toll(delivered=ENDPOINT_TOLL, machine=node.id),
        source=pod.source,
    )


def compile_node(node: Node, index: Index) -> Device:
    """A node: routes to its pods, a VNIC for its own traffic and one for each pod subnet."""
    pods = index.pods_on.get(node.name, [])
    vnics = index.pod_vnics(node.name)
    local = own_addresses((node.ipv4, node.ipv6))
    for pod in pods:
        to_pod = Neighbor(pod.id, pod.id, "eth0", VETH_LINK)
        rule = Rule(id=f"{node.id}/pod-route", reason="{dst} is a pod of this node", source=pod.source)
        local += [(single(address), Forward(rule, to_pod)) for address in (pod.ipv4, pod.ipv6) if address]
    rows = dict(local)

    primary = _with_default(rows, _uplink(node, index))
    tables: dict[str | None, Routes] = {None: primary}
    for subnet, name in vnics.items():
        tables[name] = routes(local, _not_of_this_node(node))
        way_out = _pods_way_out(node, subnet, name, index)
        from_pods = _with_default(dict(_among_pods(local, pods, subnet, way_out, index)), way_out)
        tables |= dict.fromkeys((pod.id for pod in pods if pod.subnet == subnet), from_pods)
    tables["eth0"] = routes(local, _not_of_this_node(node))

    lookup = RouteLookup(tables=tables)
    host_pods = index.host_pods_on.get(node.name, [])
    ports = [*node.listen, *(port for pod in host_pods for port in pod.listen)]
    answering = listeners(node.id, ports, f"nodes.{node.name}")
    if index.topology.profile is Profile.ARTICLE:
        answering = replace(answering, unsaid=tuple(_node_ports(index)))
    names = ["eth0", *vnics.values()]
    device = Device(
        id=node.id,
        kind="node",
        interfaces={
            name: interface(name, *((node.ipv4, node.ipv6) if name == "eth0" else (None, None))) for name in names
        }
        | {pod.id: interface(pod.id, None, None) for pod in pods},
        receive=(martians(node.ipv4), lookup),
        deliver=(answering,),
        forward=LINUX_FORWARD,
        send=(lookup,),
        leave=(origin_mtu, source_check(node, _addresses_of_vnics(node, index))),
        capabilities=_NODE_NAT,
        icmp_sources=icmp_sources(node),
        toll=Toll(
            forwarded=(Delay("pod_hop"), Delay("ct_established")),
            forwarded_new=(Delay("pod_hop"), Delay("ct_new")),
            delivered=ENDPOINT_TOLL,
            machine=node.id,
        ),
        source=node.source,
    )
    if index.topology.profile is Profile.AS_BUILT:
        from dsflow.dataplane.kube_proxy import with_services  # the article knows no Service on a node

        device = with_services(device, node, index)
    if index.topology.assumes(_MASQUERADE_OFF) == "on":
        device = _tracking(replace(device, forward=(*device.forward, _hidden_pods(node, index))))
    if index.topology.network_policies and index.topology.assumes("policies-are-enforced") == "enforced":
        device = _isolating(device, pods, index)
    return device


def _node_ports(index: Index) -> Iterator[tuple[int, PortRange, Drop]]:
    """Where nodes may lead to Services, of which the article says nothing: one not written may be any."""
    for service in index.topology.services.values():
        for port in service.ports if service.type in ("NodePort", "LoadBalancer") else ():
            written = port.node_port is not None
            rule = Rule(
                reason=f"{{protocol}}/{{dport}} {'is' if written else 'may be'} the node port of {service.id}, and the "
                "article does not say what a node does there",
                source=service.source,
                mend="set profile: as-built, which does what kube-proxy does",
            )
            at = range(port.node_port, port.node_port + 1) if port.node_port is not None else NODE_PORTS
            drop = Drop(rule, Disposition.UNDETERMINED)
            yield PROTOCOL_NUMBERS[port.protocol], PortRange(at.start, at.stop - 1), drop


def _isolating(device: Device, pods: list[Pod], index: Index) -> Device:
    """The node with its pods' NetworkPolicies; a Service with nothing behind it is rejected before they are asked."""
    from dsflow.dataplane.policies import isolation  # only where there are some

    tables = isolation(index.policies, pods)
    return _tracking(replace(device, forward=(*device.forward, *tables))) if tables else device


def _tracking(device: Device) -> Device:
    """The node with connection tracking, as kube-proxy has it already."""
    from dsflow.dataplane.policies import tracking_connections  # only where a rule asks for it

    return device if device.tracks_connections else tracking_connections(device)


_MASQUERADE_OFF = "node-masquerade-off"


def _hidden_pods(node: Node, index: Index) -> Filter:
    """What becomes of connections that pods open beyond the VCN, if the node hides them: nobody wrote behind what."""
    vcn = index.vcn_of(node.subnet)
    own = Rule(
        reason=f"{{dst}} is in {vcn.id}, where pods are known by their own addresses", assumption=_MASQUERADE_OFF
    )
    rows: list[tuple[Match, Drop | Continue]] = []
    for name in index.pod_vnics(node.name).values():
        hides = Rule(
            reason=f"the node would give {{src}} an address of its {name}, and none is known",
            assumption=_MASQUERADE_OFF,
        )
        prefixes = (prefix for family in Family for prefix in vcn.prefixes(family))
        rows += [(Match(dst=prefix, out_interface=name), Continue(own)) for prefix in prefixes]
        opening = Match(out_interface=name, states=frozenset({State.NEW}))
        rows.append((opening, Drop(hides, Disposition.UNDETERMINED)))
    return Filter(rows=tuple(rows), stage="forward")


def _uplink(node: Node, index: Index) -> Forward:
    """The way out of the node's own traffic."""
    return _out(Rule(reason="the node's own traffic leaves by its primary VNIC"), node, node.subnet, "eth0", index)


def _pods_way_out(node: Node, subnet: str, interface: str, index: Index) -> Forward:
    """The way out of the pods of a subnet."""
    assumption = "pod-vnic-carries-pod-traffic"
    if index.topology.assumes(assumption) == "pod-vnic":
        reason = f"pod traffic leaves by the VNIC in subnet/{subnet}, without a tunnel"
        return _out(Rule(reason=reason, assumption=assumption), node, subnet, interface, index)
    rule = Rule(reason="pod traffic leaves by the primary VNIC too, without a tunnel", assumption=assumption)
    return _out(rule, node, node.subnet, "eth0", index)


def _out(rule: Rule, node: Node, subnet: str, interface: str, index: Index) -> Forward:
    link = index.vnic(node, subnet, interface).link
    return Forward(rule, Neighbor(interface, index.vcn_of(subnet).id, f"subnet/{subnet}", link))


_SAME_NODE = "same-node-skips-nsg"


def _among_pods(
    rows: list[tuple[Prefix, Action]], pods: list[Pod], subnet: str, way_out: Forward, index: Index
) -> Iterator[tuple[Prefix, Action]]:
    """The rows to a node's own addresses and pods as its pods in a subnet meet them.

    That those behind its own VNIC are reached inside the node rests on an assumption where that VNIC has security
    rules, and for those behind another VNIC anyway: they might be reached by way of both VNICs.
    """
    beside = {single(own) for pod in pods if pod.subnet != subnet for own in (pod.ipv4, pod.ipv6) if own is not None}
    node = index.topology.nodes[pods[0].node]
    skips = index.topology.assumes(_SAME_NODE) == "skips"
    for prefix, row in rows:
        if prefix in beside and isinstance(row, Forward) and not skips:
            reason = "{dst} is a pod of this node behind another VNIC: by way of both VNICs and the VCN"
            yield prefix, replace(way_out, rule=replace(way_out.rule, reason=reason, further=(_SAME_NODE,)))
        elif isinstance(row, Forward) and (prefix in beside or index.has_security_rules(node, subnet)):
            yield prefix, replace(row, rule=replace(row.rule, assumption=_SAME_NODE))
        else:
            yield prefix, row


def _with_default(rows: dict[Prefix, Action], default: Forward) -> Routes:
    return routes(rows.items(), default)


def _not_of_this_node(node: Node) -> Drop:
    rule = Rule(reason=f"{{dst}} is neither {node.id} nor a pod on it", evidence=Evidence.INFERRED)
    return Drop(rule, Disposition.NOT_FORWARDING)


def _addresses_of_vnics(node: Node, index: Index) -> dict[str, list[Address | None]]:
    found: dict[str, list[Address | None]] = {"eth0": [node.ipv4, node.ipv6]}
    for subnet, name in index.pod_vnics(node.name).items():
        pods = [pod for pod in index.pods_on[node.name] if pod.subnet == subnet]
        found[name] = [address for pod in pods for address in (pod.ipv4, pod.ipv6)]
    return found


def source_check(machine: Machine, addresses: Mapping[str, Iterable[Address | None]]) -> SourceCheck:
    """OCI drops what a VNIC sends with a foreign source (Network/Tasks/managingVNICs.htm, 2026-09).

    ``addresses`` are those of each VNIC.
    """
    own = {
        name: frozenset((int(one.family), one.value) for one in some if one is not None)
        for name, some in addresses.items()
    }
    rule = Rule(
        id=f"{machine.id}/source-destination-check",
        reason="{src} is no address of the VNIC that the packet would leave by",
        source=machine.source,
        mend="send from an address of that VNIC",
        explicit=False,
    )
    return SourceCheck(own=own, foreign=Drop(rule, Disposition.SOURCE_CHECK_FAILED))


def icmp_sources(machine: Machine) -> IcmpSources:
    """The address from which a machine sends ICMP errors.

    The interfaces toward pods bear none, so Linux answers with that of ``eth0`` (RFC 1812 section 4.3.2.4).
    """
    return {
        prefix.family: {None: LongestPrefixTable([(prefix, address.value)])}
        for prefix in EVERYWHERE
        if (address := machine.address(prefix.family)) is not None
    }


def interface(name: str, ipv4: Address | None, ipv6: Address | None) -> Interface:
    """An interface that bears at most one address of each family."""
    pairs = ((Family.IPV4, ipv4), (Family.IPV6, ipv6))
    return Interface(name=name, addresses={int(family): (found.value,) for family, found in pairs if found})
