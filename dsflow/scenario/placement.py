"""The subnet of a node, pod or load balancer, named or found by its addresses."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

from dsflow.model.vcn import Subnet
from dsflow.net.address import Address, Family, Prefix
from dsflow.scenario.document import Path
from dsflow.scenario.parsed import Parsed

__all__ = ["Placement", "is_reserved"]


class Placement:
    """Finds subnets by address; reports addresses that lie in none, or not in the one named."""

    def __init__(self, parsed: Parsed, subnets: Mapping[str, Subnet]) -> None:
        self._parsed = parsed
        self._subnets = subnets
        self._entries = {
            family: sorted(
                (prefix.first, prefix.last, s.name) for s in subnets.values() for prefix in s.prefixes(family)
            )
            for family in Family
        }

    def subnet_of(self, path: Path, named: str | None, ipv4: Address | None, ipv6: Address | None) -> str:
        """The subnet's name; empty where there is none, which is reported."""
        if ipv4 is None and ipv6 is None:
            self._parsed.report(path, "no address", "ipv4, ipv6 or both")
            return named or ""
        if named is not None and named not in self._subnets:
            if not self._parsed.is_set_aside("subnets", named):
                self._parsed.report_unknown((*path, "subnet"), named, "subnet", self._subnets)
            return named
        name = named
        for key, address in (("ipv4", ipv4), ("ipv6", ipv6)):
            if address is not None:
                name = self._checked((*path, key), address, name)
        return name or ""

    def _checked(self, path: Path, address: Address, name: str | None) -> str | None:
        """The name of the subnet that holds the address, which must be ``name`` if that is given."""
        holder = self._holder(address)
        if holder is None and self._parsed.is_set_aside("subnets"):
            return name
        if name is None and holder is None:
            self._parsed.report(path, f'"{address}"', "an address of one of the subnets")
            return None
        if name is not None and holder != name:
            prefixes = " or ".join(map(str, self._subnets[name].prefixes(address.family)))
            has = prefixes or f"which has no {address.family.title} prefix"
            self._parsed.report(path, f'"{address}"', f"an address of subnet {name} ({has})")
            return name
        assert holder is not None
        prefix = next(p for p in self._subnets[holder].prefixes(address.family) if address in p)
        if is_reserved(address, prefix):
            self._parsed.report(path, f'"{address}", which OCI reserves in {prefix}', _usable(address.family))
        return holder

    def _holder(self, address: Address) -> str | None:
        entries = self._entries[address.family]
        index = bisect_right(entries, address.value, key=lambda entry: entry[0]) - 1
        return entries[index][2] if index >= 0 and address.value <= entries[index][1] else None


def is_reserved(address: Address, prefix: Prefix) -> bool:
    """Whether OCI keeps an address of a subnet for itself.

    IPv4: the first two and the last; IPv6: the first four and the last four
    (docs.oracle.com, Network/Concepts/ipv6.htm, read 2026-09).

    >>> subnet = Prefix.parse("10.0.0.0/24")
    >>> [is_reserved(Address.parse(f"10.0.0.{host}"), subnet) for host in (1, 2, 254, 255)]
    [True, False, False, True]
    """
    head, tail = (2, 1) if address.family is Family.IPV4 else (4, 4)
    return address.value < prefix.first + head or address.value > prefix.last - tail


def _usable(family: Family) -> str:
    kept = "first two and the last" if family is Family.IPV4 else "first four and the last four"
    return f"an address other than the {kept}"
