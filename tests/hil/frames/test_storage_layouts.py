"""Frames of stationary batteries, byte by byte, as the makers' tables have them."""

from __future__ import annotations

import cantools
import pytest

from hil.frames.database import load_database
from hil.rig.shipped import shipped_dbc

Values = dict[str, float]
FILES = ("storage_pylontech.dbc", "storage_sma_victron.dbc")


def limits(charge_volts: float, charge_amps: float, amps: float, volts: float) -> Values:
    names = ("ChargeVoltage", "ChargeCurrent", "DischargeCurrent", "DischargeVoltage")
    return dict(zip(names, (charge_volts, charge_amps, amps, volts), strict=True))


def active(*names: str) -> Values:
    return dict.fromkeys(names, 1)


def pack(file: str, message: str, values: Values) -> str:
    """The frame in hexadecimal; what is not named has its start value, else 0."""
    found = load_database([shipped_dbc()[file]]).messages[message]
    row = [values.get(name, signal.start_value) for name, signal in found.signals.items()]
    return f"{found.id:03X} {bytes(found.encode(row)).hex(' ').upper()}"


@pytest.mark.parametrize(
    ("message", "values", "frame"),
    [
        # 53.2 V = 0x214, 74.0 A = 0x2E4, 45.0 V = 0x1C2; little-endian
        (
            "Limits",
            limits(53.2, 74.0, 74.0, 45.0),
            "351 14 02 E4 02 E4 02 C2 01",
        ),
        ("State", {"Soc": 77, "Soh": 100}, "355 4D 00 64 00"),
        # 49.94 V = 4994 = 0x1382, -12.3 A = -123 = 0xFF85, 21.5 degC = 215 = 0xD7
        ("Measurements", {"Voltage": 49.94, "Current": -12.3, "Temperature": 21.5}, "356 82 13 85 FF D7 00"),
        ("Faults", {"Modules": 2}, "359 00 00 00 00 02 50 4E"),
        ("Faults", {"ProtectionOvervoltage": 1}, "359 02 00 00 00 00 50 4E"),
        ("Faults", {"ProtectionUndervoltage": 1}, "359 04 00 00 00 00 50 4E"),
        ("Faults", {"ProtectionOverTemperature": 1}, "359 08 00 00 00 00 50 4E"),
        ("Faults", {"ProtectionUnderTemperature": 1}, "359 10 00 00 00 00 50 4E"),
        ("Faults", {"ProtectionDischargeOvercurrent": 1}, "359 80 00 00 00 00 50 4E"),
        (
            "Faults",
            active("ProtectionChargeOvercurrent", "ProtectionSystemError"),
            "359 00 09 00 00 00 50 4E",
        ),
        ("Faults", {"AlarmUndervoltage": 1, "AlarmDischargeHighCurrent": 1}, "359 00 00 84 00 00 50 4E"),
        (
            "Faults",
            active("AlarmChargeHighCurrent", "AlarmInternalCommunication"),
            "359 00 00 00 09 00 50 4E",
        ),
        ("Requests", {"ChargeEnable": 1, "DischargeEnable": 1}, "35C C0 00"),
        ("Requests", {"ForceCharge1": 1}, "35C 20 00"),
        ("Requests", {"ForceCharge2": 1}, "35C 10 00"),
        ("Requests", {"RequestFullCharge": 1}, "35C 08 00"),
        ("Maker", {}, "35E 50 59 4C 4F 4E 20 20 20"),
        ("InverterAlive", {}, "305 00 00 00 00 00 00 00 00"),
    ],
)
def test_pylontech(message: str, values: Values, frame: str) -> None:
    assert pack("storage_pylontech.dbc", message, values) == frame


@pytest.mark.parametrize(
    ("message", "values", "frame"),
    [
        (
            "Limits",
            limits(56.4, 100.0, 150.0, 46.0),
            "351 34 02 E8 03 DC 05 CC 01",
        ),
        ("State", {"Soc": 64, "Soh": 99, "SocFine": 64.25}, "355 40 00 63 00 19 19"),
        ("Measurements", {"Voltage": 52.8, "Current": 20.0, "Temperature": -3.0}, "356 A0 14 C8 00 E2 FF"),
        ("Alarms", {"AlarmHighVoltage": 1}, "35A 04 00 00 00 00 00 00 00"),
        ("Alarms", {"AlarmLowVoltage": 1, "AlarmHighTemperature": 2}, "35A 90 00 00 00 00 00 00 00"),
        ("Alarms", {"AlarmLowTemperature": 1, "AlarmHighCurrent": 1}, "35A 00 41 00 00 00 00 00 00"),
        ("Alarms", {"AlarmHighChargeCurrent": 1, "AlarmBmsInternal": 1}, "35A 00 00 41 00 00 00 00 00"),
        ("Alarms", {"AlarmContactor": 1, "AlarmShortCircuit": 1}, "35A 00 00 14 00 00 00 00 00"),
        ("Alarms", {"AlarmCellImbalance": 1}, "35A 00 00 00 01 00 00 00 00"),
        ("Alarms", {"WarningHighVoltage": 1, "Online": 1}, "35A 00 00 00 00 04 00 00 04"),
        ("Modules", {"Ok": 3, "Offline": 1}, "372 03 00 00 00 00 00 01 00"),
        (
            "Cells",
            {"LowestVoltage": 3.281, "HighestVoltage": 3.304}
            | {"LowestTemperature": 294, "HighestTemperature": 297},
            "373 D1 0C E8 0C 26 01 29 01",
        ),
        ("InverterMeasurements", {"Voltage": 52.8, "Current": -20.0, "Temperature": 25.0, "Soc": 64.0},
         "305 10 02 38 FF FA 00 80 02"),
    ],
)  # fmt: skip
def test_sma_and_victron(message: str, values: Values, frame: str) -> None:
    assert pack("storage_sma_victron.dbc", message, values) == frame


@pytest.mark.parametrize("file", FILES)
def test_cantools_packs_the_same(file: str) -> None:
    database = cantools.database.load_file(str(shipped_dbc()[file]))
    for message in load_database([shipped_dbc()[file]]).messages.values():
        row = [signal.start_value for signal in message.signals.values()]
        values = dict(zip(message.signals, row, strict=True))
        assert bytes(message.encode(row)) == database.encode_message(message.name, values)
