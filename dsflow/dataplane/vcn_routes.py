"""The routing tables of a VCN's fabric: of subnets, of single VNICs and addresses, and of gateways.

Behaviour from docs.oracle.com Network/Tasks/managingroutetables.htm (2025-03): of the tables of an address, its VNIC
and its subnet the first that there is serves alone; the longest prefix in it decides, a static rule before the
implicit local one of equal length; what none covers is dropped in silence.  What is in the sender's own subnet is
reached directly and no rule can divert it.  What enters by a gateway goes by the gateway's table, where it has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from dsflow.dataplane.action import Action, Drop, Evidence, Forward, Neighbor, Rule, ToOwner
from dsflow.dataplane.common import routes
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.index import Index
from dsflow.dataplane.tables import Routes
from dsflow.model.cluster import Node
from dsflow.model.devices import DeviceInterface, GenericDevice
from dsflow.model.services import LoadBalancer
from dsflow.model.vcn import Gateway, LocalPeeringGateway, RouteRule, ServiceGateway, Subnet, Vcn
from dsflow.net.address import Address, Family, Prefix

__all__ = ["VcnRoutes", "checked_there"]

_IPV6_TO_NAT = "ipv6-rules-to-nat-gateways"

Owners = Mapping[Family, Mapping[int, Neighbor]]
"""Who has which address of a VCN."""


class VcnRoutes:
    """The makers of one VCN's tables."""

    def __init__(self, vcn: Vcn, index: Index, owners: Owners) -> None:
        self._vcn = vcn
        self._index = index
        self._owners = owners
        local = {
            family: ToOwner(_found(_local(vcn), family, index), owners[family], _ownerless(vcn)) for family in Family
        }
        self._inside: dict[Prefix, Action] = {
            prefix: local[family] for family in Family for prefix in vcn.prefixes(family)
        }
        self.between = routes(self._inside.items(), _no_route_inside(vcn))
        """Of what has no table: delivery inside the VCN, and nothing else."""

    def of_subnet(self, subnet: Subnet) -> Routes:
        """For what VNICs in a subnet send."""
        return self.of_sender(subnet.id, subnet.route_table, subnet, subnet.source)

    def of_sender(self, holder: str, table: str | None, subnet: Subnet, source: str) -> Routes:
        """For what a VNIC in ``subnet`` sends by the table of ``holder``: the subnet's, its own or its address's.

        ``source`` is where the holder was written.
        """
        own = [prefix for family in Family for prefix in subnet.prefixes(family)]
        direct = {
            family: ToOwner(
                _found(_same_subnet(subnet), family, self._index),
                self._owners[family],
                _ownerless(self._vcn),
                lowers=False,
            )
            for family in Family
        }
        rows = {prefix: local for prefix, local in self._inside.items() if prefix not in own}
        for prefix, action in self._written(holder, table):
            if not any(prefix in whole for whole in own):  # never consulted inside the own subnet
                rows[prefix] = action
        rows |= {prefix: direct[prefix.family] for prefix in own}
        for prefix, gateway in self._peers():
            if not any(prefix in other for other in rows):
                rows[prefix] = self._no_route(holder, table, source, _missing_rule(holder, table, prefix, gateway))
        missing = [self._missing_route(holder, table, family) for family in Family]
        return routes(rows.items(), *(self._no_route(holder, table, source, mend) for mend in missing))

    def _peers(self) -> Iterator[tuple[Prefix, Gateway]]:
        """The prefixes of peered VCNs, and the LPG to each."""
        gateways = self._index.gateways_by_id
        for gateway in self._index.gateways_of(self._vcn.name):
            if isinstance(gateway, LocalPeeringGateway):
                peer = self._index.topology.vcns[gateways[gateway.peer_id].vcn]
                yield from ((prefix, gateway) for family in Family for prefix in peer.prefixes(family))

    def of_gateway(self, gateway: Gateway) -> Routes:
        """For what enters by a gateway."""
        if gateway.route_table is None:
            return self.between
        rows = self._inside | dict(self._written(gateway.id, gateway.route_table))
        return routes(rows.items(), _no_rule_either(self._vcn, gateway))

    def _written(self, holder: str, table: str | None) -> Iterator[tuple[Prefix, Action]]:
        """The rules of a table as rows, in the words of who uses it."""
        found = self._index.topology.route_tables.get(table or "")
        rules = found.rules if found else ()
        for number, rule in enumerate(rules, start=1):
            if not self._is_missed(rule) or not _covered_by_another(rule, rules):
                action = self._static(rule, number, holder)
                yield from ((prefix, action) for prefix in _destinations(rule, self._index))

    def _is_missed(self, rule: RouteRule) -> bool:
        """Whether OCI is taken to refuse a rule, so that it is not there."""
        return _is_of_ipv6_to_nat(rule) and self._index.topology.assumes(_IPV6_TO_NAT) == "refused"

    def _static(self, rule: RouteRule, number: int, holder: str) -> Forward | Drop:
        words = Rule(
            id=f"{holder}/route-table#{number}",
            reason=f"the longest match for {{dst}} in the table of {holder} is {rule.destination}, to {rule.target}",
            source=rule.source,
        )
        if rule.next_hop is not None:
            return _to_private_ip(words, rule.next_hop, self._index)
        gateway = self._index.gateways_by_id[rule.target]
        if _is_of_ipv6_to_nat(rule):
            words = replace(words, assumption=_IPV6_TO_NAT)
        if self._is_missed(rule):
            reason = (
                f"{rule.destination} would lead to {rule.target}, but OCI refuses such a rule, and no other covers it"
            )
            return Drop(replace(words, reason=reason), Disposition.NO_ROUTE)
        return Forward(words, Neighbor(rule.target, rule.target, self._vcn.id, self._index.attachment(gateway)))

    @staticmethod
    def _no_route(holder: str, table: str | None, source: str, mend: str) -> Drop:
        name = f"route-table/{table}" if table else "no route table"
        reason = f"no rule of {holder} ({name}) covers {{dst}}: dropped in silence"
        return Drop(Rule(reason=reason, source=source, mend=mend), Disposition.NO_ROUTE)

    def _missing_route(self, holder: str, table: str | None, family: Family) -> str:
        """The rule that would lead to the Internet, and the gateway for it where the VCN has none."""
        gateway: Gateway | None
        if family is Family.IPV4:
            gateway, prefix = self._index.nat_gateway(self._vcn.name), "0.0.0.0/0"
        else:
            gateway, prefix = self._index.internet_gateway(self._vcn.name), "::/0"
        if gateway is None:
            kind = "NAT" if family is Family.IPV4 else "Internet"
            return f"for the Internet, add a gateway of kind {kind.lower()} and lead {prefix} to it"
        mend = _missing_rule(holder, table, prefix, gateway)
        return mend if table is None else f"for the Internet, {mend}"


