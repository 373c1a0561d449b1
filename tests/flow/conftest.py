"""Whole runs of the command, with a BMS of four cells that each test can build in its own bad way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from hil.cli import main
from hil.clock import NS_PER_MS
from hil.errors import UsageError
from hil.report.record import read_events

OUT = "out"
SMALL = Path(__file__).parent / "small"
COMMAND = (sys.executable, "-P", "-c", "import sys; from hil.cli import main; sys.exit(main())")
ONE_TEST = '''
def test_it_operates(rig):
    """The BMS operates for a while."""
    rig.operate()
    rig.stays("state", "operate", for_="500 ms")
'''


LATE_NS = 20 * NS_PER_MS  # twice the cycle of the most frequent message: a BMS may see a fault in it


class MachineLateError(AssertionError):
    """A test failed, and by the record of its run this machine came late meanwhile."""


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Tell a machine that came late from a failure; ``flaky`` runs a test again for the former alone."""
    try:
        return (yield)
    except (Exception, pytest.fail.Exception) as failed:
        timed = pyfuncitem.get_closest_marker("flaky") is not None
        late_ns = _latest_ns(pyfuncitem.funcargs["tmp_path"]) if timed else 0
        if late_ns < LATE_NS:
            raise
        raise MachineLateError(f"plant or BMS came {late_ns / NS_PER_MS:.0f} ms late") from failed


def _latest_ns(folder: Path) -> int:
    """By how much the plant's steps or the BMS were late at the most, by the records below a folder."""
    latest_ns = 0
    for path in folder.rglob("record.jsonl"):
        with suppress(UsageError):  # of a test that breaks it
            healths = [event for event in read_events(path) if event["event"] == "health"]
            latest_ns = max([latest_ns, *(max(h["steps"]["max_ns"], h["bms_wait_ns"]) for h in healths)])
    return latest_ns


@dataclass(frozen=True)
class Run:
    """A run that has ended."""

    code: int
    stdout: str
    stderr: str
    out: Path

    @property
    def events(self) -> list[dict[str, Any]]:
        return read_events(self.out / "record.jsonl")

    @property
    def verdicts(self) -> list[str]:
        return [event["verdict"] for event in self.events if event["event"] == "verdict"]

    @property
    def troubles(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == "trouble"]

    @property
    def end(self) -> dict[str, Any]:
        return next(event for event in self.events if event["event"] == "end")

    @property
    def said(self) -> str:
        """All that the user sees; no one wants to see a traceback in it."""
        text = self.stdout + self.stderr
        assert "Traceback" not in text
        assert "INTERNALERROR" not in text
        return " ".join(text.split())

    def assert_reported(self) -> None:
        """Record, JUnit and report are there, and agree on the exit code."""
        assert self.end["exit_code"] == self.code
        assert "</html>" in (self.out / "report.html").read_text(encoding="utf-8")
        assert (self.out / "junit.xml").read_text(encoding="utf-8").rstrip().endswith("</testsuites>")


class Launched:
    """A run that goes on."""

    def __init__(self, out: Path, cwd: Path, command: Sequence[str], options: dict[str, Any]) -> None:
        self.out = out
        self.process = subprocess.Popen(
            command, cwd=cwd, text=True, stdout=-1, stderr=-1, start_new_session=True, **options
        )

    def wait_for(self, text: str) -> None:
        """Until the record holds a text."""
        record = self.out / "record.jsonl"
        for _ in range(1200):
            self.pause(0.05)
            if record.exists() and text in record.read_text():
                return
        pytest.fail(f"no {text!r} in the record after a minute")

    def pause(self, seconds: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def end(self) -> Run:
        stdout, stderr = self.process.communicate(timeout=90)
        return Run(self.process.returncode, stdout, stderr, self.out)


Build = Callable[..., Path]
Hil = Callable[..., Run]
Launch = Callable[..., Launched]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Puts the small rig and its firmware into a folder: ``build(ON_STEP="abort();")`` -> rig file."""
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    if sys.platform == "win32":
        pytest.skip("the firmware of these tests is built by a Unix compiler")

    def make(folder: Path = tmp_path, **defines: str) -> Path:
        for name in ("rig.toml", "bms.dbc"):
            shutil.copy(SMALL / name, folder)
        (folder / "test_one.py").write_text(ONE_TEST)
        macros = [f"-D{name}={text}" for name, text in defines.items()]
        include = f"-I{Path(str(files('hil.bms') / 'bms.h')).parent}"
        target = str(folder / "firmware.so")
        source = str(SMALL / "firmware.c")
        subprocess.run([compiler, "-shared", "-fPIC", include, *macros, source, "-o", target], check=True)
        return folder / "rig.toml"

    return make


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Starts ``hil`` in the test's folder, its output in ``out``: ``launch("run", rig, env={…})``."""
    launched: list[Launched] = []

    def start(*arguments: str | Path, **options: Any) -> Launched:
        options["env"] = os.environ | options.get("env", {})
        cwd = options.pop("cwd", tmp_path)
        launched.append(Launched(tmp_path / OUT, cwd, [*COMMAND, *_words(arguments)], options))
        return launched[-1]

    yield start
    for one in launched:
        one.process.kill()
        one.process.communicate()


@pytest.fixture
def hil(
    tmp_path: Path, launch: Launch, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Hil:
    """Runs ``hil`` to its end: ``hil("run", rig, env={…})``; in this process where there are no options."""

    def run(*arguments: str | Path, cwd: Path = tmp_path, **options: Any) -> Run:
        if options:
            return launch(*arguments, cwd=cwd, **options).end()
        monkeypatch.chdir(cwd)
        code = main(_words(arguments))
        stdout, stderr = capfd.readouterr()
        return Run(code, stdout, stderr, tmp_path / OUT)

    return run


def _words(arguments: Sequence[str | Path]) -> list[str]:
    words = list(map(str, arguments))
    if words[0] == "run" and not {"--out", "--resume"} & {*words}:
        words[1:1] = ["--out", OUT]
    return words
