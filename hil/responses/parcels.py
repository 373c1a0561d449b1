"""Long messages as the frames that they would be if a frame could be so long, to be decoded as all are."""

from __future__ import annotations

from hil.bus.frame import Frame
from hil.frames.database import Database, Message
from hil.frames.j1939 import EVERYBODY, parse
from hil.frames.overhear import Overhearer


class Whole(Frame):
    """A long message: on the wire there is no such frame."""

    __slots__ = ()


class Parcels:
    """The long messages of one bus that its DBC files know.

    Args:
        database: The layouts of the bus.
    """

    def __init__(self, database: Database) -> None:
        self._overhearer = Overhearer()
        self._by_group: dict[tuple[int, int], list[Message]] = {}  # by PGN and source
        for message in database.messages.values():
            if message.may_be_long:
                self._by_group.setdefault(parse(message.id)[1::2], []).append(message)

    def __bool__(self) -> bool:
        return bool(self._by_group)

    def hear(self, frame: Frame) -> Whole | None:
        """Take a frame; the long message whose last packet it was: it has that packet's time and sender."""
        if not frame.extended or frame.error or frame.remote:
            return None
        parcel = self._overhearer.hear(frame.id, frame.data, frame.t_ns)
        message = None if parcel is None else self._layout(parcel.pgn, parcel.source, parcel.destination)
        if parcel is None or message is None:
            return None
        whole = Whole(message.id, parcel.data, extended=True, sender=frame.sender)
        whole.t_ns, whole.start_ns = frame.t_ns, frame.start_ns
        return whole

    def broken(self, message: str, since_ns: int, now_ns: int) -> list[tuple[int, str]]:
        """When after an instant, and why, messages of a name did not get through; oldest first."""
        self._overhearer.settle(now_ns)
        found = []
        for one in self._overhearer.broken:
            layout = self._layout(one.pgn, one.source, one.destination)
            if one.t_ns > since_ns and layout is not None and layout.name == message:
                found.append((one.t_ns, one.reason))
        return found

    def _layout(self, pgn: int, source: int, destination: int) -> Message | None:
        """One to everybody, by its identifier, may also be handed to somebody alone."""
        for message in self._by_group.get((pgn, source), ()):
            if parse(message.id)[2] in (EVERYBODY, destination):
                return message
        return None
