"""The JSON Schema of what ``dsflow trace -o json`` prints: a chain, both families' chains, branches and blockers.

Every object is closed: a name that is not here is a mistake, in the trace or in whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from dsflow.dataplane.action import Evidence
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.nat import NatKind
from dsflow.model.assumptions import ASSUMPTIONS
from dsflow.model.topology import Profile
from dsflow.net.address import Family
from dsflow.net.rfc6724 import Rule
from dsflow.trace.chain import SCHEMA, PathType
from dsflow.trace.ledger import Outcome
from dsflow.trace.step import Effect
from dsflow.trace.trace import Direction
from dsflow.trace.twin import DIFFERING, TWIN_SCHEMA, DifferenceKind, Signal
from dsflow.trace.twin import Outcome as ClientOutcome

__all__ = ["BLOCKERS_SCHEMA", "BRANCHES_SCHEMA", "CHAINS_SCHEMA", "chain_schema"]

CHAINS_SCHEMA = "dsflow.chains/1"
"""The name of the format of several chains."""

BRANCHES_SCHEMA = "dsflow.branches/1"
"""The name of the format of every branch of a question."""

BLOCKERS_SCHEMA = "dsflow.blockers/1"
"""The name of the format of all that stands in the way."""

DEVICE_KINDS = ("pod", "node", "vcn", "igw", "natgw", "sgw", "drg", "lpg", "lb", "internet", "device")

_Schema = dict[str, Any]


def chain_schema() -> _Schema:
    """The JSON Schema (draft 2020-12) of one chain or of several, of the branches of a question, or of its blockers.

    >>> [form["$ref"] for form in chain_schema()["oneOf"]]
    ['#/$defs/chain', '#/$defs/chains', '#/$defs/branches', '#/$defs/blockers']
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dsflow trace",
        "oneOf": [_ref("chain"), _ref("chains"), _ref("branches"), _ref("blockers")],
        "$defs": {
            "chain": _chain(),
            "chains": _object(
                optional=["twin"], schema={"const": CHAINS_SCHEMA}, chains=_list(_ref("chain")), twin=_ref("twin")
            ),
            "branches": _by_family(BRANCHES_SCHEMA, "branches", "branch"),
            "branch": _object(probability={"type": "number", "exclusiveMinimum": 0, "maximum": 1}, chain=_ref("chain")),
            "blockers": _by_family(BLOCKERS_SCHEMA, "blockers", "blocker"),
            "blocker": _blocker(),
            "twin": _twin(),
            "aligned_hop": _aligned_hop(),
            "side": _side(),
            "choice": _choice(),
            "question": _question(),
            "trace": _trace(),
            "hop": _hop(),
            "header": _header(),
            "step": _step(),
            "ledger_row": _ledger_row(),
            "ends": _object(src=_TEXT, dst=_TEXT, sport=_nullable(_PORT), dport=_nullable(_PORT)),
            "interval": _object(value=_MICROSECONDS, low=_MICROSECONDS, high=_MICROSECONDS),
            "percentiles": _object(p50=_ref("interval"), p95=_ref("interval"), p99=_ref("interval")),
            "latency": _latency(),
        },
    }


