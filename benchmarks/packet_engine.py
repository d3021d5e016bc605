"""Packet-hops per CPU-second: ``sim.trace`` against a walk that copies and re-serialises scapy packets at each hop.

    python benchmarks/packet_engine.py [--quick]

Both sides answer the same flows of ``oke-sydney-gua``, every path type in turn, forward and reply.  A
*packet-hop* is one link crossed by one packet.  The reader of dsflow's side takes what a user takes: the
disposition, the NAT ledger and the bytes that came in and went out at every hop; then the same and every
step.  Latency is not asked for.

The scapy side is told the way: it looks up no route, keeps no session and explains nothing.  It builds
the first packet of each connection and direction once, and at each device that passes it on copies the
packet, lowers its TTL, translates it where the path does, deletes the checksums that no longer hold, and
serialises it.  Before anything is timed, the bytes of every hop of every flow are compared.

The two take turns in one process; the figure is the median of the rounds' ratios.  The exit code is 1
when a ratio is below its gate.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice, permutations
from statistics import median
from typing import Any, NamedTuple

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

import dsflow
from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop
from dsflow.trace.trace import Trace

SCENARIO = "oke-sydney-gua"
FLOWS = 960
ROUNDS = 5
FIRST_SOURCE_PORT = 20000


class Flow(NamedTuple):
    """One TCP connection to ask for."""

    origin: str
    target: str
    family: int
    sport: int
    dport: int


class Passage(NamedTuple):
    """What one device that passes a packet on does to it: the fields that it sets, addresses and ports."""

    lowers_ttl: bool
    addresses: dict[str, Any]
    ports: dict[str, Any]


class Way(NamedTuple):
    """One connection in one direction: the fields of its first packet, and the devices that pass it on."""

    addresses: dict[str, Any]
    ports: dict[str, Any]
    flags: str
    passages: tuple[Passage, ...]


class Row(NamedTuple):
    """One line of the result: rates in packet-hops per CPU-second."""

    family: int
    reading: str
    dsflow_rate: float
    scapy_rate: float
    ratio: float
    gate: float

    @property
    def holds(self) -> bool:
        """Whether the gate is reached."""
        return self.ratio >= self.gate

    @property
    def verdict(self) -> str:
        """``missed`` or nothing, for the table."""
        return "" if self.holds else "missed"


def flows(sim: dsflow.Simulation, family: int, count: int) -> list[Flow]:
    """``count`` flows of one family: the path types take turns, pods change, and every source port is new."""
    ways = [cycle(pairs) for pairs in _ends_by_path_type(sim)]
    ends = islice((next(way) for way in cycle(ways)), count)
    return [
        Flow(origin, target, family, FIRST_SOURCE_PORT + number, dport)
        for number, (origin, target, dport) in enumerate(ends)
    ]


def _ends_by_path_type(sim: dsflow.Simulation) -> list[list[tuple[str, str, int]]]:
    """Origin, target and port: between pods on one node, between nodes, to the Internet and from it."""
    pods = [pod for pod in sim.topology.pods.values() if not pod.host_network]
    pairs = [
        (one.id, other.id, listener.port)
        for one, other in permutations(pods, 2)
        for listener in other.listen
        if listener.protocol == "tcp"
    ]
    same_node = [pair for pair in pairs if sim.path_type(*pair[:2]) == "same-node"]
    cross_node = [pair for pair in pairs if sim.path_type(*pair[:2]) == "cross-node"]
    egress = [(pod.id, "internet/web", 443) for pod in pods]
    return [same_node, cross_node, egress, [("internet/client", "service/default/nginx", 80)]]


def ask(sim: dsflow.Simulation, flow: Flow) -> Chain:
    """The answer of dsflow to a flow."""
    return sim.trace(flow.origin, flow.target, family=flow.family, tcp=flow.dport, sport=flow.sport)


def read_bytes(chain: Chain) -> None:
    """Look at the disposition, the ledger, and the bytes that came in and went out at every hop."""
    chain.disposition  # noqa: B018 - to look is the point
    chain.nat_ledger  # noqa: B018 - the same
    for trace in chain.traces:
        for hop in trace.hops:
            hop.packets_in  # noqa: B018 - the same
            hop.packets_out  # noqa: B018 - the same


def read_steps(chain: Chain) -> None:
    """Look at all that, and at every step of every hop."""
    read_bytes(chain)
    for trace in chain.traces:
        for hop in trace.hops:
            hop.steps  # noqa: B018 - to look is the point


def links_crossed(chain: Chain) -> int:
    """The packet-hops of a chain."""
    return sum(len(trace.hops) - 1 for trace in chain.traces)


def ways(chain: Chain) -> list[Way]:
    """The way of each of a chain's traces, for the walk that is told it."""
    return [_way(trace) for trace in chain.traces]


def _way(trace: Trace) -> Way:
    first = trace.hops[0].header_out
    assert first is not None
    assert first.sport is not None
    assert first.dport is not None
    return Way(
        addresses={"src": first.src, "dst": first.dst},
        ports={"sport": first.sport, "dport": first.dport},
        flags="S" if trace.direction == "forward" else "SA",
        passages=tuple(_passage(hop) for hop in trace.hops[1:-1]),
    )


