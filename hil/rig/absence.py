"""What it means that nothing is heard of a role, for one that is sent only while it is set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Seen = tuple[int, float]  # bus timestamp in ns, value

ABSENT = 0.0  # the value of a role of which nothing is heard


@dataclass(frozen=True)
class Absence:
    """That a role which has not been heard for a time is not set.

    Attributes:
        after_ns: How long.
        every_ns: While it is absent, it counts as said so often.
    """

    after_ns: int
    every_ns: int

    def fill(self, rows: Sequence[Seen], since_ns: int, until_ns: int) -> list[Seen]:
        """What was said after an instant, and between it that the role was absent.

        Args:
            rows: What was said, from ``after_ns`` before the instant on.
            since_ns: The instant.
            until_ns: The present.
        """
        said = [row for row in rows if row[0] > since_ns]
        before = [t_ns for t_ns, _ in rows if t_ns <= since_ns]
        last_ns = before[-1] if before else since_ns - self.after_ns
        found: list[Seen] = []
        for row in said:
            found += self._gap(last_ns, since_ns, row[0])
            found.append(row)
            last_ns = row[0]
        found += self._gap(last_ns, since_ns, until_ns + 1)
        return found

    def next_ns(self, last_ns: int | None, now_ns: int) -> int:
        """When it counts as absent next, if nothing is heard until then; ``None``: it was never heard."""
        begins_ns = now_ns if last_ns is None else last_ns + self.after_ns
        return begins_ns if begins_ns > now_ns else now_ns + self.every_ns

    def _gap(self, last_ns: int, since_ns: int, end_ns: int) -> Iterator[Seen]:
        for t_ns in range(last_ns + self.after_ns, end_ns, self.every_ns):
            if t_ns > since_ns:
                yield t_ns, ABSENT