def _object(*, optional: Iterable[str] = (), **properties: _Schema) -> _Schema:
    """A closed object, of which every property but the optional ones is there."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _by_family(schema: str, name: str, one: str) -> _Schema:
    """What each family has several of, under a name; ``one`` is how one of them looks."""
    of_one = _object(family=_FAMILY, **{name: _list(_ref(one))})
    return _object(schema={"const": schema}, families={**_list(of_one), "minItems": 1, "maxItems": len(Family)})


def _blocker() -> _Schema:
    return _object(
        connection=_whole(1),
        direction=_words(Direction),
        hop=_whole(0),
        device=_TEXT,
        stage=_TEXT,
        rule=_nullable(_TEXT),
        source=_nullable(_TEXT),
        reason=_TEXT,
        mend=_nullable(_TEXT),
        ignored={"type": "boolean"},
    )


def _list(items: _Schema) -> _Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/$defs/{name}"}


def _nullable(schema: _Schema) -> _Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _words(words: type[StrEnum] | Iterable[str]) -> _Schema:
    return {"enum": [str(word) for word in words]}


def _whole(lowest: int, highest: int | None = None) -> _Schema:
    schema: _Schema = {"type": "integer", "minimum": lowest}
    return schema if highest is None else {**schema, "maximum": highest}


_TEXT: _Schema = {"type": "string"}
_FAMILY = _words(str(family) for family in Family)
_PORT = _whole(0, 65535)
_HEX: _Schema = {"type": "string", "pattern": "^([0-9a-f]{2})*$"}
_MICROSECONDS: _Schema = {"type": "number", "minimum": 0}


def _chain() -> _Schema:
    return _object(
        schema={"const": SCHEMA},
        version=_TEXT,
        scenario=_TEXT,
        profile=_words(Profile),
        seed=_whole(0),
        question=_ref("question"),
        path_type=_nullable(_words(PathType)),
        disposition=_words(Disposition),
        round_trip=_nullable(_words((Disposition.DELIVERED, Disposition.RETURN_LOST, Disposition.UNDETERMINED))),
        traces={**_list(_ref("trace")), "minItems": 1},
        nat_ledger=_list(_ref("ledger_row")),
        latency_us=_nullable(_ref("latency")),
        assumptions={**_list(_words(sorted(ASSUMPTIONS))), "uniqueItems": True},
    )


def _question() -> _Schema:
    return _object(
        **{"from": _TEXT, "to": _TEXT},
        family=_FAMILY,
        protocol={"type": "string", "pattern": "^(tcp|udp|icmp|[0-9]+)$"},
        sport=_nullable(_PORT),
        dport=_nullable(_PORT),
    )


def _trace() -> _Schema:
    return _object(
        connection=_whole(1),
        direction=_words(Direction),
        family=_FAMILY,
        disposition=_words(Disposition),
        cause=_nullable(_object(trace=_whole(0), hop=_whole(0))),
        hops={**_list(_ref("hop")), "minItems": 1},
    )


def _hop() -> _Schema:
    return _object(
        index=_whole(0),
        device=_TEXT,
        kind=_words(DEVICE_KINDS),
        in_interface=_nullable(_TEXT),
        out_interface=_nullable(_TEXT),
        packets_in=_list(_HEX),
        packets_out=_list(_HEX),
        header_in=_nullable(_ref("header")),
        header_out=_nullable(_ref("header")),
        steps=_list(_ref("step")),
        latency_us=_nullable(_ref("percentiles")),
    )


def _header() -> _Schema:
    identifier = _nullable(_PORT)
    return _object(
        optional=["icmp"],
        src=_TEXT,
        dst=_TEXT,
        sport=_nullable(_PORT),
        dport=_nullable(_PORT),
        protocol={"anyOf": [_words(("tcp", "udp", "icmp", "icmpv6")), _whole(0, 255)]},
        ttl=_whole(0, 255),
        length=_whole(20),
        icmp=_object(type=_whole(0, 255), code=_whole(0, 255), id=identifier, seq=identifier),
    )


def _step() -> _Schema:
    value = {"type": ["string", "integer", "null"]}
    return _object(
        stage=_TEXT,
        effect=_words(Effect),
        rule=_nullable(_TEXT),
        source=_nullable(_TEXT),
        explicit={"type": "boolean"},
        reason=_TEXT,
        changes=_list(_object(field=_TEXT, before=value, after=value)),
        evidence=_words(Evidence),
        assumption=_nullable(_words(sorted(ASSUMPTIONS))),
    )


def _ledger_row() -> _Schema:
    return _object(
        kind=_words(NatKind),
        outcome=_words(Outcome),
        family=_FAMILY,
        connection=_whole(1),
        direction=_words(Direction),
        hop=_nullable(_whole(0)),
        device=_TEXT,
        rule=_nullable(_TEXT),
        reason=_TEXT,
        before=_nullable(_ref("ends")),
        after=_nullable(_ref("ends")),
    )


def _latency() -> _Schema:
    return _object(
        one_way=_ref("percentiles"),
        round_trip=_nullable(_ref("percentiles")),
        assumed_share={"type": "number", "minimum": 0, "maximum": 1},
    )


def _twin() -> _Schema:
    difference = _object(rank=_whole(1), kind=_words(DifferenceKind), text=_TEXT, mend=_nullable(_TEXT))
    return _object(
        schema={"const": TWIN_SCHEMA},
        rows=_list(_ref("aligned_hop")),
        differences=_list(difference),
        alike=_list(_TEXT),
        choice=_ref("choice"),
    )


def _aligned_hop() -> _Schema:
    return _object(
        connection=_whole(1),
        direction=_words(Direction),
        ipv4=_nullable(_ref("side")),
        ipv6=_nullable(_ref("side")),
        differs={**_list(_words(DIFFERING)), "uniqueItems": True},
    )


def _side() -> _Schema:
    return _object(
        hop=_whole(0),
        device=_TEXT,
        rule=_nullable(_TEXT),
        nat=_list(_words(NatKind)),
        ttl=_nullable(_whole(0, 255)),
        ended=_nullable(_words(Disposition)),
    )


def _choice() -> _Schema:
    offer = _object(family=_FAMILY, source=_TEXT, destination=_TEXT, usable={"type": "boolean"})
    return _object(
        offers={**_list(offer), "maxItems": len(Family)},
        first=_nullable(_FAMILY),
        rule=_nullable({"enum": [int(rule) for rule in Rule]}),
        glibc_first=_nullable(_FAMILY),
        outcome=_words(ClientOutcome),
        signal=_nullable(_words(Signal)),
        wait_us=_nullable(_object(happy_eyeballs=_ref("interval"), one_by_one=_ref("interval"))),
        text={**_list(_TEXT), "minItems": 1},
    )
