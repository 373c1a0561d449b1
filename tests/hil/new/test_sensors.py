"""Ranges of sensors that their signals hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.frames.database import load_database
from hil.new.guess import Guess
from hil.new.sensors import holds_less, sensors_text


@pytest.mark.parametrize(
    ("port", "signal", "lines"),
    [
        ("cell_monitor.voltage[1]", '0|16@1+ (0.001,0) [0|4.5] "V"', ['cell_max = "4.5 V"']),
        ("cell_monitor.voltage[1]", '0|16@1+ (1,0) [0|4500] "mV"', ['cell_max = "4.5 V"']),
        ("cell_monitor.voltage[1]", '0|16@1+ (1,0) [0|6553] "mV"', []),
        (
            "cell_monitor.temperature[1]",
            '0|8@1- (1,0) [-30|60] "degC"',
            ["temperature_count = 1", 'temperature_max = "60 degC"', 'temperature_min = "-30 degC"'],
        ),
        ("current_sensor.current", '0|16@1- (0.1,0) [-300|500] "A"', ['current_max = "300 A"']),
        (
            "current_sensor.voltage_pack",
            '0|16@1+ (0.01,0) [0|655] "V"',
            ['voltage_max = "655 V"', 'voltage_min = "0 V"'],
        ),
        ("current_sensor.voltage_pack", '0|16@1- (0.1,0) [-100|2000] "V"', ['voltage_min = "-100 V"']),
        (
            "isolation.plus",
            '0|16@1+ (0.1,0) [0|1500] "kOhm"',
            ['isolation_max = "1.5 MOhm"', 'isolation = "1.5 MOhm"'],
        ),
        ("isolation.valid", '0|1@1+ (1,0) [0|1] ""', []),
        ("current_sensor.current", '0|16@1- (0.1,0) [-300|300] "km/h"', []),
    ],
)
def test_no_sensor_shows_more_than_its_signal_holds(
    tmp_path: Path, port: str, signal: str, lines: list[str]
) -> None:
    path = tmp_path / "a.dbc"
    path.write_text(f'VERSION ""\nBU_: X\nBO_ 1 M: 8 X\n SG_ S : {signal} X\n')
    text = sensors_text(Guess("BMS", ports={("M", "S"): port}), load_database([path]))
    found = [line.partition("  #")[0] for line in text.splitlines() if " = " in line]
    assert found == lines


@pytest.mark.parametrize(
    ("port", "signal", "less"),
    [
        ("cell_monitor.balancing_cells", '0|2@1+ (1,0) [0|3] ""', True),
        ("cell_monitor.balancing_cells", '0|4@1+ (1,0) [0|12] ""', False),
        ("cell_monitor.open_wire_tap", '0|4@1+ (1,0) [0|12] ""', True),  # there is one more
        ("cell_monitor.open_wire_tap", '0|4@1+ (1,0) [0|13] ""', False),
        ("current_sensor.temperature", '0|8@1+ (1,0) [0|80] "degC"', True),
        ("current_sensor.temperature", '0|8@1+ (1,-50) [-50|200] "degC"', False),
        ("current_sensor.temperature", '0|16@1- (0.1,0) [-200|900] "degC"', False),
        ("drive.dc_voltage", '0|16@1+ (1,0) [0|1000] "V"', True),
        ("drive.dc_voltage", '0|32@1+ (1,0) [0|1600000] "mV"', False),
        ("current_sensor.current", '0|8@1+ (1,0) [0|80] "A"', False),  # [sensors] has its range
        ("contactor.main_plus.command", '0|1@1+ (1,0) [0|0] ""', False),
        ("drive.torque", '0|8@1+ (1,0) [0|80] "V"', False),
    ],
)
def test_a_signal_that_holds_less_than_a_port_of_fixed_range(
    tmp_path: Path, port: str, signal: str, less: bool
) -> None:
    path = tmp_path / "a.dbc"
    path.write_text(f'VERSION ""\nBU_: X\nBO_ 1 M: 8 X\n SG_ S : {signal} X\n')
    assert holds_less(load_database([path]).messages["M"].signals["S"], port, 12) == less
