"""Which answers there are: every lever is turned outward, and what the BMS says to that is noted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from hil.characterise.bisect import outward
from hil.characterise.stimulus import Lever
from hil.characterise.trial import Bench, Trial

_LOOKS = (1 / 16, 1 / 4, 1.0)  # shares of the way at which a first look is taken


@dataclass(frozen=True)
class Heard:
    """A role that answers a lever.

    Attributes:
        neutral: Raw number at rest.
        quiet: The last one on the way outward that was not answered; ``neutral`` if the first was.
        farthest: The farthest one that was, with no silence in between.
        after_ns: How long that took.
    """

    role: str
    lever: Lever
    state: str
    neutral: int
    quiet: int
    farthest: int
    after_ns: int


@dataclass(frozen=True)
class Way:
    """A lever's way from rest to one of its ends."""

    bench: Bench
    lever: Lever
    state: str
    roles: Sequence[str]
    neutral: int
    end: int
    patience_ns: int

    def heard(self) -> Iterator[Heard]:
        """The roles that answer somewhere on it."""
        numbers = [self.end] if self.lever.is_switch else outward(self.neutral, self.end)
        by_number = self._outward(numbers)
        for role in self.roles:
            there = [role in at for at in by_number]
            if True not in there:
                continue
            first = last = there.index(True)
            while last + 1 < len(there) and there[last + 1]:
                last += 1
            quiet = numbers[first - 1] if first else self.neutral
            after_ns = by_number[last][role]
            yield Heard(role, self.lever, self.state, self.neutral, quiet, numbers[last], after_ns)

    def is_heard(self) -> bool:
        """A first look, all in one world: most levers move nothing."""
        looks = {self.neutral + round((self.end - self.neutral) * share) for share in _LOOKS}
        numbers = sorted(looks - {self.neutral}, key=lambda raw: abs(raw - self.neutral))
        with self._trial() as trial:
            return any(self._answers(trial, numbers, self.patience_ns // 4))

    def _outward(self, numbers: Sequence[int]) -> list[dict[str, int]]:
        """What answers at each number: one world as long as nothing does, then a fresh one for each."""
        heard: list[dict[str, int]] = []
        while len(heard) < len(numbers):
            with self._trial() as trial:
                for answers in self._answers(trial, numbers[len(heard) :], self.patience_ns):
                    heard.append(answers)
                    if answers:
                        break
        return heard

    def _trial(self) -> AbstractContextManager[Trial]:
        return self.bench.trial(self.state, still=self.lever.still(self.neutral))

    def _answers(self, trial: Trial, numbers: Iterable[int], stay_ns: int) -> Iterator[dict[str, int]]:
        """What answers at each number, and after how long; a role that is set at rest answers nothing.

        It stays at each for ``stay_ns``, and at the end of the way for as long as patience lasts.
        """
        quiet = [role for role in self.roles if not trial.says(role)]
        for raw in numbers:
            zero_ns = trial.turn(self.lever.faults(raw, self.neutral))
            trial.until(zero_ns + (self.patience_ns if raw == self.end else stay_ns))
            yield {role: one.t_ns - zero_ns for role, one in trial.answers(quiet, zero_ns).items()}


def survey(bench: Bench, lever: Lever, state: str, roles: Sequence[str], patience_ns: int) -> Iterator[Heard]:
    """The roles that answer a lever in a state, turned either way."""
    rest = bench.rest(state)
    if rest is None:
        return
    neutral = lever.neutral(rest)
    for end in (lever.high, lever.low):
        way = Way(bench, lever, state, roles, neutral, end, patience_ns)
        if end != neutral and way.is_heard():
            yield from way.heard()
