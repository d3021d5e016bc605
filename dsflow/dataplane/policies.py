"""NetworkPolicies as tables of a node: what it lets its pods send and be sent.

kubernetes.io/docs/concepts/services-networking/network-policies (read 2026-11): a pod that a policy selects is
isolated on the policy's sides, and what any rule of any such policy allows may pass, with its answers; a node may
always talk to its own pods and they to it, and a pod to itself.  The documentation leaves open whether a Service's
translation comes before or after, what becomes of ICMP, and who is meant by pods that have their node's addresses:
assumptions say what is taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from dsflow.dataplane.action import Continue, Drop, Rule
from dsflow.dataplane.common import PROTOCOL_NUMBERS
from dsflow.dataplane.device import Device
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.grants import Grant, Grants, Peer, Traffic
from dsflow.dataplane.netfilter import INVALID
from dsflow.dataplane.tables import Confirm, Isolation, Table, Track
from dsflow.model.cluster import Pod
from dsflow.model.policies import NAMESPACE_NAME, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule, Selector, Side
from dsflow.model.topology import Topology
from dsflow.net.address import Family
from dsflow.net.ranges import PortRange

__all__ = ["Policies", "isolation", "tracking_connections"]

_ENFORCED, _OF_ICMP = "policies-are-enforced", "policies-hold-for-icmp"

_ANSWERED = Continue(Rule(reason="its connection was let through: policies judge what opens one"))
_ITSELF = Continue(Rule(reason="no policy keeps a pod from itself"))
_DENIED = {
    Side.EGRESS: Disposition.DENIED_EGRESS,
    Side.INGRESS: Disposition.DENIED_INGRESS,
}
_INTO = {Side.EGRESS: "lets it go out to {dst}", Side.INGRESS: "lets {src} in"}


class Policies:
    """The policies of a topology, turned round: what each pod may send and be sent."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._made: dict[tuple[object, ...], Grants] = {}
        self._chosen: dict[tuple[Selector | str, Selector | None], tuple[Pod, ...]] = {}

    @cached_property
    def _by_namespace(self) -> dict[str, list[NetworkPolicy]]:
        found = defaultdict[str, list[NetworkPolicy]](list)
        for policy in self._topology.network_policies.values():
            found[policy.namespace].append(policy)
        return found

    @cached_property
    def _pods_of(self) -> dict[str, list[Pod]]:
        """The pods with addresses of their own, by namespace."""
        found = defaultdict[str, list[Pod]](list)
        for pod in self._topology.pods.values():
            if not pod.host_network:
                found[pod.namespace].append(pod)
        return found

    def isolating(self, pod: Pod, side: Side) -> tuple[NetworkPolicy, ...]:
        """The policies that isolate a pod on a side; none isolates one that has its node's addresses."""
        if pod.host_network:
            return ()
        labels = dict(pod.labels)
        policies = self._by_namespace.get(pod.namespace, ())
        return tuple(policy for policy in policies if side in policy.sides and policy.selector.selects(labels))

    def grants(self, pod: Pod, side: Side) -> Grants | None:
        """What a pod may be sent (ingress) or send (egress); None where no policy isolates it."""
        policies = self.isolating(pod, side)
        if not policies:
            return None
        key = side, tuple(policy.name for policy in policies), pod.namespace, pod.ports
        found = self._made.get(key)
        if found is None:
            rows = tuple(row for policy in policies for row in self._rows(policy, side, pod))
            found = self._made[key] = Grants(
                rows=rows, denied=_denied(policies, side), unclear=self._icmp(policies, side)
            )
        return found

    def _icmp(self, policies: tuple[NetworkPolicy, ...], side: Side) -> Drop | Continue:
        """What becomes of ICMP that no rule allows."""
        if self._topology.assumes(_OF_ICMP) == "hold":
            return Drop(_refusal(policies, side, _OF_ICMP), _DENIED[side])
        return Continue(Rule(reason="NetworkPolicies leave ICMP alone", assumption=_OF_ICMP))

    def _rows(self, policy: NetworkPolicy, side: Side, pod: Pod) -> Iterator[Grant]:
        for number, rule in enumerate(policy.rules(side), start=1):
            told = Continue(
                Rule(
                    id=f"{policy.id}/{side}#{number}",
                    reason=f"{policy.id} {_INTO[side]} by its {side} rule {number}",
                    source=rule.source,
                    assumption=_ENFORCED,
                )
            )
            if not rule.ports:
                yield Grant(told=told, peers=self._peers(policy, rule))
                continue
            numbered = [port for port in rule.ports if not isinstance(port.port, str)]
            named = [port for port in rule.ports if isinstance(port.port, str)]
            if side is Side.INGRESS:
                traffic = (*map(_traffic, numbered), *_resolved(named, pod))
                yield Grant(told=told, peers=self._peers(policy, rule), traffic=traffic)
            else:
                if numbered:
                    yield Grant(told=told, peers=self._peers(policy, rule), traffic=tuple(map(_traffic, numbered)))
                yield from self._to_named(policy, rule, named, told)

    def _to_named(
        self, policy: NetworkPolicy, rule: PolicyRule, ports: Iterable[PolicyPort], told: Continue
    ) -> Iterator[Grant]:
        """Egress to ports by name: each pod resolves the name itself, and an address that is no pod's has none."""
        peers = rule.peers or (PolicyPeer(namespaces=Selector()),)
        pods = [pod for peer in peers if peer.block is None for pod in self._selected(policy, peer)]
        for port in ports:
            bearers = defaultdict[Traffic, list[Pod]](list)
            for pod in pods:
                for traffic in _resolved([port], pod):
                    bearers[traffic].append(pod)
            for traffic, found in bearers.items():
                yield Grant(told=told, peers=_addresses(found), traffic=(traffic,))

    def _peers(self, policy: NetworkPolicy, rule: PolicyRule) -> tuple[Peer, ...] | None:
        """The other ends; None for all."""
        if not rule.peers:
            return None
        return tuple(found for peer in rule.peers for found in self._of_peer(policy, peer))

    def _of_peer(self, policy: NetworkPolicy, peer: PolicyPeer) -> tuple[Peer, ...]:
        if peer.block is None:
            return _addresses(self._selected(policy, peer))
        block = peer.block
        return (Peer(block.prefix.family, prefix=block.prefix, exceptions=block.exceptions),)

    def _selected(self, policy: NetworkPolicy, peer: PolicyPeer) -> tuple[Pod, ...]:
        """The pods that a peer's selectors choose."""
        key = policy.namespace if peer.namespaces is None else peer.namespaces, peer.pods
        found = self._chosen.get(key)
        if found is None:
            found = self._chosen[key] = tuple(self._choose(*key))
        return found

    def _choose(self, namespaces: Selector | str, pods: Selector | None) -> Iterator[Pod]:
        for name, space in self._topology.namespaces.items():
            if isinstance(namespaces, str):
                chosen = name == namespaces
            else:
                chosen = namespaces.selects({NAMESPACE_NAME: name, **dict(space.labels)})
            for pod in self._pods_of.get(name, ()) if chosen else ():
                if pods is None or pods.selects(dict(pod.labels)):
                    yield pod


