"""The search: what it finds is shrunk, kept at an interrupt, and told apart from the rig's own trouble."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest

from hil.checks.check import Never
from hil.errors import RigTroubleError
from hil.explore.act import Script
from hil.explore.menu import Menu
from hil.explore.play import Outcome
from hil.explore.search import Search
from hil.explore.violation import Violation

MENU = Menu(("standby", "operate"), ("interlock", "isolation"), ("Status",), True, True, True, True)
SEEN = Violation("an invariant", "a role", Never("role", "value", 1), "a frame with it")


class Pair:
    """A BMS that does not bear one act after another."""

    def __init__(self, first: str, second: str, *, raises: type[BaseException] | None = None) -> None:
        self.played: list[Script] = []
        self._pair = first, second
        self._raises = raises

    def play(self, script: Script, ignored: frozenset[str]) -> Outcome:
        self.played.append(script)
        kinds = [act.kind for act in script]
        first, second = self._pair
        if first not in kinds or second not in kinds[kinds.index(first) :] or SEEN.key in ignored:
            return Outcome(bus_ns=1)
        if self._raises is not None and any(self._shown(other) for other in self.played[:-1]):
            raise self._raises
        return Outcome(SEEN, bus_ns=1)

    def _shown(self, script: Script) -> bool:
        kinds = [act.kind for act in script]
        return self._pair[0] in kinds and self._pair[1] in kinds[kinds.index(self._pair[0]) :]


def test_the_shortest_life_is_found() -> None:
    search = Search(Pair("breaks interlock", "power_cycles"), MENU, 1, first_only=True)  # type: ignore[arg-type]
    search.run(20)
    (found,) = search.tally.findings
    assert [act.kind for act in found.script] == ["breaks interlock", "power_cycles"]
    assert len(found.first) >= len(found.script)
    assert found.lives <= search.tally.lives


def test_the_same_seed_makes_the_same_lives() -> None:
    played = []
    for _ in range(2):
        pair = Pair("breaks interlock", "power_cycles")
        Search(pair, MENU, 7, first_only=True).run(20)  # type: ignore[arg-type]
        played.append(pair.played)
    assert played[0] == played[1]


def test_an_interrupt_before_the_first_life_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis stumbles over one that comes while it makes itself ready."""

    def interrupted(*_args: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hypothesis.core.ConjectureRunner", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Search(Pair("a", "b"), MENU, 1).run(20)  # type: ignore[arg-type]


def test_an_interrupt_keeps_what_was_found() -> None:
    pair = Pair("breaks interlock", "heals", raises=KeyboardInterrupt)
    search = Search(pair, MENU, 1)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        search.run(20)
    (found,) = search.tally.findings
    assert found.violation == SEEN


@pytest.mark.skipif(os.name == "nt", reason="no signals to send there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_was_lost_ends_the_search_all_the_same(number: int) -> None:
    """Where a callback of the garbage collector runs, Python reports a KeyboardInterrupt and goes on."""
    lives = []

    class Losing:
        def play(self, *_: object) -> Outcome:
            lives.append(1)
            with contextlib.suppress(KeyboardInterrupt):
                os.kill(os.getpid(), number)
                time.sleep(0.01)  # noqa: TID251 - a signal is taken between two instructions
            return Outcome(bus_ns=1)

    before = {n: signal.signal(n, signal.default_int_handler) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(KeyboardInterrupt):
            Search(Losing(), MENU, 1).run(20)  # type: ignore[arg-type]
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)
    assert len(lives) == 1


def test_trouble_that_does_not_come_again_is_told_as_such() -> None:
    """Such as a computer that was too busy for the rig; Hypothesis called it flaky."""
    outcomes = [Outcome(), Outcome(trouble="the rig itself hangs for 60 s")]

    class BreaksOnce:
        def play(self, *_: object) -> Outcome:
            return outcomes.pop(0) if outcomes else Outcome()

    search = Search(BreaksOnce(), MENU, 1)  # type: ignore[arg-type]
    with pytest.raises(RigTroubleError, match="broke in a life: the rig itself hangs for 60 s"):
        search.run(30.0)
    assert not search.tally.findings


def test_trouble_of_the_rig_is_no_finding() -> None:
    class Breaks:
        def play(self, *_: object) -> Outcome:
            return Outcome(trouble="Traceback\nZeroDivisionError: of the rig")

    search = Search(Breaks(), MENU, 1)  # type: ignore[arg-type]
    with pytest.raises(
        RigTroubleError, match="the rig itself broke in a life: ZeroDivisionError: of the rig"
    ):
        search.run(20)
    assert not search.tally.findings
