"""One trial: a fresh world, a BMS brought into a state, something turned, and what it said to that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware
from hil.checks.verdict import BmsFailure
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BmsError, NotOfferedError
from hil.faults.fault import Fault
from hil.host.inline import InlineHost
from hil.rig.journal import Silent
from hil.rig.observe import Observer
from hil.rig.rig import Rig

if TYPE_CHECKING:
    from hil.frames.database import Message, Signal
    from hil.rig.roles import Role
    from hil.rig.schema import RigConfig
    from twins.port import Port

STATES = ("operate", "charge", "standby")
_SETTLE_NS = 100 * NS_PER_MS  # after a state is reached, before anything is turned
_STILL_NS = 500 * NS_PER_MS  # for what is held to be on all wires
_REACH = "the BMS does not come into this state"


@dataclass(frozen=True)
class Answer:
    """A role that has changed.

    Attributes:
        t_ns: Bus timestamp of the first frame that says so.
        before_ns: That of the frame before it, which did not: the change lies between them.
    """

    t_ns: int
    before_ns: int


class Trial:
    """A world during one trial, in the state that was wanted.

    Args:
        rig: The rig in it.
        host: Where it runs.
        observer: Finds roles in it.
    """

    def __init__(self, rig: Rig, host: InlineHost, observer: Observer) -> None:
        self.rig = rig
        self.host = host
        self._observer = observer
        self._held: list[Fault] = []

    @property
    def now_ns(self) -> int:
        """The present instant."""
        return self.host.now_ns

    def turn(self, faults: Sequence[Fault]) -> int:
        """Turn something, in place of what was turned before; returns when its first frame was on the wire.

        Of several faults the first is the one that shows it.
        """
        before, self._held = self._held, list(faults)
        stimuli = self.host.inject_all(faults)
        self.host.clear_all(before)
        return self.rig.on_wire(stimuli[0]) if stimuli else self.now_ns

    def let_go(self) -> None:
        """Let all sensors say again what they measure."""
        self.host.clear_all(self._held)
        self._held = []

    def until(self, instant_ns: int) -> None:
        """Let time pass; an instant that is over is no mistake."""
        if instant_ns > self.now_ns:
            self.host.run_until(instant_ns)

    def answer(self, role: str, since_ns: int, until_ns: int, *, on: bool = True) -> Answer | None:
        """When a role was first set (or first not) after an instant; time passes until it is."""
        found = self._observer.role(role)
        seen = self._observer.first(found, since_ns, until_ns, lambda value: is_set(found, value) is on)
        if seen is None:
            return None
        span_ns = 3 * self._observer.cycle_ns(found)
        rows = self._observer.since(found, since_ns - span_ns)
        earlier = [t for t, _ in rows if t < seen[0]]
        return Answer(seen[0], earlier[-1] if earlier else since_ns)

    def named(self, role: str, value: str, since_ns: int, until_ns: int) -> Answer | None:
        """The same of a role's named value, such as a contactor's ``open``."""
        found = self._observer.role(role)
        seen = self._observer.first(found, since_ns, until_ns, self._observer.matcher(found, value))
        return None if seen is None else Answer(seen[0], seen[0] - self._observer.cycle_ns(found))

    def answers(self, roles: Iterable[str], since_ns: int) -> dict[str, Answer]:
        """Which of the roles have been set since an instant, and when."""
        found = {}
        for role in roles:
            place = self._observer.role(role)
            times = (t for t, value in self._observer.since(place, since_ns) if is_set(place, value))
            first = next(times, None)
            if first is not None:
                found[role] = self.answer(role, since_ns, first)
        return {role: answer for role, answer in found.items() if answer is not None}

    def says(self, role: str) -> bool | None:
        """Whether the role's last frame has it set; ``None``: there was none lately."""
        seen = self.last(role)
        return None if seen is None else is_set(self._observer.role(role), seen)

    def last(self, role: str, at_ns: int | None = None) -> float | None:
        """What the role's last frame up to an instant, or to now, says; ``None``: there was none lately."""
        instant_ns = self.now_ns if at_ns is None else at_ns
        seen = self._observer.last_before(self._observer.role(role), instant_ns)
        return None if seen is None else seen[1]


