"""The main job's answers as one HTML file that needs nothing else: the one door to jinja2.

No scripts, no fonts, no addresses to fetch from; equal answers give equal bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from dsflow.model.assumptions import ASSUMPTIONS, Assumption
from dsflow.query.matrix import Cell, Matrix, port_text
from dsflow.report.files import written_whole
from dsflow.report.plot import topology_svg
from dsflow.trace.markup import chain_html
from dsflow.trace.words import CAVEAT, interval_words
from dsflow.version import __version__

__all__ = ["matrix_html", "write_html"]


def write_html(matrix: Matrix, path: str | os.PathLike[str]) -> None:
    """Write the report of a matrix.

    Raises
    ------
    HostError
        When the file cannot be written.
    """
    page = matrix_html(matrix)
    with written_whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")


def matrix_html(matrix: Matrix) -> str:
    """The page: matrix, picture of the network, every chain hop by hop with its NAT ledger, assumptions.

    >>> import dsflow
    >>> from dsflow.query.matrix import run_matrix
    >>> matrix_html(run_matrix(dsflow.load("two-pods"))).splitlines()[0]
    '<!DOCTYPE html>'
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("dsflow.report", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    topology = matrix.simulation.topology
    return environment.get_template("report.html.j2").render(
        version=__version__,
        name=topology.name,
        description=topology.description,
        profile=topology.profile,
        seed=matrix.simulation.seed,
        caveat=CAVEAT,
        heading="Every path, both families" if _has_paths(matrix) else "The scenario's own flows",
        rows=list(_rows(matrix)),
        note=matrix.note,
        picture=topology_svg(matrix.simulation),
        assumptions=_assumptions(matrix),
    )


def _has_paths(matrix: Matrix) -> bool:
    return any(not cell.of_scenario for cell in matrix.cells)


class _Row(NamedTuple):
    """A cell of the matrix as the template shows it; ``anchor`` is empty where nothing was asked."""

    path: str
    family: str
    disposition: str
    style: str
    hops: str
    nat: str
    p50: str
    p99: str
    explanation: str | None
    mend: str | None
    anchor: str
    hop_by_hop: str


def _rows(matrix: Matrix) -> Iterator[_Row]:
    for number, cell in enumerate(matrix.cells, start=1):
        p50, p99 = _times(cell)
        yield _Row(
            path=_path(cell),
            family=cell.family.title,
            disposition=cell.disposition_text,
            style=_style(cell),
            hops="" if cell.hops is None else str(cell.hops),
            nat=cell.nat_text,
            p50=p50,
            p99=p99,
            explanation=cell.explanation,
            mend=cell.mend,
            anchor="" if cell.chain is None else f"chain-{number}",
            hop_by_hop="" if cell.chain is None else chain_html(cell.chain),
        )


def _path(cell: Cell) -> str:
    """The path type; of a flow that the scenario brings along, also what it asks."""
    if cell.chain is None or not cell.of_scenario:
        return str(cell.path_type or "no path type")
    asked = cell.chain.question
    words = f"{asked.origin} to {asked.target}, {port_text(asked.protocol, asked.dport)}"
    return f"{cell.path_type}: {words}" if cell.path_type else words


def _style(cell: Cell) -> str:
    if cell.chain is None:
        return "none"
    return "works" if cell.chain.failed is None else "fails"


def _times(cell: Cell) -> tuple[str, str]:
    if cell.chain is None or cell.chain.latency is None or not cell.is_delivered:
        return "", ""
    one_way = cell.chain.latency.one_way
    return interval_words(one_way.p50), interval_words(one_way.p99)


def _assumptions(matrix: Matrix) -> list[Assumption]:
    named = {name for cell in matrix.cells if cell.chain is not None for name in cell.chain.assumptions}
    return [entry for name, entry in ASSUMPTIONS.items() if name in named]
