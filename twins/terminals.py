"""What may flow at a pack's terminals: the current of a power, and what keeps every cell in its window."""

from __future__ import annotations

from math import inf, isfinite, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from twins.pack import Pack


def current_for_power(emf_V: float, resistance_Ohm: float, power_W: float) -> float:
    """Current in A at which an EMF behind a resistance gives this power; > 0 discharges.

    The smaller root of ``P = (E - R I) I``: the one that loses less in the resistance.

    Raises:
        ValueError: It cannot give that much: the most is ``E^2 / 4R``.
    """
    under_root = emf_V * emf_V - 4.0 * resistance_Ohm * power_W
    if not isfinite(under_root) or under_root < 0.0:
        most_W = emf_V * emf_V / (4.0 * resistance_Ohm)
        raise ValueError(f"{power_W:.6g} W is more than the {most_W:.4g} W that it can give")
    # 2P / (E + root) is (E - root) / 2R without the difference of two large numbers.
    return 2.0 * power_W / (emf_V + sqrt(under_root))


def window_currents(pack: Pack, low_V: float, high_V: float) -> tuple[float, float]:
    """Most charging (<= 0) and most discharging (>= 0) current in A with each cell within the window.

    Voltages answer a current at once by each cell's resistance, and straight: two solutions of the
    pack tell the line of each group. What the cells relax to afterwards is not in it.
    """
    before = pack.current_A
    probe = pack.capacity_Ah
    pack.current_A = 0.0
    rest = pack.cell_voltages()
    pack.current_A = probe
    loaded = pack.cell_voltages()
    pack.current_A = before
    slope = (rest - loaded) / probe
    with np.errstate(divide="ignore", invalid="ignore"):
        discharge = np.where(slope > 0.0, (rest - low_V) / slope, inf).min()
        charge = np.where(slope > 0.0, (rest - high_V) / slope, -inf).max()
    return min(0.0, float(charge)), max(0.0, float(discharge))
