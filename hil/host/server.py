"""The plant as a process of its own: one loop that serves buses and clients, at real-time priority if it may.

A client that holds the lease acts on the plant; others look on. Whoever holds it and falls silent, or goes
without a goodbye, has lost it, and the plant goes to its safe state. Commands are carried out between two
events, never within one, so that one that takes a while lets time pass meanwhile.
"""

from __future__ import annotations

import hmac
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from simpy.events import Event

from hil.bus.frame import Frame
from hil.bus.link import OWN
from hil.clock import NS_PER_MS, NS_PER_S, NS_PER_US, Alarm
from hil.errors import HealthError, HilError, UsageError
from hil.host.commands import ACTS, LOOKS, Commands
from hil.host.doors import is_same_user
from hil.host.identity import identity_of
from hil.host.peer import GoneError, Peer
from hil.host.protocol import (
    VERSION,
    Message,
    ProtocolError,
    error_to_json,
    pack_frame,
    pack_frames,
)
from hil.host.real import RealWorld
from hil.host.safe_log import SafeLog
from hil.realtime.clock import RealClock

_MOST_CLIENTS = 16
_LOOK_NS = 100 * NS_PER_MS  # at the lease, and at clients that take little
_SHOW_NS = NS_PER_MS  # frames wait for each other no longer than this
_NEWS_NS = 200 * NS_PER_US  # those of others no longer than this: a test may wait for one
_QUIET_NS = NS_PER_S
_STAMP_NS = {"receive": 0, "kernel": 200_000, "hardware": 5 * NS_PER_MS}  # from stamp to arrival

Work = tuple[str, Peer | None, Message]


