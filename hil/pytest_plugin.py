"""The pytest plugin: ``--rig``, the ``rig`` fixture, and verdicts that keep rig and BMS apart.

It loads in every pytest of its environment, so it imports nothing heavy and does nothing without ``--rig``.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hil.run.traces import CHOICES

if TYPE_CHECKING:
    from hil.rig.rig import Rig
    from hil.rig.schema import RigConfig
    from hil.run.session import RunOptions, Session

RIG: pytest.StashKey[RigConfig] = pytest.StashKey()
SESSION: pytest.StashKey[Session] = pytest.StashKey()
_OUTCOME: pytest.StashKey[tuple[str, str]] = pytest.StashKey()  # verdict and reason so far
_BROKEN: pytest.StashKey[bool] = pytest.StashKey()  # the BMS left the test no ground
_ENDED: pytest.StashKey[bool] = pytest.StashKey()  # the BMS's process died or hung
_PLACE: pytest.StashKey[int] = pytest.StashKey()  # among the tests of all shares
_UNFINISHED, _PASSED = ("error", "interrupted"), ("pass", "")
_REPETITION = "hil_repetition"
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
    group.addoption("--hil-trace", default="blf", choices=CHOICES)
    group.addoption("--hil-heartbeat", metavar="FILE", help="sign of life for a supervisor")
    group.addoption("--hil-plant", default="", metavar="SOCKET", help="use the plant that listens there")
    group.addoption("--hil-repeat", type=int, default=1, metavar="N", help="run each test N times")
    group.addoption("--hil-share", metavar="K/N", help="only the K-th of N shares, which take equally long")
    group.addoption("--hil-durations", metavar="PATH", help="earlier run that says what takes how long")
    group.addoption("--hil-done", type=int, default=0, metavar="N", help="tests that ended before these")
    group.addoption("--hil-library", metavar="FILE", help="firmware to test in place of the rig file's")
    group.addoption("--hil-settled", metavar="FILE", help="node ids of tests to leave out, one per line")
    parser.addini("hil_rig", "rig file, or name of a shipped rig")


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Load the rig, if one is named, and begin its run."""
    config = session.config
    name = config.getoption("--rig") or config.getini("hil_rig") or os.environ.get("HIL_RIG")
    if not name:
        return
    from hil.errors import HilError
    from hil.rig.load import load_rig

    try:
        config.stash[RIG] = _with_library(load_rig(str(name)), config.getoption("--hil-library"))
        if not config.getoption("--collect-only"):
            _begin(config, config.stash[RIG])
    except (HilError, OSError) as error:
        raise pytest.UsageError(str(error)) from error


def _with_library(rig: RigConfig, library: str | None) -> RigConfig:
    """The rig with another firmware: a copy of its file would not find what lies beside it."""
    return rig if library is None else replace(rig, bms=replace(rig.bms, library=Path(library)))


def _begin(config: pytest.Config, rig: RigConfig) -> None:
    from hil.errors import UsageError
    from hil.run.collector import calm
    from hil.run.session import Session

    if getattr(config.option, "numprocesses", None) and rig.time == "real":
        raise UsageError("a bus has one rig on it", remedy="run the tests of a rig in real time without -n")
    if getattr(config.option, "numprocesses", None):
        return  # pytest-xdist: each of its processes has a run of its own
    options = _options(config)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
    config.add_cleanup(calm(between_tests=rig.time == "real"))
    if options.heartbeat is None:
        config.stash[SESSION] = Session(rig, options)
    else:
        _begin_supervised(config, rig, options)
    run = config.stash.get(SESSION, None)
    if rig.time == "real" and rig.health.retries and run is not None:
        from hil.run.retry import Retries

        config.pluginmanager.register(Retries(run, _OUTCOME, _info), "hil-retries")


def _begin_supervised(config: pytest.Config, rig: RigConfig, options: RunOptions) -> None:
    """Begin a run of ``hil run``, which tells the user what the record says of its trouble."""
    from hil.errors import RigTroubleError
    from hil.run.lifeline import hold_on
    from hil.run.progress import NothingToRun, Progress
    from hil.run.session import Session

    hold_on()
    plugins = config.pluginmanager
    try:
        config.stash[SESSION] = run = Session(rig, options)
    except RigTroubleError:
        plugins.register(NothingToRun(), "hil-nothing-to-run")
        return
    writer: pytest.TerminalReporter | None = plugins.get_plugin("terminalreporter")
    if writer is not None:
        plugins.register(Progress(run, writer), "hil-progress")


def _options(config: pytest.Config) -> RunOptions:
    from hil.errors import UsageError
    from hil.run.session import RunOptions

    seed: int = config.getoption("--hil-seed")
    if seed < 0:
        raise UsageError(f"{seed} is no seed: 0 or more", key="--hil-seed")
    out = config.getoption("--hil-out")
    heartbeat = config.getoption("--hil-heartbeat")
    return RunOptions(
        Path(out, *_worker(config)) if out else None,
        seed,
        config.getoption("--hil-trace"),
        Path(heartbeat) if heartbeat else None,
        config.getoption("--hil-plant"),
        done=config.getoption("--hil-done"),
        repeat=config.getoption("--hil-repeat"),
    )