class Bench:
    """Makes trials.

    Args:
        config: The rig file. Its limits are taken away: nothing here can know them.
        seed: Of all noise.
        told: Called after each trial, as for a line of progress.

    Raises:
        UsageError: If the rig is one in real time.
        FirmwareError: If the firmware cannot be loaded.

    Attributes:
        trials: How many there were.
        bus_ns: How much time passed in them.
        ports: The twins' ports, with what they showed at rest.
        unreachable: States that the BMS does not come into, and why.
        heartbeat: The firmware's sign of life.
    """

    def __init__(self, config: RigConfig, seed: int = 1, told: Callable[[], None] = lambda: None) -> None:
        config.require_virtual("a characteristic takes thousands of trials, each on a fresh BMS")
        self.config = replace(config, limits={})
        self.trials = 0
        self.bus_ns = 0
        self.unreachable: dict[str, str] = {}
        self._seed = seed
        self._told = told
        self.heartbeat = Heartbeat()
        self._firmware = Firmware(config.bms.firmware)
        self._rest: dict[str, dict[str, float]] = {}
        self.ports: Mapping[str, Port] = {}

    def rest(self, state: str) -> Mapping[str, float] | None:
        """What every port shows in a state while nothing is turned; ``None`` if it cannot be reached."""
        if state not in self._rest and state not in self.unreachable:
            with suppress(NotOfferedError), self.trial(state) as trial:
                self.ports = trial.host.ports
                self._rest[state] = {name: port.value for name, port in trial.host.ports.items()}
        return self._rest.get(state)

    def signal(self, role: Role) -> Signal:
        """The signal that carries a role."""
        return self._layout(role).signals[role.signal]

    def cycle_ns(self, role: Role) -> int:
        """Time between two frames that carry a role, if each page of its message comes in turn."""
        layout = self._layout(role)
        return (layout.cycle_ns or 100 * NS_PER_MS) * layout.turns_of(layout.signals[role.signal])

    def _layout(self, role: Role) -> Message:
        return self.config.buses[role.bus].database.messages[role.message]

    def states(self) -> list[str]:
        """The states that the BMS comes into."""
        return [state for state in STATES if self.rest(state) is not None]

    @contextmanager
    def trial(self, state: str, *, still: Sequence[Fault] = (), soc: float | None = None) -> Iterator[Trial]:
        """A fresh world with the BMS in a state.

        Args:
            state: ``operate``, ``charge`` or ``standby``.
            still: What is held from some time before.
            soc: State of charge of all cells before it is switched on, 0 to 1; default: the rig file's.

        Raises:
            NotOfferedError: If it does not come there.
        """
        self.trials += 1
        host = InlineHost(self.config, self._firmware, self.heartbeat, None, self._seed, 0)
        rig = Rig(self.config, host, Silent(), "")
        try:
            if soc is not None:
                rig.set("pack.soc", soc)
            self._bring(rig, state)
            trial = Trial(rig, host, Observer(self.config, host))
            if still:
                trial.turn(still)
                trial.until(trial.now_ns + _STILL_NS)
            yield trial
        finally:
            host.stop()
            self.bus_ns += host.now_ns
            self._told()

    def _bring(self, rig: Rig, state: str) -> None:
        reason = self.unreachable.get(state)
        if reason is not None:
            raise NotOfferedError(reason)
        try:
            rig.power_on()
            if state == "operate":
                rig.operate()
            elif state == "charge":
                rig.charge()
        except (BmsFailure, BmsError, NotOfferedError) as error:
            self.unreachable[state] = f"{_REACH}: {str(error).splitlines()[0]}"
            raise NotOfferedError(self.unreachable[state]) from error
        rig.run_for(_SETTLE_NS)


def is_set(role: Role, value: float) -> bool:
    """Whether a number of a role says that it is so; of a state: that it is the fault."""
    fault = (role.values or {}).get("fault")
    return bool(value) if fault is None else value == fault


def seconds(ns: int) -> float:
    """Nanoseconds in seconds, as the sheet has them."""
    return ns / NS_PER_S


def answers_of(roles: Mapping[str, Role]) -> list[str]:
    """The roles by which a BMS answers: faults and warnings, or what it has in place of single faults."""
    faults = roles_of(roles, "fault")
    whole = [name for name in ("fault", "state") if name in roles][:1]
    return [*(faults or whole), *roles_of(roles, "warning")]


def roles_of(roles: Mapping[str, Role], *kinds: str) -> list[str]:
    """The roles of a kind: ``fault`` for all ``fault.…``."""
    return [name for name in roles if name.startswith(tuple(f"{kind}." for kind in kinds))]
