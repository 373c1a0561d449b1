"""Output folders that cannot be written, fill up, or hold an older run."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ONE = ("--", "-p", "no:hypothesispytest", "test_one.py")  # the plugin costs half a second
LONGER = """
def test_a(rig):
    rig.operate()

def test_b(rig):
    for _ in range(4000):
        rig.mark("a line of the record, long enough to fill a disk that is small")
        rig.expect("state", "standby", within="1 s", already=True)
"""


def test_a_file_in_the_folders_place(build, hil, tmp_path):
    (tmp_path / "out").write_text("in the way")
    run = hil("run", build(), *ONE)
    assert run.code == 3
    assert run.said.startswith("hil: out: --out: the output folder cannot be written: File exists (")
    assert (tmp_path / "out").read_text() == "in the way"


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that even root cannot write")
def test_a_folder_that_cannot_be_written(build, hil):
    run = hil("run", "--out", "/proc/hil", build(), *ONE)
    assert run.code == 3
    assert "hil: /proc/hil: --out: the output folder cannot be written: " in run.said


def test_a_run_without_a_trace(build, hil, tmp_path):
    run = hil("run", build(), "--out", "out", "--trace", "none", *ONE)
    assert run.code == 0, run.said
    assert not list((tmp_path / "out").glob("trace.*"))
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes")
def test_a_disk_that_fills_up(build, hil, tmp_path):
    import resource

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    rig = build()
    (tmp_path / "test_one.py").write_text(LONGER)
    run = hil("run", rig, *ONE, preexec_fn=small_files)
    assert run.code == 3
    assert run.stderr.count("hil: ") == 1
    assert re.search(r"hil: .*(record\.jsonl|report\.html|trace\.blf).*(make room|space)", run.said)
    assert run.verdicts[0] == "pass"
    assert "pass" in run.stdout
    assert not list((tmp_path / "out").glob("*.part"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_trace_that_cannot_be_written(build, hil, tmp_path):
    """The trace comes after the older run is cleared away, so it is replaced by the test itself."""
    rig = build()
    (tmp_path / "test_one.py").write_text(
        "from pathlib import Path\n\n"
        "def test_a(rig):\n    rig.operate()\n\n"
        "def test_b(rig, pytestconfig):\n"
        "    from hil.pytest_plugin import SESSION\n"
        "    writer = pytestconfig.stash[SESSION]._trace\n"
        "    writer._writer.file = writer._file = open('/dev/full', 'wb', buffering=0)\n"
        "    rig.run_for('200 s')\n\n"
        "def test_c(rig):\n    rig.operate()\n"
    )
    run = hil("run", rig, *ONE)
    assert run.code == 3
    assert run.verdicts == ["pass", "invalid"]  # neither the test nor the BMS is to blame
    verdict = next(e for e in reversed(run.events) if e["event"] == "verdict")
    assert "the trace cannot be written: No space left on device" in verdict["reason"]
    assert len(run.troubles) == 1
    assert "the trace cannot be written: No space left on device" in run.troubles[0]["reason"]
    run.assert_reported()


def test_an_older_run_does_not_mix_with_the_new_one(build, hil, tmp_path):
    rig = build()
    first = hil("run", "--trace", "log", rig, *ONE)
    (tmp_path / "out" / "notes.txt").write_text("the user's own")
    (tmp_path / "out" / "junit.xml").write_text("old")
    second = hil("run", "--seed", "2", rig, *ONE)
    assert (first.code, second.code) == (0, 0)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    tables = {f"{name}.{kind}" for name in ("reactions", "requirements") for kind in ("csv", "json")}
    reports = {"report.html", "junit.xml", *tables}
    assert names == reports | {"record.jsonl", "trace.blf", "notes.txt"}
    assert second.events[0]["seed"] == 2
    second.assert_reported()


def test_a_wrong_rig_file_leaves_no_folder(hil, tmp_path):
    (tmp_path / "rig.toml").write_text("[rig]\nnam = 'x'\n")
    run = hil("run", "rig.toml")
    assert run.code == 2
    assert "rig.toml: rig.nam: unknown key (did you mean 'name'?)" in run.said
    assert list(tmp_path.iterdir()) == [tmp_path / "rig.toml"]
