"""A vehicle in a rig: the BMS's frames bind the drive, and the cycle is driven."""

from __future__ import annotations

from pathlib import Path

from tests.flow.conftest import Hil

DRIVES = '''
import pytest
from hil.errors import UsageError

def test_the_town_and_a_hot_pack(rig):
    """The micro-bus drives; as a cell grows hot the BMS takes its limit back, and the vehicle feels it."""
    rig.operate()
    cold = rig.drive("ece-15", for_="70 s")
    assert cold.wanted_m == pytest.approx(184.2, abs=0.1)  # 52.8 m and 131.4 m of its first two humps
    assert cold.distance_m == pytest.approx(cold.wanted_m, rel=0.01)
    rig.run_for("50 ms")
    assert rig.truth("drive.enable") == 0.0
    assert rig.truth("pack.soc") < 0.6
    with rig.fault("temperature", sensor=1, value=54.5):
        rig.run_for("2 s")
        limit_A = rig.truth("drive.discharge_limit")
        hot = rig.drive("ece-15", for_="70 s")
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
    assert run.verdicts == ["pass"] * 2, run.said
    told = (run.out / "record.jsonl").read_text(encoding="utf-8")
    assert "of 184 m of ece-15" in told


def test_without_a_vehicle_the_test_is_skipped_with_the_reason(hil: Hil, tmp_path: Path) -> None:
    (tmp_path / "test_drives.py").write_text('def test_it(rig):\n    rig.drive("ece-15")\n')
    run = hil("run", "laptop", "--", "test_drives.py")
    assert "the rig file has no [vehicle]" in run.said


CASCADIA = '''
def test_it_pulls(rig):
    """The BMS operates beside an inverter on a bus of its own, whose identifiers overlap its own."""
    rig.operate()
    rig.set("drive.enable", 1.0)
    rig.set("drive.torque_request", 200.0)
    rig.run_for("3 s")
    assert 199.0 < rig.truth("drive.torque") < 201.0
    assert rig.truth("drive.discharge_limit") > 100.0
    rig.stays("state", "operate", for_="500 ms")
'''


def test_a_cascadia_inverter_pulls_beside_the_bms(hil: Hil, tmp_path: Path) -> None:
    (tmp_path / "test_pulls.py").write_text(CASCADIA)
    run = hil("run", "cascadia", "--trace", "log", "--", "test_pulls.py")
    assert run.verdicts == ["pass"], run.said