class PlantServer:
    """Serves one world to its clients until it is told to end.

    Args:
        world: Plant and buses.
        listeners: Sockets at which clients come.
        log: Of safe states.
        token: What clients from elsewhere must know; empty: there are none.
        once: End when the first client that held the lease has gone.
        parent: The process that started this one, with which it ends; ``None``: it does not.
        rights: What the system has granted, in words.
    """

    def __init__(  # noqa: PLR0913 - all that is known at its start
        self,
        world: RealWorld,
        listeners: Sequence[socket.socket],
        log: SafeLog,
        *,
        token: str = "",
        once: bool = False,
        parent: int | None = None,
        rights: Sequence[str] = (),
    ) -> None:
        self.world = world
        self.clock: RealClock = world.real_clock
        self._listeners = listeners
        self._log = log
        self._token = token
        self._once = once
        self._parent = parent
        self._rights = list(rights)
        self._identity = identity_of(world.rig)
        self._peers: list[Peer] = []
        self._count = 0
        self._work: list[Work] = []
        self._ended = False
        self._holder: Peer | None = None
        self._heard_ns = self.clock.now_ns  # of the holder
        self._busy = False
        self._shown = bytearray()
        self._shown_count = 0
        self._has_news = False
        self._mark_ns = self._shown_ns = 0
        self._margin_ns = max((_STAMP_NS[m.link.stamps] for m in world.media.values()), default=0)
        self._commands = Commands(world)
        self._own: Mapping[str, Callable[[Peer, Message], Message]] = {
            "hello": self._hello,
            "lease": self._lease,
            "ping": lambda _peer, _message: {},
            "bye": self._bye,
        }
        world.tell = self._trouble
        for number, station in enumerate(world.stations.values()):
            station.medium.taps.append(self._tap(station.name, number))

    # -- the loop -----------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until told to end; the plant is in its safe state then."""
        clock = self.clock
        clock.before_wait = self._show
        for listener in self._listeners:
            clock.watch(listener.fileno(), lambda listener=listener: self._accept(listener))  # type: ignore[misc]
        self._alarm = Alarm(clock, self._look)
        clock.set_alarm(self._alarm, clock.now_ns + _LOOK_NS)
        try:
            while not self._ended:
                self._turn()
        finally:
            self._end()

    def end(self, reason: str) -> None:
        """End soon; may be called by a signal handler."""
        self._work.append(("end", None, {"reason": reason}))

    def _turn(self) -> None:
        """Let time pass until there is work, and do it."""
        try:
            self.clock.run_until_any(None, self._work)
            while self._work and not self._ended:
                self._busy = True
                self._do(*self._work.pop(0))
                self._busy = False
        except HilError as error:
            # of the plant itself, such as a value that no frame can carry: it cannot go on like that
            self._busy = False
            self._trouble(error, fatal=True)
            self._go_safe(f"the plant is in trouble: {error}")

    def _do(self, kind: str, peer: Peer | None, message: Message) -> None:
        if kind == "end":
            self._go_safe(message["reason"])
            self._ended = True
        elif kind == "lease":
            self._lose_lease(message["reason"])
        elif peer is not None and peer in self._peers:
            if kind == "gone":
                self._leave(peer, message["reason"])
            else:
                self._answer(peer, message)

    def _look(self, _event: Event) -> None:
        """Now and then: is the lease still good, has somebody gone?"""
        now_ns = self.clock.now_ns
        self.clock.set_alarm(self._alarm, now_ns + _LOOK_NS)
        holder, lease_ns = self._holder, self.world.rig.host.lease_ns
        if holder is not None and not self._busy and self.clock.real_ns - self._heard_ns > lease_ns:
            reason = f"{holder.name} gave no sign of life for {lease_ns / NS_PER_S:g} s"
            self._work.append(("lease", holder, {"reason": reason}))
            self._heard_ns = now_ns  # told once
        if self._parent is not None and os.getppid() != self._parent:
            self._parent = None
            self.end("the process that started this plant has gone")

    def _end(self) -> None:
        """Leave everything; also after an error."""
        with suppress(HilError):
            self._go_safe("the plant process ends")
        with suppress(HilError):
            if self.world.can_switch:
                self.world.switch_off()
        self.clock.before_wait = None
        for listener in self._listeners:
            self.clock.forget(listener.fileno())
            listener.close()
        self._alarm.cancel()
        try:
            self.world.close()
        finally:  # nothing is left that could be late
            for peer in list(self._peers):
                peer.finish()
                self._hang_up(peer)

    # -- clients ------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # it has gone already
            return
        connection.setblocking(False)
        if len(self._peers) >= _MOST_CLIENTS or not is_same_user(connection):
            connection.close()
            return
        self._count += 1
        peer = Peer(connection, self._count, trusted=listener.family == socket.AF_UNIX)
        self._peers.append(peer)
        self.clock.watch(peer.fileno(), lambda: self._hear(peer))

    def _hear(self, peer: Peer) -> None:
        """Take what a client says; it is done after the events that are due."""
        try:
            messages = peer.read()
        except GoneError:
            self._give_up(peer, "has gone without a goodbye")
        except ProtocolError as error:
            peer.tell({"error": error_to_json(error)})
            self._give_up(peer, f"speaks another language: {error}")
        else:
            if messages and peer is self._holder:
                self._heard_ns = self.clock.real_ns
            self._work += [("command", peer, message) for message in messages]

    def _give_up(self, peer: Peer, reason: str) -> None:
        """Read no more of a client; its descriptor would wake the loop again and again."""
        self.clock.forget(peer.fileno())
        self._work.append(("gone", peer, {"reason": reason}))

    def _leave(self, peer: Peer, reason: str) -> None:
        """A client has gone."""
        self._hang_up(peer)
        if peer is self._holder:
            self._holder = None
            self._go_safe(f"{peer.name} {reason}")
            if self._once:
                self._ended = True

    def _hang_up(self, peer: Peer) -> None:
        self.clock.forget(peer.fileno())
        peer.close()
        self._peers.remove(peer)

    def _lose_lease(self, reason: str) -> None:
        holder, self._holder = self._holder, None
        if holder is not None and holder in self._peers:
            holder.tell({"event": "lease lost", "reason": reason})
        self._go_safe(reason)

    # -- what clients are shown ---------------------------------------------------------------

    def _tap(self, name: str, number: int) -> Callable[[Frame], None]:
        commands = self._commands

        def tap(frame: Frame) -> None:
            self._shown += pack_frame(frame, number)
            self._shown_count += 1
            if frame.sender != OWN:
                self._has_news = True
            for message in commands.carried(name, frame):
                if self._holder is not None:
                    self._holder.tell(message)

        return tap

    def _show(self) -> int:
        """Send what has come together, unless that was just done; how long the rest may wait, in ns."""
        now_ns = self.clock.seen_ns
        next_ns = self._shown_ns + (_NEWS_NS if self._has_news else _SHOW_NS)
        if now_ns < next_ns:
            return next_ns - now_ns if self._shown_count else _QUIET_NS
        self._shown_ns, self._has_news = now_ns, False
        heard = [medium.heard_until(self.clock.heard_ns) for medium in self.world.media.values()]
        self._mark_ns = max(self._mark_ns, min(heard, default=now_ns))
        block = pack_frames(self._mark_ns, bytes(self._shown))
        count, self._shown_count = self._shown_count, 0
        self._shown.clear()
        for peer in list(self._peers):
            peer.show(block, count)
            self._flush(peer)
        self.clock.look()  # that took a while
        return _QUIET_NS

    def _flush(self, peer: Peer) -> None:
        try:
            peer.flush()
        except GoneError:
            self._give_up(peer, "has gone without a goodbye")

    def _trouble(self, error: HilError, fatal: bool) -> None:
        """Tell everybody; to one who has just come it is told too."""
        sys.stderr.write(f"hil plant: {error}\n")
        sys.stderr.flush()
        for peer in self._peers:
            peer.tell({"event": "trouble", "fatal": fatal, "error": error_to_json(error)})

    # -- the safe state -----------------------------------------------------------------------

    def _go_safe(self, reason: str) -> None:
        """Go to the safe state, unless that is where the plant is; time passes."""
        if self._commands.is_safe:
            return
        self._log.entered(reason, self.world.now_ns)
        safe = self._commands.go_safe()
        self._log.reached(reason, self.world.now_ns, safe)

    # -- commands -----------------------------------------------------------------------------

    def _answer(self, peer: Peer, message: Message) -> None:
        """Carry out a command, and say how that went."""
        answer: Message = {"n": message.pop("n", None)}
        try:
            answer["ok"] = self._carry_out(peer, message)
        except HilError as error:
            answer["error"] = error_to_json(error)
        except (KeyError, TypeError, ValueError) as error:
            answer["error"] = error_to_json(ProtocolError(f"a command that makes no sense: {error!r}"))
        answer["now_ns"] = self.clock.real_ns
        if peer is self._holder:
            self._heard_ns = self.clock.real_ns  # a command may have taken a while
        if peer in self._peers:
            peer.tell(answer)
            self._flush(peer)

    def _carry_out(self, peer: Peer, message: Message) -> Message:
        name = str(message.pop("do", ""))
        if not peer.greeted and name != "hello":
            raise ProtocolError("say hello first")
        if name in self._own:
            return self._own[name](peer, message)
        if name not in ACTS and name not in LOOKS:
            raise ProtocolError(f"there is no command {name!r}")
        if name in ACTS and peer is not self._holder:
            reason = f"{peer.name} does not hold the plant's lease"
            raise HealthError(reason, remedy="it was silent for too long, or never took it")
        answer = self._commands.carry_out(name, message)
        if name == "status":
            answer["holder"] = self._holder.name if self._holder else ""
        return answer

    def _hello(self, peer: Peer, message: Message) -> Message:
        if not peer.trusted and not hmac.compare_digest(self._token, str(message.get("token", ""))):
            self._give_up(peer, "has no token")
            raise UsageError("wrong token", remedy="the plant's token file has the right one")
        if message.get("version") != VERSION:
            version = message.get("version")
            raise ProtocolError(f"the plant speaks version {VERSION} of its protocol, not {version}")
        peer.greeted = True
        peer.name = str(message.get("name", peer.name))
        peer.wants_frames = bool(message.get("frames"))
        rig = self.world.rig
        return {
            "version": VERSION,
            "pid": os.getpid(),
            "rig": {"name": rig.name, "title": rig.title, "path": str(rig.path)},
            "identity": self._identity,
            "lease_ns": rig.host.lease_ns,
            "buses": {
                name: {"stamps": medium.link.stamps, "precision_ns": medium.link.precision_ns}
                for name, medium in self.world.media.items()
            },
            "margin_ns": self._margin_ns,
            "rights": self._rights,
            "safe_log": str(self._log.path),
        }

    def _lease(self, peer: Peer, _message: Message) -> Message:
        if self._holder is not None and self._holder is not peer:
            reason = f"the plant is held by {self._holder.name}"
            raise UsageError(reason, remedy="wait for its end, or end it")
        self._holder = peer
        return {}

    def _bye(self, peer: Peer, _message: Message) -> Message:
        if peer is self._holder:
            self._holder = None
            self._go_safe(f"{peer.name} has left")
            if self._once:
                self.end(f"{peer.name} has left")
        return {}