def _addresses(pods: Iterable[Pod]) -> tuple[Peer, ...]:
    """The addresses of pods, by family."""
    some = list(pods)
    of_family = {family: [pod.address(family) for pod in some] for family in Family}
    return tuple(
        Peer(family, frozenset(address.value for address in found if address is not None))
        for family, found in of_family.items()
    )


def _traffic(port: PolicyPort) -> Traffic:
    assert not isinstance(port.port, str), "names are resolved pod by pod"
    number = PROTOCOL_NUMBERS[port.protocol]
    if port.port is None:
        return Traffic(number)
    return Traffic(number, dport=PortRange(port.port, port.end_port or port.port))


def _resolved(ports: Iterable[PolicyPort], pod: Pod) -> Iterator[Traffic]:
    """Ports by name as a pod has them: one of the same protocol and name, or none."""
    named = dict(pod.ports)
    for port in ports:
        listener = named.get(str(port.port))
        if listener is not None and listener.protocol == port.protocol:
            yield Traffic(PROTOCOL_NUMBERS[port.protocol], dport=PortRange(listener.port, listener.port))


def _denied(policies: tuple[NetworkPolicy, ...], side: Side) -> Drop:
    return Drop(_refusal(policies, side, _ENFORCED), _DENIED[side])


def _refusal(policies: tuple[NetworkPolicy, ...], side: Side, assumption: str) -> Rule:
    names = ", ".join(policy.id for policy in policies)
    first = policies[0]
    to = "to {dst}" if side is Side.EGRESS else "from {src}"
    where = f"network_policies.{first.namespace}/{first.name}.{side}"
    return Rule(
        reason=f"implicit deny: no {side} rule allows {{asked}} {to}; evaluated: {names}",
        source=first.source,
        assumption=assumption,
        mend=f"allow {{asked}} {to} in {where}",
    )


def isolation(policies: Policies, pods: Iterable[Pod]) -> tuple[Table, ...]:
    """The tables of a node for what passes between its pods and others; empty where no pod is isolated."""
    some = list(pods)
    tables = []
    for side in (Side.EGRESS, Side.INGRESS):
        found = {pod.id: grants for pod in some if (grants := policies.grants(pod, side)) is not None}
        if found:
            tables.append(
                Isolation(
                    grants=found,
                    of_senders=side is Side.EGRESS,
                    answered=_ANSWERED,
                    itself=_ITSELF,
                    senseless=Drop(_no_sense(side), _DENIED[side]),
                )
            )
    return tuple(tables)


def _no_sense(side: Side) -> Rule:
    return Rule(
        reason=f"connection tracking makes nothing of this packet (INVALID), so no {side} rule is asked",
        assumption=_ENFORCED,
    )


def tracking_connections(device: Device) -> Device:
    """A node that tracks connections for its policies' sake alone, and translates nothing."""
    track = Track(invalid=INVALID)
    return replace(
        device,
        receive=(track, *device.receive),
        deliver=(Confirm(), *device.deliver),
        translate=(track,),
        leave=(Confirm(), *device.leave),
    )
