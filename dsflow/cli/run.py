"""``dsflow run``: the main job."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from dsflow.cli.common import loaded, say
from dsflow.query.matrix import Matrix, run_matrix
from dsflow.report import terminal
from dsflow.report.terminal import Progress

__all__ = ["run"]


def run(args: Namespace) -> int:
    """Show the matrix; with ``--out``, write the results first, all or none.  Always 0."""
    matrix = _answered(args) if args.out is None else _written(args)
    terminal.show(matrix.blocks())
    return 0


def _answered(args: Namespace) -> Matrix:
    simulation = loaded(args, args.scenario)
    with terminal.progress("asking", quiet=args.quiet) as told:
        return run_matrix(simulation, told)


def _written(args: Namespace) -> Matrix:
    """The matrix, its files written; a place that cannot be written is told before the work begins."""
    from dsflow.report.folder import written_together

    with written_together(args.out) as folder:
        matrix = _answered(args)
        with terminal.progress("writing", quiet=args.quiet) as told:
            write_results(matrix, folder, told)
    say(args, f"written to {args.out}: {', '.join(RESULTS)}")
    return matrix


RESULTS = ("chains.jsonl", "latency.csv", "flows.pcapng", "report.html")


def write_results(matrix: Matrix, folder: Path, told: Progress) -> None:
    """Write everything that is known of a matrix to a folder."""
    from dsflow.report.html import write_html
    from dsflow.report.jsonl import write_chains
    from dsflow.report.latency_csv import write_latency_csv
    from dsflow.report.pcapng import write_pcapng

    chains, csv, pcapng, html = (folder / name for name in RESULTS)
    write_chains(matrix.chains, chains)
    told(1, 4)
    write_latency_csv(matrix.chains, csv)
    told(2, 4)
    write_pcapng(matrix.chains, pcapng)
    told(3, 4)
    write_html(matrix, html)
    told(4, 4)
