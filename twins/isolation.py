"""What lies between the high-voltage poles and the chassis.

Each pole has its sound isolation on the pack's side. A leak is a resistance beside it: on the pack's side
of the contactors, on the link's side (seen only while that pole's contacts are closed), or inside the pack.
Two leaks are a current path from plus to minus by way of the chassis. What sound isolation alone would
draw, some 80 uA of 320 V, is left out of the circuit.
"""

from __future__ import annotations

from math import inf
from typing import Any

POLES = ("plus", "minus")
SIDES = ("pack", "link")


class Isolation:
    """Resistances to the chassis.

    Attributes:
        sound_Ohm: What each pole has while nothing is broken.
        leaks: Whether anything is broken.
    """

    def __init__(self, sound_Ohm: float) -> None:
        self.sound_Ohm = sound_Ohm
        self.reset()

    def reset(self) -> None:
        """Nothing leaks; all contacts open."""
        self._leak_S = {(pole, side): 0.0 for pole in POLES for side in SIDES}
        self._inside = (0.0, 0.0)  # conductance, and where between minus (0) and plus (1)
        self._joined = dict.fromkeys(POLES, False)
        self.leaks = False

    def join(self, *, plus: bool, minus: bool) -> None:
        """Which poles of the link are joined to the pack's."""
        self._joined = {"plus": plus, "minus": minus}

    def leak(self, pole: str, isolation_Ohm: float | None, side: str = "pack") -> None:
        """Let a pole leak to the chassis, or mend it with ``None``.

        Args:
            pole: ``plus`` or ``minus``.
            isolation_Ohm: What the leak and the sound isolation, in parallel, leave together.
            side: ``pack`` or ``link``, of the contactors.

        Raises:
            ValueError: If there is no such pole or side, or no leak leaves that much.
        """
        if pole not in POLES:
            raise ValueError(f"there is no pole {pole!r}: {', '.join(POLES)}")
        if side not in SIDES:
            raise ValueError(f"there is no side {side!r}: {', '.join(SIDES)}")
        self._leak_S[pole, side] = self._beside(isolation_Ohm)
        self._look()

    def leak_inside(self, share: float, isolation_Ohm: float | None) -> None:
        """Let the cells leak to the chassis at a place between minus (0) and plus (1), or mend it.

        Raises:
            ValueError: If it is not within the pack, or no leak leaves that much.
        """
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"a leak inside the pack lies between 0 (minus) and 1 (plus), not at {share:g}")
        self._inside = (self._beside(isolation_Ohm), share)
        self._look()

    def _beside(self, isolation_Ohm: float | None) -> float:
        """The conductance that leaves so much beside the sound isolation."""
        sound = self.sound_Ohm
        if isolation_Ohm is None or isolation_Ohm == sound:
            return 0.0
        if not 0.0 <= isolation_Ohm <= sound:
            raise ValueError(f"a leak leaves between 0 and {sound:g} Ohm, not {isolation_Ohm:g}")
        return (1.0 / isolation_Ohm - 1.0 / sound) if isolation_Ohm else inf

    def _look(self) -> None:
        self.leaks = bool(any(self._leak_S.values()) or self._inside[0])

    def _poles_S(self) -> tuple[float, float]:
        """Conductance of plus and minus to the chassis, sound isolation and all that is joined."""
        sound_S = 1.0 / self.sound_Ohm if self.sound_Ohm else inf
        plus_S, minus_S = (
            sound_S + self._leak_S[pole, "pack"] + (self._leak_S[pole, "link"] if self._joined[pole] else 0.0)
            for pole in POLES
        )
        return plus_S, minus_S

    @property
    def seen_Ohm(self) -> tuple[float, float]:
        """What a monitor at the pack's side finds at plus and minus.

        A leak inside the pack looks like one at either pole, shared by its voltage.
        """
        plus_S, minus_S = self._poles_S()
        leak_S, share = self._inside
        plus_S += share * leak_S if share else 0.0
        minus_S += (1.0 - share) * leak_S if share < 1.0 else 0.0
        return 1.0 / plus_S, 1.0 / minus_S

    @property
    def chassis_share(self) -> float:
        """The chassis' potential between minus (0) and plus (1)."""
        plus_Ohm, minus_Ohm = self.seen_Ohm
        return minus_Ohm / (plus_Ohm + minus_Ohm) if plus_Ohm + minus_Ohm else 0.5

    @property
    def across_S(self) -> float:
        """Conductance from plus to minus by way of the chassis; 0 while nothing leaks at a pole."""
        if not any(self._leak_S.values()):
            return 0.0
        plus_S, minus_S = self._poles_S()
        path_Ohm = (1.0 / plus_S if plus_S else inf) + (1.0 / minus_S if minus_S else inf)
        return 1.0 / max(path_Ohm, _CHASSIS_Ohm)

    def save(self) -> dict[str, Any]:
        """The whole state."""
        return {
            "leaks": [self._leak_S[pole, side] for pole in POLES for side in SIDES],
            "inside": list(self._inside),
            "joined": [self._joined[pole] for pole in POLES],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave."""
        keys = [(pole, side) for pole in POLES for side in SIDES]
        self._leak_S = dict(zip(keys, state["leaks"], strict=True))
        leak_S, share = state["inside"]
        self._inside = (leak_S, share)
        self._joined = dict(zip(POLES, state["joined"], strict=True))
        self._look()


_CHASSIS_Ohm = 1e-3  # of two dead shorts to the chassis: the metal between them
