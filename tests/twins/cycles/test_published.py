"""Published drive cycles are read as what they are: only where HIL_CYCLES names the folder of their files."""

import os
from pathlib import Path

import pytest

from twins.cycles import csv_file

FOLDER = os.environ.get("HIL_CYCLES")
pytestmark = pytest.mark.skipif(not FOLDER, reason="HIL_CYCLES does not name the folder of the cycles")

# duration in s, distance in km and highest speed in km/h: UN GTR 15 (WLTC), 40 CFR 86 App. I (d) (UDDS for
# heavy-duty vehicles), UN R83 (ECE-15), and the summaries of DieselNet for the others
PUBLISHED = {
    "wltc_3b": (1800.0, 23.27, 131.3),
    "hd_udds": (1060.0, 8.94, 93.3),
    "manhattan_bus": (1089.0, 3.32, 40.9),
    "orange_county_bus": (1909.0, 10.53, 65.4),
    "epa_gem_arb_transient": (668.0, 4.58, 76.4),
    "ece15": (195.0, 0.99, 50.0),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_cycle_has_its_published_figures(name: str) -> None:
    cycle = csv_file.read(Path(str(FOLDER)) / f"{name}.csv")
    duration_s, distance_km, highest_kmh = PUBLISHED[name]
    assert cycle.duration_s == pytest.approx(duration_s, abs=1.0)
    assert cycle.distance_m / 1000.0 == pytest.approx(distance_km, rel=0.02)
    assert cycle.speed_mps.max() * 3.6 == pytest.approx(highest_kmh, rel=0.01)


def test_a_yard_tractor_is_slow_and_stands_much() -> None:
    cycle = csv_file.read(Path(str(FOLDER)) / "yard_tractor_typical.csv")
    assert cycle.duration_s == pytest.approx(22_248.0, abs=1.0)  # as its source says
    assert cycle.idle_share > 0.25
    assert cycle.speed_mps.max() < 60.0 / 3.6