def _passage(hop: Hop) -> Passage:
    before, after = hop.header_in, hop.header_out
    assert before is not None
    assert after is not None
    return Passage(
        lowers_ttl=after.ttl < before.ttl,
        addresses={
            name: getattr(after, name) for name in ("src", "dst") if getattr(after, name) != getattr(before, name)
        },
        ports={
            name: getattr(after, name) for name in ("sport", "dport") if getattr(after, name) != getattr(before, name)
        },
    )


def walk_with_scapy(way: Way) -> list[bytes]:
    """The bytes on every link of the way, from scapy packets."""
    packet = _built(way)
    sent = [bytes(packet)]
    for passage in way.passages:
        packet = _passed_on(packet, passage)
        sent.append(bytes(packet))
    return sent


def _built(way: Way) -> Any:
    acknowledged = int("A" in way.flags)
    upper = TCP(**way.ports, flags=way.flags, seq=0, ack=acknowledged, window=64240)
    if ":" in way.addresses["src"]:
        return IPv6(**way.addresses, hlim=64) / upper
    return IP(**way.addresses, id=0, flags="DF", ttl=64) / upper


def _passed_on(packet: Any, passage: Passage) -> Any:
    packet = packet.copy()
    if isinstance(packet, IP):
        packet.ttl -= passage.lowers_ttl
        del packet.chksum
    else:
        packet.hlim -= passage.lowers_ttl
    for name, address in passage.addresses.items():
        setattr(packet, name, address)
    for name, port in passage.ports.items():
        setattr(packet.payload, name, port)
    if passage.addresses or passage.ports:
        del packet.payload.chksum
    return packet


def assert_equal(chain: Chain) -> None:
    """Require of a chain that it is delivered, both ways, and that every link carried scapy's bytes."""
    assert chain.disposition == chain.round_trip == "delivered", chain
    for trace, way in zip(chain.traces, ways(chain), strict=True):
        carried = [raw for hop in trace.hops[:-1] for raw in hop.packets_out]
        arrived = [raw for hop in trace.hops[1:] for raw in hop.packets_in]
        assert carried == arrived == walk_with_scapy(way), trace


def measure(sim: dsflow.Simulation, family: int, *, flow_count: int = FLOWS, rounds: int = ROUNDS) -> list[Row]:
    """The two rows of one family; results are asserted equal first."""
    asked = flows(sim, family, flow_count)
    chains = [ask(sim, flow) for flow in asked]
    for chain in chains:
        assert_equal(chain)
    hops = sum(links_crossed(chain) for chain in chains)
    told = [way for chain in chains for way in ways(chain)]
    del chains

    contenders: list[Callable[[], None]] = [
        lambda: _ask_all(sim, asked, read_bytes),
        lambda: _ask_all(sim, asked, read_steps),
        lambda: _walk_all(told),
    ]
    times = [[_cpu_seconds(contender) for contender in contenders] for _ in range(rounds)]
    return list(_rows(family, hops, times))


def _ask_all(sim: dsflow.Simulation, asked: Sequence[Flow], read: Callable[[Chain], None]) -> None:
    for flow in asked:
        read(ask(sim, flow))


def _walk_all(told: Sequence[Way]) -> None:
    for way in told:
        walk_with_scapy(way)


def _cpu_seconds(contender: Callable[[], None]) -> float:
    gc.collect()  # nobody pays for another's rubbish
    start = time.process_time()
    contender()
    return time.process_time() - start


def _rows(family: int, hops: int, times: Sequence[Sequence[float]]) -> Iterator[Row]:
    scapy_rate = hops / median(scapy for *_, scapy in times)
    for place, (reading, gate) in enumerate((("bytes", 30.0), ("steps", 8.0))):
        rate = hops / median(round_[place] for round_ in times)
        ratio = median(scapy / round_[place] for *round_, scapy in times)
        yield Row(family, reading, rate, scapy_rate, ratio, gate)


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    lines = [
        f"{'family':<7}{'reading':<9}{'dsflow':>10}{'scapy':>9}{'ratio':>8}{'gate':>7}   packet-hops per CPU-second"
    ]
    for row in rows:
        lines.append(
            f"ipv{row.family:<4}{row.reading:<9}{row.dsflow_rate:>10,.0f}{row.scapy_rate:>9,.0f}"
            f"{row.ratio:>7.1f}x{row.gate:>6.0f}x   {row.verdict}".rstrip()
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a gate is missed."""
    parser = argparse.ArgumentParser(description="packet-hops per CPU-second, against scapy packets at each hop")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: seconds, and a rougher figure")
    quick = parser.parse_args(arguments).quick
    sim = dsflow.load(SCENARIO)
    rows = [row for family in (4, 6) for row in measure(sim, family, rounds=3 if quick else ROUNDS)]
    print(table(rows))
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
