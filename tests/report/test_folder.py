"""Result files that appear together or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsflow.errors import HostError
from dsflow.report.folder import written_together


def write(folder: Path, *names: str, text: str = "new") -> None:
    for name in names:
        (folder / name).write_text(text)


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder, hidden ones too."""
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_a_new_folder_appears_whole(tmp_path: Path) -> None:
    with written_together(tmp_path / "a" / "out") as folder:
        write(folder, "x", "y")
        assert not (tmp_path / "a").exists()
    assert content(tmp_path) == {"a/out/x": "new", "a/out/y": "new"}


def test_an_existing_folder_keeps_its_other_files(tmp_path: Path) -> None:
    write(tmp_path, "x", "other", text="old")
    with written_together(tmp_path) as folder:
        write(folder, "x", "y")
        assert (tmp_path / "x").read_text() == "old"
    assert content(tmp_path) == {"x": "new", "y": "new", "other": "old"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, HostError])
@pytest.mark.parametrize("name", ["out", "."])
def test_whatever_ends_the_work_leaves_nothing(tmp_path: Path, error: type[BaseException], name: str) -> None:
    write(tmp_path, "x", text="old")

    def work() -> None:
        with written_together(tmp_path / name) as folder:
            write(folder, "x", "y")
            raise error

    with pytest.raises(error):
        work()
    assert content(tmp_path) == {"x": "old"}
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


def test_a_move_that_fails_half_way_is_undone(tmp_path: Path) -> None:
    """``b`` is a folder and cannot be replaced: ``a`` comes back, ``aa`` goes."""
    write(tmp_path, "a", "z", text="old")
    (tmp_path / "b").mkdir()
    with pytest.raises(HostError, match="b is a folder"), written_together(tmp_path) as folder:
        write(folder, "a", "aa", "b", "z")
    assert content(tmp_path) == {"a": "old", "z": "old"}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b", "z"]


def test_a_move_that_is_interrupted_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename, calls = Path.rename, 0

    def interrupted(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return rename(self, target)

    def work() -> None:
        with written_together(tmp_path / "new" / "out") as folder:
            write(folder, "x", "y")
            monkeypatch.setattr(Path, "rename", interrupted)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_between_old_and_new_brings_back_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "x", text="old")
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self.read_text() == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    def work() -> None:
        with written_together(tmp_path) as folder:
            write(folder, "x")
            monkeypatch.setattr(Path, "rename", interrupted)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert content(tmp_path) == {"x": "old"}


@pytest.mark.parametrize("name", ["file", "file/out", "file/a/b"])
def test_a_place_on_or_below_a_file_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    write(tmp_path, "file", text="old")
    with pytest.raises(HostError, match=f"{name}: cannot be written: .*file is no folder"):  # noqa: SIM117 - one ends
        with written_together(tmp_path / name):
            pytest.fail("the work began")
    assert content(tmp_path) == {"file": "old"}


def test_files_are_as_open_as_files_are_here(tmp_path: Path) -> None:
    """No private permissions are left over from the temporary place."""
    (tmp_path / "plain").mkdir()
    with written_together(tmp_path / "out") as folder:
        write(folder, "x")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode
