"""The limits as a test sees them: what the rig file does not promise cannot be asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hil.errors import NotOfferedError, UsageError
from hil.rig.limits import Limit
from hil.rig.mistakes import slip_of


class Limits(Mapping[str, Limit]):
    """The limits by name; one that the rig file does not give skips the test."""

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self._limits = limits

    def __getitem__(self, name: str) -> Limit:
        try:
            return self._limits[name]
        except KeyError:
            near = slip_of(name, self._limits)
            if near:
                raise UsageError(
                    f"no limit is called {name!r}", remedy=f"did you mean {near!r}?"
                ) from None
            raise NotOfferedError(f"the rig file promises no limit {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._limits)

    def __len__(self) -> int:
        return len(self._limits)

    def __contains__(self, name: object) -> bool:
        return name in self._limits
