"""The texts and numbers that a scenario is made of: names, addresses, prefixes, ports.

With :mod:`dsflow.scenario.schema` and :mod:`dsflow.scenario.schema_devices` the door to pydantic.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from dsflow.model.cluster import Listener
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.ranges import PortRange
from dsflow.scenario.document import show

__all__ = [
    "PATTERNS_IN_WORDS",
    "AnyAddress",
    "AnyPrefix",
    "DeviceName",
    "InterfaceName",
    "Ipv4",
    "Ipv4Prefix",
    "Ipv6",
    "Ipv6PrefixText",
    "Label",
    "Listen",
    "Name",
    "Namespace",
    "Port",
    "PortName",
    "Ports",
    "Prose",
    "QualifiedName",
    "TargetPort",
    "Text",
    "Word",
    "in_words",
    "matching",
    "reader",
]


def reader(parse: Callable[[str], object]) -> PlainValidator:
    """A validator that gives ``parse`` only texts; what it refuses becomes ``found: why``."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            raise ValueError(show(value))
        return parse(value)

    return PlainValidator(read)


def _of_family(parse: Callable[[str], Any], family: Family) -> Callable[[str], object]:
    def read(text: str) -> object:
        parsed = parse(text)
        if parsed.family is not family:
            raise ValueError(f'"{text}": {parsed.family.title}')
        return parsed

    return read


def in_words(expected: str, **keywords: object) -> WithJsonSchema:
    """The JSON Schema of a text; ``x-expected`` is what messages say was expected."""
    return WithJsonSchema({"type": "string", **keywords, "x-expected": expected})


_IPV4 = _of_family(Address.parse, Family.IPV4)
_IPV6 = _of_family(Address.parse, Family.IPV6)
Ipv4: TypeAlias = Annotated[Address, reader(_IPV4), in_words("an IPv4 address", format="ipv4")]
Ipv6: TypeAlias = Annotated[Address, reader(_IPV6), in_words("an IPv6 address", format="ipv6")]
AnyAddress: TypeAlias = Annotated[Address, reader(Address.parse), in_words("an IPv4 or IPv6 address")]
AnyPrefix: TypeAlias = Annotated[
    Prefix, reader(Prefix.parse), in_words("an IPv4 or IPv6 prefix such as 10.0.0.0/16 or fd00:1::/64")
]
Ipv4Prefix: TypeAlias = Annotated[
    Prefix, reader(_of_family(Prefix.parse, Family.IPV4)), in_words("an IPv4 prefix such as 10.0.0.0/16")
]
Ipv6PrefixText: TypeAlias = Annotated[
    Prefix, reader(_of_family(Prefix.parse, Family.IPV6)), in_words("an IPv6 prefix such as fd00:1:2::/56")
]
Listen: TypeAlias = Annotated[
    Listener, reader(Listener.parse), in_words("tcp/PORT or udp/PORT", pattern="^(tcp|udp)/[0-9]{1,5}$")
]


def _ports(value: object) -> PortRange:
    """One port as a number, one or two as a text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(show(value))
    if isinstance(value, str):
        return PortRange.parse(value)
    if not 0 <= value <= 65535:
        raise ValueError(show(value))
    return PortRange(value, value)


Ports: TypeAlias = Annotated[
    PortRange,
    PlainValidator(_ports),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 65535},
                {"type": "string", "pattern": "^[0-9]{1,5}(-[0-9]{1,5})?$"},
            ],
            "x-expected": "a port or a range such as 1000-2000",
        }
    ),
]


def matching(pattern: str) -> Any:
    """A Field of texts that match a pattern; an extra keyword of its JSON Schema says so in words."""
    return Field(pattern=pattern, json_schema_extra={"x-expected": PATTERNS_IN_WORDS[pattern]})


_NAME = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$"
_DEVICE = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,58}[A-Za-z0-9])?$"
_INTERFACE = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$"
_NAMESPACE = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_QUALIFIED_NAME = f"{_NAMESPACE[:-1]}/[a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?$"
_PORT_NAME = "^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$"
_WORD = "^[A-Za-z0-9._:/-]{1,300}$"
_LABEL = "^[A-Za-z0-9._/-]{0,317}$"
_PROSE = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$"

PATTERNS_IN_WORDS = {
    _NAME: "a name of letters, digits, . _ and - that begins and ends with a letter or digit",
    _DEVICE: "a name of at most 60 letters, digits, . _ and - that begins and ends with a letter or digit",
    _INTERFACE: "a name of at most 15 letters, digits, . _ and -, as Linux takes it",
    _NAMESPACE: "a name of lower-case letters, digits and -",
    _QUALIFIED_NAME: "NAMESPACE/NAME in lower-case letters, digits, . and -",
    _PORT_NAME: "a name of at most 15 lower-case letters, digits and -, as Kubernetes takes it",
    _WORD: "a word of letters, digits and . _ : / -",
    _LABEL: "letters, digits and . _ / -",
    _PROSE: "a text without control characters",
}
"""What a text that matches a pattern looks like (Kubernetes' own rules where it has some)."""

Name: TypeAlias = Annotated[str, matching(_NAME)]
DeviceName: TypeAlias = Annotated[str, matching(_DEVICE)]
InterfaceName: TypeAlias = Annotated[str, matching(_INTERFACE)]
Namespace: TypeAlias = Annotated[str, matching(_NAMESPACE)]
QualifiedName: TypeAlias = Annotated[str, matching(_QUALIFIED_NAME)]
PortName: TypeAlias = Annotated[str, matching(_PORT_NAME)]
Word: TypeAlias = Annotated[str, matching(_WORD)]
Label: TypeAlias = Annotated[str, matching(_LABEL)]
Prose: TypeAlias = Annotated[str, matching(_PROSE)]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]


def _target_port(value: object) -> int | str:
    """A port by number or by name; a name holds a letter (k8s.io/apimachinery, validation.IsValidPortName)."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(show(value))
    if isinstance(value, str):
        named = re.fullmatch(_PORT_NAME, value) and re.search("[a-z]", value)
        if not named:
            raise ValueError(show(value))
    elif not 1 <= value <= 65535:
        raise ValueError(show(value))
    return value


TargetPort: TypeAlias = Annotated[
    int | str,
    PlainValidator(_target_port),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "string", "pattern": _PORT_NAME}],
            "x-expected": "a port of 1-65535, or the name of one",
        }
    ),
]


class Text(BaseModel):
    """A mapping of known keys; types are taken as written, never converted."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)
