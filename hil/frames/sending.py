"""When a message goes out: in each cycle, in phases of a protocol, or on a change; and how a DBC says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

NS_PER_MS = 1_000_000
_NEVER_NS = -(1 << 62)
LOOK_NS = 5 * NS_PER_MS  # a change is seen after so long at the latest

SendType = Literal["cyclic", "in-phases", "on-change", "on-change-and-cyclic"]

_CHANGES = ("spontan", "event", "trigger", "change", "onwrite")


def send_type_of(text: str) -> SendType:
    """What a DBC file's ``GenMsgSendType`` means, in any of the spellings that tools write."""
    said = text.lower().replace("_", "").replace(" ", "")
    if "ifactive" in said:
        return "in-phases"
    if any(word in said for word in _CHANGES):
        return "on-change-and-cyclic" if "cyclic" in said or "periodic" in said else "on-change"
    return "cyclic"


@dataclass(frozen=True)
class OnChange:
    """That a message goes out when its content changes.

    Attributes:
        min_interval_ns: Two of its frames are so far apart at least; 0: no matter how near.
    """

    min_interval_ns: int = 0

    @property
    def look_ns(self) -> int:
        """How often its content is looked at."""
        return min(LOOK_NS, self.min_interval_ns or LOOK_NS)


class ChangeWatch:
    """Which groups of an event-driven message are due; a message without a multiplexor is one group.

    Args:
        rule: When it goes out.
        heartbeat_ns: A group that has not changed goes out again after so long; ``None``: never.
        all_at_once: Whether all groups that are due go out together, or one at a time.
    """

    def __init__(self, rule: OnChange, heartbeat_ns: int | None, *, all_at_once: bool) -> None:
        self._rule = rule
        self._heartbeat_ns = heartbeat_ns
        self._all_at_once = all_at_once
        self._known: dict[int, bytes] = {}
        self._sent_ns: dict[int, int] = {}

    def begin(self, known: Sequence[bytes]) -> None:
        """Begin anew; what a group is known to carry need not be said."""
        self._known = dict(enumerate(known))
        self._sent_ns.clear()

    def is_open(self, now_ns: int) -> bool:
        """Whether the last frame is long enough ago for another one."""
        return all(now_ns - sent_ns >= self._rule.min_interval_ns for sent_ns in self._sent_ns.values())

    def due(self, contents: Sequence[bytes], now_ns: int) -> list[int]:
        """The groups that go out now; those that have waited longest come first."""
        found = list(self._waiting(contents, now_ns))
        found.sort(key=self._last_ns)
        return found if self._all_at_once else found[:1]

    def sent(self, group: int, content: bytes, now_ns: int) -> None:
        """A group has gone out."""
        self._known[group] = content
        self._sent_ns[group] = now_ns

    def _waiting(self, contents: Sequence[bytes], now_ns: int) -> Iterator[int]:
        heartbeat_ns = self._heartbeat_ns
        for group, content in enumerate(contents):
            is_silent = heartbeat_ns is not None and now_ns - self._last_ns(group) >= heartbeat_ns
            if is_silent or content != self._known.get(group):
                yield group

    def _last_ns(self, group: int) -> int:
        """When a group went out last; before all time, if it never did."""
        return self._sent_ns.get(group, _NEVER_NS)