def _worker(config: pytest.Config) -> tuple[str, ...]:
    """Name of this process among those of pytest-xdist, and of the folder of its run."""
    given: dict[str, str] | None = getattr(config, "workerinput", None)
    return () if given is None else (given["workerid"],)


def rig_config(config: pytest.Config) -> RigConfig | None:
    """The rig file of this run, for tests that are made from it."""
    return config.stash.get(RIG, None)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """A fault script is a test file: one that is named, or is called NAME.script.toml."""
    is_script = file_path.name.endswith(".script.toml")
    if not is_script and not (file_path.suffix == ".toml" and parent.session.isinitpath(file_path)):
        return None
    if rig_config(parent.config) is None:
        return None
    from hil.script.collect import ScriptModule

    script: pytest.Module = ScriptModule.from_parent(parent, path=file_path)
    return script


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make each test of the rig so often as asked for; its number comes last in its name."""
    times: int = metafunc.config.getoption("--hil-repeat")
    if times > 1 and "rig" in metafunc.fixturenames and rig_config(metafunc.config) is not None:
        metafunc.fixturenames.append(_REPETITION)
        numbers = range(1, times + 1)
        metafunc.parametrize(_REPETITION, numbers, indirect=True, ids=[f"rep{n}" for n in numbers])


@pytest.fixture
def hil_repetition(request: pytest.FixtureRequest) -> int:
    """Which repetition of its test this is, from 1."""
    number: int = getattr(request, "param", 1)
    return number


def _repeats(item: pytest.Item, name: str) -> tuple[str, int]:
    """A test's name without its number, and the number; of one that is no repetition ``""`` and 1."""
    callspec = getattr(item, "callspec", None)
    number = callspec.params.get(_REPETITION) if callspec is not None else None
    if number is None:
        return "", 1
    return name.removesuffix(f"[rep{number}]").replace(f"-rep{number}]", "]"), number


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A test file that cannot be read is wrong usage; pytest runs nothing then."""
    report = yield
    session = collector.config.stash.get(SESSION, None)
    if report.failed and session is not None:
        from hil.errors import UsageError

        lines = [line for line in report.longreprtext.splitlines() if line.strip()]
        reason = lines[-1].removeprefix("E").strip() if lines else "cannot be collected"
        session.note(UsageError(f"the tests cannot be read: {reason}", place=collector.nodeid))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Skip what the rig file says; at last leave out what is another's share, and what has its verdict."""
    rig = rig_config(config)
    for pattern, reason in rig.suite.skip.items() if rig is not None else ():
        for item in items:
            names = (_repeats(item, item.name)[0] or item.name, item.name.partition("[")[0])
            if any(fnmatchcase(name, pattern) for name in names):
                item.add_marker(pytest.mark.skip(reason=reason))
    yield
    _keep_share(config, items)  # of all, so that a share that goes on stays the same
    _leave_out_settled(config, items)


def _leave_out_settled(config: pytest.Config, items: list[pytest.Item]) -> None:
    name = config.getoption("--hil-settled")
    if not name:
        return
    settled = set(Path(name).read_text(encoding="utf-8").splitlines())
    left_out = [item for item in items if item.nodeid in settled]
    items[:] = [item for item in items if item.nodeid not in settled]
    config.hook.pytest_deselected(items=left_out)


