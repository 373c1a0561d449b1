"""The pytest plugin: ``--rig``, the ``rig`` fixture, and verdicts that keep rig and BMS apart.

It loads in every pytest of its environment, so it imports nothing heavy and does nothing without ``--rig``.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hil.rig.rig import Rig
    from hil.rig.schema import RigConfig
    from hil.run.session import Session

SESSION: pytest.StashKey[Session] = pytest.StashKey()
_OUTCOME: pytest.StashKey[tuple[str, str]] = pytest.StashKey()  # verdict and reason so far
_MARKERS = (
    "case(*numbers): cases of the catalogue that the test covers",
    "requirement(*names): requirements that the test proves",
    "initial(**ports): twin ports at power-on, dots written as __, such as pack__soc=0.97",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a run."""
    group = parser.getgroup("hil", "hardware-in-the-loop rig")
    group.addoption("--rig", metavar="RIG", help="rig file, or name of a shipped rig (laptop)")
    group.addoption("--hil-out", metavar="DIR", help="folder for record and bus trace")
    group.addoption("--hil-seed", type=int, default=1, metavar="N", help="seed of all noise")
    group.addoption("--hil-trace", default="blf", choices=("blf", "asc", "log"))
    group.addoption("--hil-heartbeat", metavar="FILE", help="sign of life for a supervisor")
    group.addoption("--hil-progress", action="store_true", help="one line per test")
    parser.addini("hil_rig", "rig file, or name of a shipped rig")


def pytest_configure(config: pytest.Config) -> None:
    """Load the rig, if one is named."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    name = config.getoption("--rig") or config.getini("hil_rig") or os.environ.get("HIL_RIG")
    if not name or config.getoption("--collect-only"):
        return
    config.stash[SESSION] = _open_session(config, str(name))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Show progress, once the terminal's own plugin is there."""
    config = session.config
    run, writer = config.stash.get(SESSION, None), config.pluginmanager.get_plugin("terminalreporter")
    if run is not None and writer is not None and config.getoption("--hil-progress"):
        from hil.run.progress import Progress

        config.pluginmanager.register(Progress(run.config, writer), "hil-progress")


def _open_session(config: pytest.Config, name: str) -> Session:
    from hil.errors import HilError
    from hil.rig.load import load_rig
    from hil.run.session import RunOptions, Session

    out = config.getoption("--hil-out")
    heartbeat = config.getoption("--hil-heartbeat")
    options = RunOptions(
        Path(out) if out else None,
        config.getoption("--hil-seed"),
        config.getoption("--hil-trace"),
        Path(heartbeat) if heartbeat else None,
    )
    try:
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
        return Session(load_rig(name), options)
    except (HilError, OSError) as error:
        raise pytest.UsageError(str(error)) from error


def rig_config(config: pytest.Config) -> RigConfig | None:
    """The rig file of this run, for tests that are made from it."""
    session = config.stash.get(SESSION, None)
    return session.config if session is not None else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what the rig file says does not apply to this BMS, with its reason."""
    rig = rig_config(config)
    for pattern, reason in rig.suite.skip.items() if rig is not None else ():
        for item in items:
            if fnmatchcase(item.name, pattern) or fnmatchcase(item.name.partition("[")[0], pattern):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """The rig in a fresh world: the BMS is switched on and in standby, nothing is broken."""
    session = request.config.stash.get(SESSION, None)
    if session is None:
        pytest.fail("this test needs a rig: pytest --rig laptop", pytrace=False)
    rig = session.open(request.node.nodeid)
    try:
        for mark in request.node.iter_markers("initial"):
            for port, value in mark.kwargs.items():
                rig.set(port.replace("__", "."), value)
        rig.power_on()
        yield rig
    finally:
        session.close_world()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Tell the record that the test starts, and how it ended."""
    session = item.config.stash.get(SESSION, None)
    if session is None:
        return (yield)
    from hil.checks.verdict import Verdict

    session.announce(_info(item))
    item.stash[_OUTCOME] = (Verdict.ERROR, "interrupted")
    try:
        return (yield)
    except KeyboardInterrupt:
        session.interrupted = True
        raise
    finally:
        verdict, reason = item.stash[_OUTCOME]
        session.conclude(item.nodeid, Verdict(verdict), reason)
        progress: Any = item.config.pluginmanager.get_plugin("hil-progress")
        if progress is not None:
            progress.show(item.nodeid, verdict, reason)


def _info(item: pytest.Item) -> Any:
    from hil.run.session import TestInfo

    function = getattr(item, "function", None)
    document = (getattr(function, "__doc__", None) or "").strip().splitlines()
    name = getattr(item, "originalname", item.name).removeprefix("test_").replace("_", " ")
    return TestInfo(
        item.nodeid,
        document[0] if document else name,
        tuple(n for mark in item.iter_markers("case") for n in mark.args),
        tuple(str(n) for mark in item.iter_markers("requirement") for n in mark.args),
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn what was raised into a verdict."""
    report = yield
    session = item.config.stash.get(SESSION, None)
    if session is None:
        return report
    from hil.errors import NotOfferedError, RigTroubleError

    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, NotOfferedError):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: {error}")
    verdict, reason = _verdict(report, error)
    previous = item.stash.get(_OUTCOME, ("", ""))
    if report.when == "setup" or (report.when == "call" and previous[0] == "pass"):
        item.stash[_OUTCOME] = (verdict, reason)
    elif report.when == "teardown" and verdict != "pass" and previous[0] == "pass":
        item.stash[_OUTCOME] = (verdict, reason)
    if isinstance(error, RigTroubleError):
        session.trouble(error)
        item.session.shouldstop = f"the rig is in trouble: {error}"
    return report


def _verdict(report: pytest.TestReport, error: BaseException | None) -> tuple[str, str]:
    from hil.checks.verdict import BmsFailure
    from hil.errors import HilError

    if report.passed:
        return "pass", ""
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return "skipped", reason.removeprefix("Skipped: ")
    if isinstance(error, BmsFailure):
        return "fail", str(error)
    if isinstance(error, AssertionError):
        return "fail", str(error) or report.longreprtext.splitlines()[-1]
    if isinstance(error, HilError):
        return "error", str(error)
    return "error", f"{type(error).__name__}: {error}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Close the record and the trace."""
    run = session.config.stash.get(SESSION, None)
    if run is not None:
        run.close()
