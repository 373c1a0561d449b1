"""What both sides of GB/T 27930-2015 share: their states, how a session ends, and how they wait."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import IntEnum

from hil.bell import Steps
from hil.clock import VirtualClock
from hil.nodes.gbt27930.times import TIMED_OUT
from hil.nodes.machine import Machine
from hil.nodes.speaker import Speaker

Say = Callable[[], Mapping[str, float]] | None
Look = Callable[[], None]


class State(IntEnum):
    """Where a side is."""

    IDLE = 0
    HANDSHAKE = 1
    IDENTIFICATION = 2
    CONFIGURATION = 3
    READY = 4
    CHARGING = 5
    STOPPING = 6
    STATISTICS = 7
    ERROR = 8
    FINISHED = 9
    FAILED = 10


class Late(Exception):
    """A message did not come in time; named as its signal in CEM or BEM."""


class Unplugged(Exception):
    """The connector is out."""


class PeerError(Exception):
    """The other side has reported an error."""


class Stop(Exception):
    """The charging ends by a stop of either side; the reasons are signals of CST or BST."""

    def __init__(self, **reasons: float) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons


class Side(Machine):
    """One side: sessions from identification to their end, and another one after a timeout.

    Attributes:
        of_a_session: The other side's messages, forgotten when a session begins.
        ending: States in which a timeout ends the sessions: one that was to end is not begun again.
    """

    states = State
    of_a_session: Sequence[str]
    ending: Collection[State]

    def __init__(self, name: str, clock: VirtualClock, speaker: Speaker) -> None:
        super().__init__(name, clock, speaker)
        self._late: Mapping[str, float] = {}
        self._reasons: Mapping[str, float] = {}

    # -- what a side does its own way ---------------------------------------------------------

    @property
    @abstractmethod
    def _plugged(self) -> bool:
        """Whether the connector is in."""

    @abstractmethod
    def _identify(self) -> Steps: ...

    @abstractmethod
    def _configure(self) -> Steps: ...

    @abstractmethod
    def _get_ready(self) -> Steps: ...

    @abstractmethod
    def _charge(self) -> Steps: ...

    @abstractmethod
    def _end(self, reasons: Mapping[str, float]) -> Steps: ...

    @abstractmethod
    def _report(self, late: Mapping[str, float]) -> Steps:
        """Say for a while what did not come; nothing is late where the other side has reported."""

    @abstractmethod
    def _look_at_peer(self, *, stops: bool) -> None:
        """Raise what the other side, or a button, ends the session with; a stop only if that counts."""

    # -- sessions -----------------------------------------------------------------------------

    def _sessions(self, restarts: int) -> Steps:
        """A session; after a timeout or the other side's error another one."""
        for attempt in range(1 + restarts):
            self.show("attempts", attempt + 1.0)
            try:
                yield from self._session()
            except Late as late:
                self.show("errors", self.read("errors") + 1.0)
                ended = self.state in self.ending
                yield from self._report({str(late): TIMED_OUT})
                if ended:
                    break
            except PeerError:
                yield from self._report({})
            else:
                self._rest(State.FINISHED)
                return
        self._rest(State.FAILED)

    def _session(self) -> Steps:
        self.speaker.forget(*self.of_a_session)
        try:
            yield from self._identify()
            yield from self._configure()
            yield from self._get_ready()
            yield from self._charge()
        except Stop as stop:
            yield from self._end(stop.reasons)

    def _rest(self, state: State) -> None:
        self.leave()
        self.speaker.cease()
        self.enter(state)

    def _complain(self, late: Mapping[str, float], for_ns: int) -> Steps:
        self._late = dict(late)
        if late:
            self.go(State.ERROR)
        else:  # the other side has reported: there is nothing to add
            self.speaker.cease()
            self.enter(State.ERROR)
        yield from self.until(lambda: False, for_ns, self._look_at_plug)
        self.speaker.cease()

    # -- waiting ------------------------------------------------------------------------------

    def _await(
        self,
        late: str,
        holds: Callable[[], bool],
        within_ns: int,
        look: Look | None = None,
        *,
        stops: bool = True,
    ) -> Steps:
        """Wait, or it is late."""
        if not (yield from self._wait(holds, within_ns, look, stops=stops)):
            raise Late(late)

    def _wait(
        self, holds: Callable[[], bool], within_ns: int, look: Look | None = None, *, stops: bool = True
    ) -> Steps:
        """Wait, while nothing ends the session.

        Args:
            holds: What is waited for.
            within_ns: How long.
            look: What else to look at.
            stops: Whether a stop of either side counts.
        """

        def looks() -> None:
            self._look_at_plug()
            self._look_at_peer(stops=stops)
            if look is not None:
                look()

        return (yield from self.until(holds, within_ns, looks))

    def _look_at_plug(self) -> None:
        if not self._plugged:
            raise Unplugged

    def _must_go_on(self, message: str, within_ns: int, late: str) -> None:
        """A message that the other side repeats must not have ceased."""
        if not self.speaker.since(message, self.clock.now_ns - within_ns):
            raise Late(late)
