"""The suite on the rigs whose BMS speaks other messages: a part of it that goes through every layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flow.conftest import Hil

PART = (
    "overvoltage_of_a_cell or none_is_swapped or temperature_sensor_is_read or broken_protection or on_time "
    "or charge_session or marked_invalid or fault_memory"
)


@pytest.mark.parametrize(("rig", "least"), [("fd", 40), ("modular", 56), ("storage", 17), ("truck", 56)])
def test_a_part_of_the_suite_passes(hil: Hil, rig: str, least: int) -> None:
    run = hil("run", rig, "-k", PART)
    assert set(run.verdicts) <= {"pass", "skipped"}, run.said
    assert run.verdicts.count("pass") >= least


SENDING = """
extends = "modular.toml"
[bus.pack.messages]
VCU_Command = { send = "on-change", heartbeat = "100 ms", min_interval = "20 ms" }
"SMC*" = { groups = "all" }
"""


def test_a_bms_hears_requests_on_a_change_and_all_groups_at_once(hil: Hil, tmp_path: Path) -> None:
    (tmp_path / "rig.toml").write_text(SENDING)
    run = hil("run", tmp_path / "rig.toml", "-k", "overvoltage_of_a_cell or none_is_swapped")
    assert set(run.verdicts) == {"pass"}, run.said
