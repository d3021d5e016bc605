"""Sessions: known by the header that opened them and by the one their reply will bear."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dsflow.dataplane.action import Rule
from dsflow.dataplane.match import Match
from dsflow.dataplane.nat import NatKind, NatRow, PortPool
from dsflow.engine.conntrack import Memories, Memory, Session, key_of, reversed_key
from dsflow.net.build import first_packet, reply_to

ports = st.integers(0, 65535)
addresses = st.integers(1, 0xDFFF_FFFF)
protocols = st.sampled_from(["tcp", "udp", "icmp"])


def _row(pool: PortPool) -> NatRow:
    return NatRow(kind=NatKind.SNAT, match=Match(), rule=Rule(reason="test"), address=99, pool=pool)


@given(addresses, addresses, ports, protocols)
def test_the_key_of_a_reply_is_the_reversed_key(src: int, dst: int, sport: int, protocol: str) -> None:
    """Of echoes too, whose identifier stands on both sides."""
    packet = first_packet(4, protocol, src, dst, sport=sport, dport=None if protocol == "icmp" else 80)
    answer = reply_to(packet)
    if protocol == "udp" and sport == 0:
        assert answer is None  # nobody can be answered there
        return
    assert answer is not None
    assert key_of(answer) == reversed_key(key_of(packet))
    assert reversed_key(reversed_key(key_of(packet))) == key_of(packet)


def test_a_session_is_found_from_both_sides() -> None:
    """By the original header and by the reply's."""
    memory = Memory()
    session = Session((4, 6, 1, 10, 2, 80), (4, 6, 2, 80, 99, 5000))
    memory.store(session)
    assert memory.sessions[session.original] is memory.sessions[session.reply] is session


@given(size=st.integers(1, 8), extra=st.integers(1, 3), protocol=protocols)
def test_a_pool_gives_every_port_once_and_then_none(size: int, extra: int, protocol: str) -> None:
    """Different sources never share a port towards one destination."""
    pool = PortPool(first=5000, last=5000 + size - 1)
    memory, row = Memory(), _row(pool)
    given_out = []
    for number in range(size + extra):
        packet = first_packet(4, protocol, 1 + number, 2, sport=7, dport=None if protocol == "icmp" else 80)
        port = memory.free_port(pool, 99, packet, seed=0)
        if port is not None:
            given_out.append(port)
            sent = packet.family, packet.protocol, 99, port, 2, port if protocol == "icmp" else 80
            memory.store(Session(key_of(packet), reversed_key(sent), snat=row))
    assert sorted(given_out) == list(range(5000, 5000 + size))


def test_each_device_has_a_memory_of_its_own() -> None:
    """The same one each time, made when first needed."""
    state = Memories()
    assert state.own("a") is state.of("a")
    assert state.of("a") is not state.own("b")


def test_a_session_that_is_forgotten_leaves_nothing_behind() -> None:
    """Neither its keys nor the port that it held."""
    memory, row = Memory(), _row(PortPool())
    packet = first_packet(4, "udp", 1, 2, sport=7, dport=53)
    session = Session(key_of(packet), (4, 17, 2, 53, 99, 7), snat=row)
    memory.store(session)
    memory.forget(session)
    assert (memory.sessions, set(memory.in_use.values())) == ({}, {0})
    assert memory.kept_port(99, packet, seed=0) == 7
