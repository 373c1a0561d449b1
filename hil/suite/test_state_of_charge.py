"""B. State estimation, against the truth of the twin."""

from __future__ import annotations

import pytest

from hil import Rig
from hil.suite.protections import within_limits

# C-rate and duration in s (longer where the pack may give less): a quarter of it goes, some comes back
_PROFILE = ((1.8, 240.0), (0.0, 10.0), (-0.6, 90.0), (1.8, 240.0), (0.0, 10.0))


@pytest.mark.case(10)
@pytest.mark.parametrize(
    "share",
    [
        pytest.param(share, id=f"{share:.0%}", marks=pytest.mark.initial(pack__soc=share))
        for share in (0.2, 0.4, 0.6, 0.8)
    ],
)
def test_soc_at_power_on_after_a_rest(rig: Rig, share: float) -> None:
    """A BMS that knows nothing finds its SOC by the voltage of the rested cells."""
    tolerance = rig.limits["accuracy_soc"].tolerance * 100
    rig.run_for("3 s")
    rig.agrees("soc", share * 100, tolerance)


@pytest.mark.case(10)
@pytest.mark.initial(pack__soc=0.9)
def test_soc_follows_a_profile_of_discharge_and_regeneration(rig: Rig) -> None:
    """The reported SOC stays within its tolerance of the truth, and moves as far as the truth does."""
    tolerance = rig.limits["accuracy_soc"].tolerance * 100
    rig.track("soc", "pack.soc", scale=100.0)
    rig.operate()
    first, begin = rig.value("soc"), rig.truth("pack.soc") * 100
    rig.set("drive.enable", 1.0)
    for rate, seconds in _PROFILE:
        wanted = rate * rig.truth("pack.capacity")
        current = within_limits(rig, wanted)
        longer = wanted / current if current else 1.0
        rig.step(f"{current:g} A for {seconds * longer:.0f} s")
        rig.set("drive.current_request", current)
        rig.run_for(round(seconds * longer * 1e9))
        rig.agrees("soc", rig.truth("pack.soc") * 100, tolerance)
    moved = begin - rig.truth("pack.soc") * 100
    error = first - rig.value("soc") - moved
    rig.bounded("SOC really taken", moved, low=15.0, unit="%")
    rig.bounded("error of the SOC's change", abs(error), high=tolerance / 2, unit="%")
