"""A vehicle in a rig: the BMS's frames bind the drive, and the cycle is driven."""

from __future__ import annotations

from pathlib import Path

from tests.flow.conftest import Hil

DRIVES = '''
import pytest
from hil.errors import UsageError

def test_the_town(rig):
    """The micro-bus drives the regulation's cycle, and the BMS lets it."""
    rig.operate()
    driven = rig.drive("ece-15")
    assert driven.wanted_m == pytest.approx(1014.6, abs=0.1)
    assert driven.distance_m == pytest.approx(driven.wanted_m, rel=0.01)
    assert rig.truth("pack.soc") < 0.6
    rig.run_for("50 ms")
    assert rig.truth("drive.enable") == 0.0

def test_a_hot_pack(rig):
    """The BMS takes its limit back as a cell grows hot; the vehicle feels it."""
    rig.operate()
    cold = rig.drive("ece-15", for_="100 s")
    with rig.fault("temperature", sensor=1, value=54.5):
        rig.run_for("2 s")
        limit_A = rig.truth("drive.discharge_limit")
        hot = rig.drive("ece-15", for_="100 s")
    assert 0.0 < limit_A < 80.0
    assert hot.distance_m < 0.99 * cold.distance_m

def test_no_cycle(rig):
    """A cycle that is not there is told with what is."""
    with pytest.raises(UsageError, match="there is no such cycle"):
        rig.drive("yord")
'''


def test_a_micro_bus_drives_in_a_test(hil: Hil, tmp_path: Path) -> None:
    (tmp_path / "test_drives.py").write_text(DRIVES)
    run = hil("run", "micro-bus", "--", "test_drives.py")
    assert run.verdicts == ["pass"] * 3, run.said
    assert "drove 1014 m of 1015 m of ece-15" in run.said + (run.out / "record.jsonl").read_text()


def test_without_a_vehicle_the_test_is_skipped_with_the_reason(hil: Hil, tmp_path: Path) -> None:
    (tmp_path / "test_drives.py").write_text('def test_it(rig):\n    rig.drive("ece-15")\n')
    run = hil("run", "laptop", "--", "test_drives.py")
    assert "the rig file has no [vehicle]" in run.said
