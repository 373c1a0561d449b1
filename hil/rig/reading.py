"""What a role makes of a frame, where that is more than one signal's value."""

from __future__ import annotations

from dataclasses import dataclass

Values = tuple[float | None, ...]

UNNAMED = -1.0  # of a combination that has no name


@dataclass(frozen=True)
class Reading:
    """How a frame's values become that of a role.

    Attributes:
        index: Of the signal among the message's values.
        mask: Bits of it that count, shifted down; 0: all.
        others: Of further signals, combined with the first.
        combinations: Values of all these signals; the role's value is the number of the first that fits.
            ``None`` fits every value.
        when: Index, lowest and highest value of signals: frames in which one is outside say nothing of the
            role.
        turns: Frames of the message until its turn comes again.
        scale, offset: Of a quantity: the role's value is the signal's * scale + offset.
        numbers: Values of the BMS, and what tests have in their place.
    """

    index: int
    mask: int = 0
    others: tuple[int, ...] = ()
    combinations: tuple[tuple[float | None, ...], ...] = ()
    when: tuple[tuple[int, float, float], ...] = ()
    turns: int = 1
    scale: float = 1.0
    offset: float = 0.0
    numbers: tuple[tuple[float, float], ...] = ()

    def of(self, values: Values) -> float | None:
        """The role's value in a frame; ``None`` if the frame says nothing of it."""
        value = self._plain(values)
        if value is None or not self.numbers:
            return value
        for was, number in self.numbers:
            if was == value:
                return number
        return UNNAMED if any(number == value for _, number in self.numbers) else value

    def _plain(self, values: Values) -> float | None:
        for index, low, high in self.when:
            said = values[index]
            if said is None or not low <= said <= high:
                return None
        value = values[self.index]
        if value is None:
            return None
        if self.mask:
            return float((int(value) & self.mask) // (self.mask & -self.mask))
        return self._combined(values) if self.combinations else value * self.scale + self.offset

    def _combined(self, values: Values) -> float:
        said = [values[self.index], *(values[index] for index in self.others)]
        for number, wanted in enumerate(self.combinations):
            if all(want is None or want == value for want, value in zip(wanted, said, strict=True)):
                return float(number)
        return UNNAMED