def _keep_share(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deal the tests that are left by what they are expected to take."""
    share = config.getoption("--hil-share")
    if not share:
        return
    from hil.run.durations import Durations
    from hil.run.shares import deal

    own, of = map(int, share.split("/"))
    run = config.getoption("--hil-durations")
    durations = Durations.of_run(Path(run)) if run else Durations.shipped()
    names = [_repeats(item, item.nodeid)[0] or item.nodeid for item in items]
    dealt = deal([durations.of(name) for name in names], of)
    for place, item in enumerate(items):
        item.stash[_PLACE] = place
    others = [item for item, whose in zip(items, dealt, strict=True) if whose != own - 1]
    items[:] = [item for item, whose in zip(items, dealt, strict=True) if whose == own - 1]
    config.hook.pytest_deselected(items=others)


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """The rig in a fresh world: the BMS is switched on and in standby, nothing is broken."""
    session = request.config.stash.get(SESSION, None)
    if session is None:
        pytest.fail("this test needs a rig: pytest --rig laptop", pytrace=False)
    from hil.checks.verdict import BmsFailure
    from hil.errors import BmsError, HealthError, RigTroubleError

    rig = session.open(request.node.nodeid)
    try:
        for mark in request.node.iter_markers("initial"):
            for port, value in mark.kwargs.items():
                rig.set(port.replace("__", "."), value)
        rig.power_on()
        session.hook("before_test")
        yield rig
        if not session.over:
            session.hook("after_test", request.node.stash[_OUTCOME][0])
    except RigTroubleError:  # it ends the run, and goes before what its cause did to the rig's health
        with suppress(HealthError):
            session.close_world()
        raise
    except BaseException as error:
        broken = isinstance(error, BmsError)
        session.close_world(failed=broken or isinstance(error, BmsFailure), broken=broken)
        raise
    else:
        stash = request.node.stash
        session.close_world(failed=stash[_OUTCOME][0] == "fail", broken=stash.get(_BROKEN, False))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Tell the record that the test starts, and how it ended."""
    session = item.config.stash.get(SESSION, None)
    if session is None or session.over:
        return (yield)
    from hil.checks.verdict import Verdict

    session.announce(_info(item))
    item.stash[_OUTCOME] = _UNFINISHED
    progress: Any = item.config.pluginmanager.get_plugin("hil-progress")
    try:
        return (yield)
    except KeyboardInterrupt:
        session.interrupt()
        if progress is None:
            raise
        return True  # hil run says what there is to say
    finally:
        verdict, reason = item.stash[_OUTCOME]
        session.conclude(item.nodeid, Verdict(verdict), reason)
        if verdict != "skipped":
            session.count_end_of_bms(ended=item.stash.get(_ENDED, False))
        if progress is not None:
            progress.show(item.nodeid, verdict, reason)
        elif session.trouble is not None:
            item.session.shouldstop = f"the rig is in trouble: {session.trouble}"


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
        item.stash.get(_PLACE, None),
        *_repeats(item, item.nodeid),
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
    from hil.errors import BmsEndedError, BmsError, HealthError, NotOfferedError, RigTroubleError

    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, NotOfferedError):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: {error}")
    verdict, reason = _verdict(report, call.excinfo)
    # a test passes by its call; before and after that things can only go wrong, and the first to do so counts
    told = item.stash.get(_OUTCOME, _UNFINISHED)
    untold = told in (_UNFINISHED, _PASSED)
    # that the rig was late counts more than what was before it; a hook after a test takes no failure back
    first_invalid = isinstance(error, HealthError) and told[0] != "invalid"
    if report.when == "call" or (verdict != "pass" and untold) or first_invalid:
        item.stash[_OUTCOME] = (verdict, reason)
    if isinstance(error, BmsError):
        item.stash[_BROKEN] = True
    if isinstance(error, BmsEndedError):
        item.stash[_ENDED] = True
    if isinstance(error, RigTroubleError):
        session.note(error)
    return report


def _verdict(
    report: pytest.TestReport, raised: pytest.ExceptionInfo[BaseException] | None
) -> tuple[str, str]:
    from hil.errors import HealthError, HilError, HookError, OutputError

    error = raised.value if raised is not None else None
    if report.passed:
        return _PASSED
    if report.skipped:
        return "skipped", _skip_reason(report)
    if raised is None or _is_of_the_test(raised):
        return "fail", str(error or "") or _last_line(report)  # none: a strict xfail that passed
    if isinstance(error, HealthError | HookError | OutputError):
        return "invalid", str(error)
    if isinstance(error, HilError):
        return "error", str(error)
    return "error", f"{type(error).__name__}: {error}{_place(report)}"


def _is_of_the_test(raised: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether a check or an assertion of a test says that the BMS failed; one inside the rig does not."""
    from hil.checks.verdict import BmsFailure
    from hil.errors import BmsError

    if isinstance(raised.value, BmsFailure | BmsError | pytest.fail.Exception):
        return True
    module = raised.traceback[-1].frame.f_globals.get("__name__", "")
    is_rigs = module.partition(".")[0] in ("hil", "twins") and not module.startswith("hil.suite")
    return isinstance(raised.value, AssertionError) and not is_rigs


def _skip_reason(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}"
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    return reason.removeprefix("Skipped: ")


def _last_line(report: pytest.TestReport) -> str:
    lines = [line for line in report.longreprtext.splitlines() if line.strip()]
    return lines[-1] if lines else "failed"


def _place(report: pytest.TestReport) -> str:
    """Where an exception came from, for the author of a test."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return f" ({Path(crash.path).name}:{crash.lineno})" if crash is not None else ""


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Close the record and the trace, after the last teardown."""
    run = session.config.stash.get(SESSION, None)
    if run is None:
        return
    if exitstatus == pytest.ExitCode.INTERRUPTED and run.trouble is None:
        run.interrupt()
    elif exitstatus == pytest.ExitCode.INTERNAL_ERROR and run.trouble is None:
        from hil.errors import RigTroubleError

        run.note(RigTroubleError("pytest itself failed", remedy="run again with --debug"))
    run.close()
    if run.trouble is not None and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
