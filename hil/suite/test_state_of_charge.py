"""B. State estimation, against the truth of the twin."""

from __future__ import annotations

import pytest

from hil import Rig

_PROFILE = ((160.0, "120 s"), (0.0, "10 s"), (-80.0, "120 s"), (300.0, "60 s"), (0.0, "10 s"))


@pytest.mark.case(10)
def test_soc_follows_a_profile_of_discharge_and_regeneration(rig: Rig) -> None:
    """The reported SOC stays within its tolerance of the truth at every corner of the profile."""
    tolerance = rig.limits["accuracy_soc"].tolerance * 100
    rig.track("soc", "pack.soc", scale=100.0)
    rig.operate()
    rig.set("drive.enable", 1.0)
    for current, duration in _PROFILE:
        rig.step(f"{current:g} A for {duration}")
        rig.set("drive.current_request", current)
        rig.run_for(duration)
        rig.agrees("soc", rig.truth("pack.soc") * 100, tolerance)
