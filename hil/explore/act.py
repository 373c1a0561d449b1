"""One act of a life: what is done to the BMS, as a call of :class:`hil.explore.life.Life`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Act:
    """A call, as a test file writes it.

    Attributes:
        verb: Name of a method of the life.
        arguments: What it is given.
    """

    verb: str
    arguments: tuple[bool | float | str, ...] = ()

    def __str__(self) -> str:
        said = (f'"{given}"' if isinstance(given, str) else repr(given) for given in self.arguments)
        return f"{self.verb}({', '.join(said)})"

    @property
    def kind(self) -> str:
        """What a summary counts it as: the verb, with what is broken."""
        name = next((argument for argument in self.arguments if isinstance(argument, str)), "")
        is_time = name[:1].isdigit()
        return f"{self.verb} {name}" if name and not is_time else self.verb


Script = tuple[Act, ...]
