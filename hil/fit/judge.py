"""Judge a cell file: the cell core under the recorded current, against the recorded voltage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from hil.fit.columns import Array
from twins.cell.fit import Mask, Trace
from twins.pack import Pack, PackConfig


@dataclass(frozen=True)
class Judged:
    """How well a cell file follows one test; samples outside the file's ``# soc:`` do not count."""

    trace: Trace
    modelled: Array
    left_out: bool

    @property
    def error(self) -> Array:
        """Measured less modelled in V, shape (samples,)."""
        return np.subtract(self.trace.voltage, self.modelled)

    def rms_mV(self, low: float = -1.0, high: float = 2.0) -> float:
        """Root mean square between two states of charge; nan if the test has nothing there."""
        inside = self._inside(low, high)
        return float(1e3 * np.sqrt(np.mean(self.error[inside] ** 2))) if inside.any() else float("nan")

    def reaches(self, low: float, high: float) -> bool:
        """Whether the test has anything between two states of charge."""
        return bool(self._inside(low, high).any())

    def _inside(self, low: float, high: float) -> Mask:
        soc = self.trace.soc
        return cast("Mask", (soc >= low) & (soc <= high) & self.trace.used)

    @property
    def largest_mV(self) -> float:
        """Of all that counts."""
        return float(1e3 * np.abs(self.error[self.trace.used]).max())


def judge(cell: Path, trace: Trace, *, left_out: bool) -> Judged:
    """The core's voltage of a cell file at each sample.

    State of charge and temperature are those of the recording at each sample: what is judged is the
    voltage, not the count of charge, and a test's own capacity differs a little from the file's.
    """
    pack = Pack(PackConfig(str(cell), 1, ambient_degC=trace.mean_degC))
    pack.hysteresis[:] = trace.start_h
    current = (trace.current * (pack.cell.capacity_Ah / trace.capacity_Ah)).tolist()
    modelled = np.empty(len(current))
    held = 0.0  # the current before, until this sample
    for k, (now, soc, celsius) in enumerate(zip(current, trace.soc, trace.temperature_degC, strict=True)):
        pack.advance(held, trace.dt_s)
        pack.soc[:] = soc
        pack.temperatures_degC[:] = celsius
        pack.refresh()
        modelled[k] = pack.emf_V - now * pack.resistance_Ohm
        held = now
    return Judged(trace, modelled, left_out)
