"""The limits as a test sees them: what the rig file does not promise cannot be asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from hil.rig.known import LIMITS
from hil.rig.limits import Limit
from hil.rig.mistakes import lacking


class Limits(Mapping[str, Limit]):
    """The limits by name; one that the rig file does not give skips the test.

    Args:
        limits: All that there are.
        proves: Called with the requirement behind a limit when a test takes that limit, each once.
    """

    def __init__(self, limits: Mapping[str, Limit], proves: Callable[[str], None]) -> None:
        self._limits = limits
        self._proves = proves
        self._taken: set[str] = set()

    def __getitem__(self, name: str) -> Limit:
        limit = self.beside(name)
        if limit.requirement and limit.requirement not in self._taken:
            self._taken.add(limit.requirement)
            self._proves(limit.requirement)
        return limit

    def beside(self, name: str) -> Limit:
        """A limit that a test only keeps clear of: it proves nothing about it.

        Raises:
            NotOfferedError: If the rig file does not give it.
            UsageError: If the name is a slip of the pen.
        """
        try:
            return self._limits[name]
        except KeyError:
            known = name in LIMITS
            raise lacking("limit", name, self._limits, is_known=known, gives="promises") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._limits)

    def __len__(self) -> int:
        return len(self._limits)

    def __contains__(self, name: object) -> bool:
        return name in self._limits