def _missing_rule(holder: str, table: str | None, prefix: Prefix | str, gateway: Gateway) -> str:
    if table is None:
        return f"give {holder} a route table that leads {prefix} to {gateway.id}"
    return f"add the rule {prefix}: {gateway.id} to route_tables.{table}.rules"


def _is_of_ipv6_to_nat(rule: RouteRule) -> bool:
    """Whether a rule leads IPv6 to a gateway that carries none."""
    ipv6 = isinstance(rule.destination, Prefix) and rule.destination.family is Family.IPV6
    return ipv6 and rule.target.startswith(("natgw/", "sgw/"))


def _covered_by_another(rule: RouteRule, rules: Sequence[RouteRule]) -> bool:
    """Whether a wider rule of the same table, of those that OCI takes, serves what a rule is about."""
    own = rule.destination
    wider = (other.destination for other in rules if other is not rule and not _is_of_ipv6_to_nat(other))
    return isinstance(own, Prefix) and any(isinstance(one, Prefix) and own in one for one in wider)


def _destinations(rule: RouteRule, index: Index) -> tuple[Prefix, ...]:
    if isinstance(rule.destination, Prefix):
        return (rule.destination,)
    gateway = index.gateways_by_id[rule.target]
    assert isinstance(gateway, ServiceGateway), "the scenario's checks let a label lead to a service gateway only"
    return dict(gateway.services).get(rule.destination, ())


def _to_private_ip(words: Rule, address: Address, index: Index) -> Forward | Drop:
    """A VNIC as next hop; one that checks source and destination takes nothing that is not its own.

    docs.oracle.com Network/Tasks/managingroutetables.htm (2025-03), Network/Tasks/managingVNICs.htm (2026-09).
    """
    way, holder = index.route_targets[address]
    if isinstance(holder, Node):
        return _checked_there(words, holder.id, None)
    if isinstance(holder, LoadBalancer):
        return Forward(words, way, next_hop=address.value)
    device, interface = holder
    if interface.source_destination_check:
        return checked_there(words, device, interface)
    return Forward(words, way, next_hop=address.value)


def checked_there(words: Rule, device: GenericDevice, interface: DeviceInterface) -> Drop:
    """What a device's VNIC makes of packets that are not its own, as long as it checks them."""
    key = f"devices.{device.name}.interfaces.{interface.name}.source_destination_check"
    return _checked_there(words, device.id, f"set {key}: false")


def _checked_there(words: Rule, holder: str, mend: str | None) -> Drop:
    why = f"{holder} checks source and destination, so its VNIC takes no packet for {{dst}}"
    return Drop(replace(words, reason=f"{words.reason}; {why}", mend=mend), Disposition.BLACKHOLED)


def _found(rule: Rule, family: Family, index: Index) -> Rule:
    """The rule by which a VNIC is reached; in IPv6 it is found by messages that security rules could stop."""
    judged = family is Family.IPV6 and index.topology.has_security_rules
    return replace(rule, further=("ndp-passes-security-rules",)) if judged else rule


def _same_subnet(subnet: Subnet) -> Rule:
    return Rule(reason=f"{{dst}} is in {subnet.id} itself: delivered directly, no rule applies")


def _local(vcn: Vcn) -> Rule:
    return Rule(
        id=f"{vcn.id}/local",
        reason=f"{{dst}} is inside {vcn.id}: the implicit local route delivers it",
        source=vcn.source,
        explicit=False,
    )


def _ownerless(vcn: Vcn) -> Drop:
    rule = Rule(reason=f"{{dst}} is inside {vcn.id}, but no VNIC there has it", evidence=Evidence.INFERRED)
    return Drop(rule, Disposition.NEIGHBOR_UNREACHABLE)


def _no_route_inside(vcn: Vcn) -> Drop:
    rule = Rule(reason=f"{{dst}} is not inside {vcn.id}, and a gateway delivers only inside")
    return Drop(rule, Disposition.NO_ROUTE)


def _no_rule_either(vcn: Vcn, gateway: Gateway) -> Drop:
    rule = Rule(
        reason=f"{{dst}} is not inside {vcn.id}, and no rule of {gateway.id} (route-table/{gateway.route_table}) "
        "covers it: dropped in silence",
        source=gateway.source,
        mend=f"add a rule for {{dst}} to route_tables.{gateway.route_table}.rules",
    )
    return Drop(rule, Disposition.NO_ROUTE)
