"""A node: a state machine on the rig's clock, that can be started, stopped, silenced and misled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from enum import IntEnum
from typing import Any

from simpy import Interrupt
from simpy.events import Event, Process

from hil.bell import Steps
from hil.clock import NS_PER_MS, VirtualClock
from hil.errors import UsageError
from hil.nodes.speaker import Speaker
from twins.port import Bank, Port

LOOK_NS = 20 * NS_PER_MS  # how often a state looks at ports, which ring no bell


class Machine(ABC):
    """One node of a rig.

    Its ports are ``nodes.NAME.…``: ``state`` and what else a protocol has, such as pilot lines.

    Args:
        name: In the rig file.
        clock: The one time line.
        speaker: Its place on the bus.
        states: Its states; the first is the one in which it begins.

    Attributes:
        ports: By full name.
    """

    states: type[IntEnum]
    inputs: Sequence[tuple[str, float, float]] = ()  # name, lowest, highest
    outputs: Sequence[tuple[str, float, float]] = ()

    def __init__(self, name: str, clock: VirtualClock, speaker: Speaker) -> None:
        self.name = name
        self.clock = clock
        self.speaker = speaker
        self._process: Process | None = None
        self._held: IntEnum | None = None
        self._silent = False
        rows = self.rows()
        self._bank = Bank([0.0] * len(rows))
        self._index = {row[0]: index for index, row in enumerate(rows)}
        self.ports = ports_of(self, f"nodes.{name}", self._bank)

    @classmethod
    def rows(cls) -> list[tuple[str, float, float]]:
        """Its ports: name within the node, lowest and highest value."""
        return [("state", 0.0, float(max(cls.states))), *cls.outputs, *cls.inputs]

    # -- from the rig -------------------------------------------------------------------------

    def start(self) -> None:
        """Begin anew, from now on."""
        self.stop()
        self._launch(self._live())

    def stop(self) -> None:
        """Stop, and say nothing any more."""
        if self._process is not None and self._process.is_alive:
            self._process.interrupt()
        self._process = None
        self.speaker.reset()
        self.leave()
        self.enter(next(iter(self.states)))

    def mend(self) -> None:
        """Neither silent nor held; inputs as they were at the beginning."""
        self._silent, self._held = False, None
        self._bank.held.clear()
        self._bank.publish([0.0] * len(self._index))

    def silence(self, on: bool) -> None:
        """Say nothing, but go on otherwise; or speak again."""
        self._silent = on
        self._obey()

    def hold(self, state: str | None) -> None:
        """Be in a state whatever the others do, and say what is said in it; ``None``: begin anew.

        Raises:
            UsageError: If there is no such state.
        """
        if state is None:
            self._held = None
            self.start()
            return
        try:
            held = self.states[state.upper()]
        except KeyError:
            known = ", ".join(s.name.lower() for s in self.states)
            reason = f"node {self.name!r} has no state {state!r}"
            raise UsageError(reason, remedy=f"states: {known}") from None
        self.stop()
        self._held = held
        self._obey()
        self.enter(held)
        for message, values in self.messages_of(held).items():
            self.speaker.repeat(message, values)
        self._launch(self._insist())

    @property
    def state(self) -> IntEnum:
        """Where it is."""
        return self.states(int(self._bank.readings[0]))

    # -- for the protocols --------------------------------------------------------------------

    @abstractmethod
    def live(self) -> Steps:
        """All that it does from its start on."""

    @abstractmethod
    def leave(self) -> None:
        """Leave the twins safe: it stops."""

    @abstractmethod
    def messages_of(self, state: IntEnum) -> Mapping[str, Callable[[], Mapping[str, float]] | None]:
        """What is repeated in a state."""

    def enter(self, state: IntEnum) -> None:
        """Be in a state, as its port shows."""
        self._bank.show(0, float(state))

    def go(self, state: IntEnum) -> None:
        """Enter a state: say what is said in it, and cease what was said in the last one."""
        self.enter(state)
        messages = self.messages_of(state)
        self.speaker.cease(*(self.speaker.saying - set(messages)))
        for message, values in messages.items():
            self.speaker.repeat(message, values)

    def has(self, message: str) -> bool:
        """Whether a message has been heard since it was last forgotten."""
        return self.speaker.heard(message) is not None

    def show(self, name: str, value: float) -> None:
        """Show an output."""
        self._bank.show(self._index[name], value)

    def read(self, name: str) -> float:
        """An own port's value."""
        return self._bank.values[self._index[name]]

    def until(
        self, holds: Callable[[], bool], within_ns: int, look: Callable[[], None] | None = None
    ) -> Generator[Event, Any, bool]:
        """Wait until something holds; whether it did in time.

        Args:
            holds: Looked at with each message that comes in and every 20 ms.
            within_ns: From now.
            look: Called each time before; what it raises ends the wait.
        """
        until_ns = self.clock.now_ns + within_ns
        while True:
            self._obey()
            if look is not None:
                look()
            if holds():
                return True
            now_ns = self.clock.now_ns
            if now_ns >= until_ns:
                return False
            yield from self.speaker.bell.wait(min(until_ns, now_ns + LOOK_NS))

    def tend(self) -> None:  # noqa: B027 - most have nothing to do
        """What is done at each look, in whatever state."""

    def must_be_silent(self) -> bool:
        """Whether something else than a fault of the node keeps it from speaking."""
        return False

    def _obey(self) -> None:
        self.tend()
        self.speaker.muted = self._silent or self.must_be_silent()
        self.speaker.deaf = self.must_be_silent()

    def _launch(self, steps: Steps) -> None:
        self._obey()
        self._process = self.clock.process(_until_interrupted(steps))

    def _live(self) -> Steps:
        yield from self.live()

    def _insist(self) -> Steps:
        while True:
            self._obey()
            yield from self.speaker.bell.wait(self.clock.now_ns + LOOK_NS)


def ports_of(machine: Machine | type[Machine], prefix: str, bank: Bank) -> tuple[Port, ...]:
    """The ports of a node, or of a kind of node that is not built yet."""
    inputs = {name for name, _, _ in machine.inputs}
    return tuple(
        Port(f"{prefix}.{name}", "", bank, index, low, high, "in" if name in inputs else "out")
        for index, (name, low, high) in enumerate(machine.rows())
    )


def _until_interrupted(steps: Steps) -> Steps:
    try:
        yield from steps
    except Interrupt:
        return
