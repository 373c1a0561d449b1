"""The output folder: made, cleared, filled."""

from __future__ import annotations

import pytest

from hil.errors import OutputError
from hil.run.output import make_folder, remove_outputs, write_reports

OURS = ("record.jsonl", "junit.xml", "report.html", "trace.blf", "trace.asc", "trace.log")


def test_each_run_has_a_folder_of_its_own(tmp_path, monkeypatch):
    """Also those that start in the same second."""
    monkeypatch.chdir(tmp_path)
    folders = {make_folder(None, "laptop") for _ in range(5)}
    assert len(folders) == 5
    assert all(folder.is_dir() and folder.parts[0] == "hil-out" for folder in folders)
    assert all(folder.name.startswith("laptop-2") for folder in folders)


def test_an_older_run_is_cleared_away_and_nothing_else(tmp_path):
    for name in (*OURS, "notes.txt"):
        (tmp_path / name).write_text("old")
    assert make_folder(tmp_path, "laptop") == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_parts_of_an_older_run_are_cleared_away_and_nothing_else(tmp_path):
    """A part has parts where its firmware crashed; a folder with something of the user's stays."""
    files = ["part-2/record.jsonl", "part-2/part-2/trace.blf", "part-10/safe_state.jsonl"]
    kept = ["part-3/notes.txt", "part-of-mine/record.jsonl"]
    for name in (*files, *kept, "part-3/trace.blf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("old")
    make_folder(tmp_path, "laptop")
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part-3", "part-of-mine"]


def test_a_folder_is_made_with_its_parents(tmp_path):
    assert make_folder(tmp_path / "a" / "b", "laptop").is_dir()


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_in_its_place(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as caught:
        make_folder(tmp_path / name, "laptop")
    error = caught.value
    assert (error.place, error.key, error.exit_code) == (str(tmp_path / name), "--out", 3)
    assert error.reason.startswith("the output folder cannot be written: ")


def test_a_file_in_place_of_hil_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hil-out").write_text("")
    with pytest.raises(OutputError, match="the output folder cannot be written: File exists"):
        make_folder(None, "laptop")


def test_what_did_not_run_leaves_nothing(tmp_path):
    out = make_folder(tmp_path / "out", "laptop")
    (out / "record.jsonl").write_text("")
    remove_outputs(out)
    assert not out.exists()
    out = make_folder(tmp_path / "out", "laptop")
    (out / "notes.txt").write_text("the user's own")
    remove_outputs(out)
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


def test_a_report_that_cannot_be_written_does_not_keep_the_other_from_it(tmp_path):
    (tmp_path / "report.html").mkdir()
    lost = write_reports(tmp_path, [{"event": "end", "verdicts": {}, "exit_code": 3, "t_ns": 0}])
    assert lost is not None
    assert lost.place == str(tmp_path / "report.html")
    assert (tmp_path / "junit.xml").read_text().startswith("<?xml")
    there = sorted(path.name for path in tmp_path.iterdir())
    tables = [f"{name}.{kind}" for name in ("reactions", "requirements") for kind in ("csv", "json")]
    assert there == sorted(["junit.xml", "report.html", *tables])
