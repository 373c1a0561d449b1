"""What is asked of the BMS at present, and what goes on because of that."""

from __future__ import annotations

from collections.abc import Callable

from hil.frames.keep_alive import Changing
from hil.frames.restbus import Entry, Source
from hil.rig.requests import KeepAlive
from hil.rig.schema import RigConfig
from twins.port import Computed


class Asked:
    """A slot for each request, which the restbus reads.

    Args:
        rig: The rig file.
        entry: Finds what is sent of a message.
        now_ns: Tells the present instant.
    """

    def __init__(self, rig: RigConfig, entry: Callable[[str], Entry], now_ns: Callable[[], int]) -> None:
        self._rig = rig
        self._entry = entry
        self._now_ns = now_ns
        self._slots = {name: [role.default] for name, role in rig.asked.items()}
        for name, role in rig.asked.items():
            entry(role.message).connect(role.signal, Source(self._slots[name], 0))
        for name, manner in rig.manners.items():
            if manner.keep_alive is not None:
                self._keep_alive(name, manner.keep_alive)
        self._silence()

    @property
    def values(self) -> dict[str, float]:
        """What is asked, by request."""
        return {name: slot[0] for name, slot in self._slots.items()}

    def ask(self, request: str, value: float) -> None:
        """From the next frame on a request has this value."""
        self._slots[request][0] = value
        self._silence()

    def rest(self) -> None:
        """Nothing is asked any more."""
        for name, role in self._rig.asked.items():
            self._slots[name][0] = role.default
        self._silence()

    def _keep_alive(self, request: str, kept: KeepAlive) -> None:
        """Let a signal change for as long as a request is asked."""
        entry, slot = self._entry(kept.message), self._slots[request]
        default = self._rig.requests[request].default
        slack_ns = (entry.message.slot_ns or 0) // 2
        values = Changing(kept.values, kept.every_ns, slack_ns, self._now_ns, lambda: slot[0] != default)
        entry.connect(kept.signal, Source(Computed([values]), 0))

    def _silence(self) -> None:
        """What is sent only while something is asked is not sent while nothing is."""
        for message, is_wanted in self._rig.wanted(self.values).items():
            self._entry(message).idle = not is_wanted
