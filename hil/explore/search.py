"""The search: Hypothesis makes lives, a player plays them, what does not hold is shrunk."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings

from hil.clock import NS_PER_S
from hil.errors import RigTroubleError
from hil.explore.act import Script
from hil.explore.lives import lives
from hil.explore.menu import Menu
from hil.explore.play import Outcome, Player
from hil.explore.violation import Violation

_BATCH = 30  # lives of one run of Hypothesis, which begins each with simple ones
_SHRINK_S = 60.0  # for one violation; the shortest script until then is kept


@dataclass(frozen=True)
class Finding:
    """A violation with the shortest script that shows it.

    Attributes:
        script: As short as it was made.
        first: As it was found.
        lives: How many lives were played until then.
    """

    violation: Violation
    script: Script
    first: Script
    lives: int


@dataclass
class Tally:
    """What a search has done.

    Attributes:
        lives: How many were played, those of shrinking too.
        bus_ns: Bus time of all of them.
        acts: How often each kind of act was done.
        seen: How often a state met a kind of act.
    """

    lives: int = 0
    bus_ns: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, script: Script, outcome: Outcome) -> None:
        """One more life."""
        self.lives += 1
        self.bus_ns += outcome.bus_ns
        self.acts.update(act.kind for act in script)
        self.seen.update(outcome.seen)

    @property
    def bus_hours(self) -> float:
        """Bus time of all lives."""
        return self.bus_ns / NS_PER_S / 3600


class _Interrupts:
    """Remembers an interrupt: one that is raised within a callback of the garbage collector is lost.

    Hypothesis has such a callback.
    """

    def __init__(self) -> None:
        self._came = False
        self._taken: list[int] = []

    def check(self) -> None:
        """Raise one that was lost."""
        if self._came:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        self._came = False
        if threading.current_thread() is threading.main_thread():
            known = signal.valid_signals()
            self._taken = [n for n in known if signal.getsignal(n) is signal.default_int_handler]
        for number in self._taken:
            signal.signal(number, self._take)
        return self

    def __exit__(self, *_error: object) -> None:
        for number in self._taken:
            signal.signal(number, signal.default_int_handler)
        self._taken = []

    def _take(self, *_: object) -> None:
        self._came = True
        raise KeyboardInterrupt


class _Broken(Exception):
    """A life in which an invariant did not hold."""


class Search:
    """Plays lives until its time is over.

    Args:
        player: Plays them.
        menu: What may happen in them.
        seed: The same seed makes the same lives.
        told: Called after each life.
        first_only: End with the first violation.

    Attributes:
        tally: What was done and found.
    """

    def __init__(
        self,
        player: Player,
        menu: Menu,
        seed: int,
        told: Callable[[Tally], None] = lambda _: None,
        *,
        first_only: bool = False,
    ) -> None:
        self.tally = Tally()
        self._player = player
        self._strategy = lives(menu)
        self._seed = seed
        self._told = told
        self._first_only = first_only
        self._known: set[str] = set()
        self._played: dict[Script, Violation | None] = {}
        self._chased: Violation | None = None
        self._shortest: Script = ()
        self._first: Script = ()
        self._until_s = 0.0
        self._found_at = 0
        self._interrupts = _Interrupts()
        self._trouble: RigTroubleError | None = None

    def run(self, seconds: float, found: Callable[[Finding], None] = lambda _: None) -> None:
        """Search for so long; a violation is told as soon as it is shrunk.

        Raises:
            RigTroubleError: If the rig itself breaks in a life, which is named.
        """
        end_s = time.monotonic() + seconds
        batch = 0
        with self._interrupts:
            while time.monotonic() < end_s and not (self._first_only and self.tally.findings):
                self._until_s = end_s
                self._batch(batch, found)
                batch += 1

    def _batch(self, number: int, found: Callable[[Finding], None]) -> None:
        self._played.clear()
        self._chased, self._shortest = None, ()

        @hypothesis.seed(self._seed * 1_000_003 + number)
        @settings(
            max_examples=_BATCH,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            verbosity=hypothesis.Verbosity.quiet,
        )
        @given(self._strategy)
        def live(script: Script) -> None:
            self._live(script)

        run: Any = live
        try:
            run()
        except _Broken:
            pass
        except AssertionError as error:  # Hypothesis's own, about an interrupt while it makes itself ready
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise
        finally:
            self._keep(found)

    def _keep(self, found: Callable[[Finding], None]) -> None:
        """What was chased is found, be it the shortest or, at an interrupt, not yet."""
        if self._chased is None:
            return
        violation = self._played[self._shortest] or self._chased
        finding = Finding(violation, self._shortest, self._first, self._found_at)
        self._known.add(violation.key)
        self.tally.findings.append(finding)
        self._chased = None
        found(finding)

    def _live(self, script: Script) -> None:
        """One life.

        Raises:
            _Broken: If what is chased, or anything if nothing is yet, does not hold.
        """
        self._interrupts.check()
        if self._trouble is not None:  # Hypothesis would have it again, to shrink it: it need not come again
            raise self._trouble
        if script not in self._played:
            if time.monotonic() > self._until_s:
                return  # the search is over: nothing new is tried
            self._played[script] = self._play(script)
        violation = self._played[script]
        if violation is None:
            return
        if self._chased is None:
            self._chased, self._first, self._shortest = violation, script, script
            self._found_at = self.tally.lives
            self._until_s = time.monotonic() + _SHRINK_S
        if violation.key != self._chased.key:
            return
        if _size(script) < _size(self._shortest):
            self._shortest = script
        raise _Broken

    def _play(self, script: Script) -> Violation | None:
        outcome = self._player.play(script, frozenset(self._known))
        if outcome.trouble:
            *above, last = outcome.trouble.strip().splitlines()
            life = ", ".join(map(str, script))
            remedy = outcome.trouble if above else ""
            reason = f"the rig itself broke in a life: {last}"
            self._trouble = RigTroubleError(reason, key=life, remedy=remedy)
            raise self._trouble
        self.tally.add(script, outcome)
        self._told(self.tally)
        violation = outcome.violation
        return None if violation is None or violation.key in self._known else violation


def _size(script: Script) -> tuple[int, int]:
    return len(script), sum(len(str(act)) for act in script)
