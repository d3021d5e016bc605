"""Every notebook runs from top to bottom in a fresh kernel and shows what its committed outputs show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
CELL_SECONDS = 60


def load(path: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # nbformat has few types
    return notebook


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: NotebookNode) -> list[str]:
    """What a cell shows: its text as it is, and that there is a picture, whose bytes depend on fonts."""
    printed = "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
    return [printed, *_displayed(cell)]


def _displayed(cell: NotebookNode) -> Iterator[str]:
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            yield "a picture"
        elif data:
            yield data.get("text/markdown") or data["text/plain"]


def run(notebook: NotebookNode, path: Path) -> None:
    """Run every cell from top to bottom in a fresh kernel, in the notebook's own folder."""
    client = NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3")
    client.resources = {"metadata": {"path": str(path.parent)}}
    client.execute()


@pytest.fixture
def kernel_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that leaves nothing in the home folder and draws into the notebook."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.delenv("MPLBACKEND", raising=False)


@pytest.mark.usefixtures("kernel_environment")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_it_did(path: Path) -> None:
    committed, rerun = load(path), load(path)
    run(rerun, path)
    for before, after in zip(code_cells(committed), code_cells(rerun), strict=True):
        assert shown(after) == shown(before), before.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_outputs_are_of_one_run_from_top_to_bottom(path: Path) -> None:
    notebook = load(path)
    nbformat.validate(notebook)
    for number, cell in enumerate(code_cells(notebook), start=1):
        assert cell.execution_count == number
        assert not any(output.output_type == "error" for output in cell.outputs)


def test_there_are_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["01-four-paths", "02-what-the-article-leaves-out"]


if __name__ == "__main__":
    for every in NOTEBOOKS:
        opened = load(every)
        run(opened, every)
        for cell in code_cells(opened):
            cell.metadata.pop("execution", None)  # times of day
        nbformat.write(opened, every)  # type: ignore[no-untyped-call]  # nbformat has few types
