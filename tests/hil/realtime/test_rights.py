"""Each right is granted or told why not, and nothing of it is left afterwards."""

import gc
import os
import sys

import pytest

from hil.realtime import rights as module
from hil.realtime.rights import Wanted, isolated_cpus, rights, take_rights

linux = pytest.mark.skipif(sys.platform != "linux", reason="real-time rights are those of Linux")
NOTHING = Wanted(priority=0, memory=False, timer_slack=False, collector=False, cpu=None)


def refuse(*_arguments: object) -> None:
    raise PermissionError(1, "Operation not permitted")


class FakeLibc:
    """Counts calls, grants all or nothing."""

    def __init__(self, result: int) -> None:
        self.result = result
        self.calls: list[tuple[str, tuple[int, ...]]] = []

    def __call__(self, function: str, *arguments: int) -> int:
        self.calls.append((function, arguments))
        return 50_000 if arguments[:1] == (30,) and not self.result else self.result


@pytest.fixture
def libc(monkeypatch: pytest.MonkeyPatch) -> FakeLibc:
    fake = FakeLibc(0)
    monkeypatch.setattr(module, "_libc", fake)
    return fake


def test_nothing_asked_nothing_done() -> None:
    with rights(NOTHING) as taken:
        assert taken.asked == ()
        assert str(taken) == ""


def test_the_collector_rests_and_comes_back() -> None:
    assert gc.isenabled()
    with rights(Wanted(priority=0, memory=False, timer_slack=False, cpu=None)) as taken:
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 0
        module.tidy()
        assert not gc.isenabled()
        assert taken.granted == ("quiet garbage collector",)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


@linux
def test_what_is_refused_is_told_with_what_to_change(
    monkeypatch: pytest.MonkeyPatch, libc: FakeLibc
) -> None:
    libc.result = -1
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    with rights(Wanted(cpu=0, collector=False)) as taken:
        assert taken.granted == ()
        told = {right.name: right for right in taken.missing}
        assert set(told) == {"locked memory", "short timer slack", "CPU of its own", "real-time priority"}
        assert all(right.remedy for right in taken.missing)
        assert "Operation not permitted; the limit is" in told["real-time priority"].text
        assert "rtprio 50" in told["real-time priority"].remedy


@linux
def test_what_is_granted_is_given_back_in_reverse(
    monkeypatch: pytest.MonkeyPatch, libc: FakeLibc
) -> None:
    said: list[tuple[str, object]] = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda *given: said.append(("scheduler", given[1])))
    monkeypatch.setattr(os, "sched_setaffinity", lambda *given: said.append(("affinity", given[1])))
    before = os.sched_getscheduler(0)
    taken = take_rights(Wanted(cpu=0, priority=7, collector=False))
    assert not taken.missing
    assert "real-time priority: SCHED_FIFO 7" in str(taken)
    taken.give_back()
    taken.give_back()
    fifo = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
    assert [what for what in said if what[0] == "scheduler"] == [("scheduler", fifo), ("scheduler", before)]
    assert len([what for what in said if what[0] == "affinity"]) == 2
    assert [call for call in libc.calls if call[0] != "prctl" or call[1][0] == 29] == [
        ("mlockall", libc.calls[0][1]),
        ("prctl", (29, 1, 0, 0, 0)),
        ("prctl", (29, 50_000, 0, 0, 0)),
        ("munlockall", ()),
    ]


@linux
def test_a_limit_below_the_priority_is_used_to_the_full(
    monkeypatch: pytest.MonkeyPatch, libc: FakeLibc
) -> None:
    def allow_ten(_pid: int, _policy: int, param: os.sched_param) -> None:
        if param.sched_priority > 10:
            refuse()

    monkeypatch.setattr(os, "sched_setscheduler", allow_ten)
    monkeypatch.setattr(module.resource, "getrlimit", lambda _which: (10, 10))
    monkeypatch.setattr(module.resource, "setrlimit", lambda *_given: None)
    with rights(Wanted(memory=False, timer_slack=False, collector=False, cpu=None)) as taken:
        assert str(taken) == "real-time priority: SCHED_FIFO 10"
    assert libc.calls == []


@linux
@pytest.mark.parametrize(("capable", "flags"), [(True, 3), (False, 1)])
def test_with_a_limit_later_memory_is_not_locked(
    monkeypatch: pytest.MonkeyPatch, libc: FakeLibc, capable: bool, flags: int
) -> None:
    monkeypatch.setattr(module.resource, "getrlimit", lambda _which: (8 << 20, 8 << 20))
    monkeypatch.setattr(module.resource, "setrlimit", lambda *_given: None)
    monkeypatch.setattr(module, "_capable", lambda _capability: capable)
    with rights(Wanted(priority=0, timer_slack=False, collector=False, cpu=None)) as taken:
        assert taken.granted == ("locked memory",)
    assert libc.calls == [("mlockall", (flags,)), ("munlockall", ())]


@linux
def test_a_cpu_that_is_not_there_is_told() -> None:
    with rights(Wanted(priority=0, memory=False, timer_slack=False, collector=False, cpu=99_999)) as taken:
        assert str(taken).startswith("no CPU of its own: CPU 99999: ")


def test_elsewhere_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    with rights(Wanted(collector=False)) as taken:
        assert taken.granted == ()
        assert {right.text for right in taken.missing} == {"not looked for on plan9"}


@pytest.mark.parametrize(
    ("text", "cpus"), [("", []), ("\n", []), ("3\n", [3]), ("2-3,6\n", [2, 3, 6]), ("0-1", [0, 1])]
)
def test_kernel_lists_of_cpus(text: str, cpus: list[int]) -> None:
    assert isolated_cpus(text) == cpus
