"""The whole search over one rig: lever by lever, what is found goes into the sheet at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from hil.characterise.answer import characterise
from hil.characterise.curve import curves, over_soc
from hil.characterise.measure import Times
from hil.characterise.sheet import Characteristic, Curve, Left, Sheet
from hil.characterise.stimulus import CELLS, TEMPERATURE, Lever, Trouble, levers, troubles
from hil.characterise.survey import Heard, survey
from hil.characterise.trial import Bench, answers_of, roles_of, seconds
from hil.clock import NS_PER_S
from hil.errors import BmsError, UsageError
from hil.rig.schema import RigConfig

PATIENCE_NS = 8 * NS_PER_S
_STATES = ("operate", "charge")  # in standby a BMS that comes into these says nothing more


@dataclass(frozen=True)
class Wish:
    """What is to be found out.

    Attributes:
        only: Words of which one is in a role's or a quantity's name; empty: all.
        patience_ns: What has not been answered by then never is.
        seed: Of all noise.
    """

    only: tuple[str, ...] = ()
    patience_ns: int = PATIENCE_NS
    seed: int = 1

    def wants(self, *names: str) -> bool:
        """Whether one of the names has one of the words."""
        return not self.only or any(word in name.replace("_", " ") for word in self.only for name in names)


class Campaign:
    """Finds a BMS's characteristics.

    Args:
        config: The rig file.
        wish: What is to be found out.
        told: Called with what is being done, often.

    Raises:
        UsageError: If the rig is one in real time.

    Attributes:
        sheet: What has been found so far.
        broken: What the BMS broke under, such as by an error of its firmware; it is left, with the reason.
    """

    def __init__(self, config: RigConfig, wish: Wish, told: Callable[[str], None] = lambda _: None) -> None:
        self._doing = ""
        self._told = told
        self._wish = wish
        self._bench = Bench(config, wish.seed, lambda: told(f"{self._doing} ({self.trials} trials)"))
        self._times = Times(wish.patience_ns)
        self.sheet = Sheet(_facts(config, wish))
        self.broken: list[Left] = []
        self._roles = answers_of(config.roles)

    @property
    def heartbeat(self) -> memoryview:
        """The firmware's sign of life."""
        return self._bench.heartbeat.view

    @property
    def bus_ns(self) -> int:
        """How much time passed on the bus so far, in all trials."""
        return self._bench.bus_ns

    @property
    def trials(self) -> int:
        """How many there were so far."""
        return self._bench.trials

    def run(self) -> Iterator[Characteristic | Curve]:
        """Find everything; each thing as it is found, and it is in the sheet by then."""
        reached = self._bench.states()
        for state in _STATES if _STATES[0] in reached else reached:
            yield from self._in_state(state)
        yield from self._curves()
        self._leave_the_rest()
        self.sheet.complete = True

    def begin(self) -> None:
        """See which states the BMS comes into, and what can be turned; comes before :meth:`run`.

        Raises:
            UsageError: If the BMS comes into no state, or a word fits nothing.
        """
        self._doing = "looking which states it comes into"
        if not self._bench.states():
            reasons = "; ".join(dict.fromkeys(self._bench.unreachable.values()))
            raise UsageError(f"nothing can be found out: {reasons}", place=str(self._bench.config.path))
        self.sheet.left += [Left(f"state {s}", why) for s, why in self._bench.unreachable.items()]
        self._levers = levers(self._bench.config, self._bench.ports) | troubles(self._bench.config)
        for word in self._wish.only:
            limits = roles_of(self._bench.config.roles, "limit")
            if not any(word in name.replace("_", " ") for name in (*self._roles, *self._levers, *limits)):
                known = ", ".join(sorted({role.partition(".")[2] for role in (*self._roles, *limits)}))
                raise UsageError(
                    f"neither a role nor a quantity has {word!r} in its name", key="--only", remedy=known
                )

    def _in_state(self, state: str) -> Iterator[Characteristic]:
        """What answers in a state and has not been found in one before."""
        known = {one.role for one in self.sheet.characteristics}
        for places in self._levers.values():
            lever = places[len(places) // 2]
            heard: list[Heard] = []
            with self._leaving(f"{lever.title} in {state}"):
                heard = self._heard(lever, state, [role for role in self._roles if role not in known])
            for one in heard:
                yield from self._of_role(one, lever, [place for place in places if place is not lever])

    def _of_role(self, heard: Heard, lever: Lever, others: Sequence[Lever]) -> Iterator[Characteristic]:
        """The characteristic of a role that answered to a lever."""
        self._doing = f"{heard.role} by {lever.title}"
        with self._leaving(heard.role, f"by {lever.title} "):
            found = characterise(self._bench, self._times, heard, others)
            if found is not None:
                self.sheet.characteristics.append(found)
                yield found

    @contextmanager
    def _leaving(self, what: str, how: str = "") -> Iterator[None]:
        """What the BMS breaks under is left, with the reason."""
        try:
            yield
        except BmsError as error:
            left = Left(what, f"{how}the BMS broke: {error.reason}")
            self.broken.append(left)
            self.sheet.left.append(left)

    def _heard(self, lever: Lever, state: str, roles: Sequence[str]) -> list[Heard]:
        roles = [role for role in roles if self._wish.wants(role, lever.quantity)]
        if lever.followers or lever.fixed:  # what its cells do has been found by them
            found = {one.role for one in self.sheet.characteristics}
            roles = [role for role in roles if role not in found]
        if not roles:
            return []
        self._doing = f"what answers to {lever.title} in {state}"
        heard = list(survey(self._bench, lever, state, roles, self._wish.patience_ns))
        return _soonest(heard) if isinstance(lever, Trouble) else heard

    def _curves(self) -> Iterator[Curve]:
        """What is advertised over what the BMS measures of cells, and over its state of charge."""
        bench, wants = self._bench, self._wish.wants
        roles = [bench.config.roles[name] for name in roles_of(bench.config.roles, "limit")]
        over = [self._levers[name] for name in (CELLS, TEMPERATURE) if name in self._levers]
        for role in roles:
            picked = [places[len(places) // 2] for places in over if wants(role.name, places[0].quantity)]
            self._doing = f"{role.name} over {', '.join(lever.quantity for lever in picked)}"
            yield from self._drawn(curves(bench, picked, role))
        named = [role for role in roles if wants(role.name, "state of charge")]
        self._doing = "what is advertised over the state of charge"
        yield from self._drawn(over_soc(bench, named) if named else ())

    def _drawn(self, found: Iterable[Curve]) -> Iterator[Curve]:
        """Curves, which are in the sheet by then."""
        with self._leaving(self._doing):
            for curve in found:
                self.sheet.curves.append(curve)
                yield curve

    def _leave_the_rest(self) -> None:
        found = {one.role for one in self.sheet.characteristics} | {one.role for one in self.broken}
        patience = f"{seconds(self._wish.patience_ns):g} s"
        reason = f"no value, flag or missing frame that the rig can send made it say so within {patience}"
        for role in self._roles:
            if role not in found and self._wish.wants(role):
                self.sheet.left.append(Left(role, reason))


def _soonest(heard: Sequence[Heard]) -> list[Heard]:
    """The first fault and the first warning: what comes later is by what a message in trouble has lost."""
    by_kind: dict[str, Heard] = {}
    for one in sorted(heard, key=lambda one: one.after_ns):
        by_kind.setdefault(one.role.partition(".")[0], one)
    return list(by_kind.values())


def _facts(config: RigConfig, wish: Wish) -> dict[str, object]:
    return {
        "rig": config.name,
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "title": config.title,
        "firmware": config.bms.firmware.name,
        "firmware_sha256": hashlib.sha256(config.bms.firmware.read_bytes()).hexdigest(),
        "seed": wish.seed,
        "patience": seconds(wish.patience_ns),
        "only": list(wish.only),
    }
