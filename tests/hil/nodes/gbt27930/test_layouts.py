"""The layouts against frames captured from real cars and stations."""

from importlib.resources import files
from pathlib import Path

import cantools
import pytest

from hil.frames.database import Database, load_database

DBC = Path(str(files("hil") / "dbc" / "gbt27930.dbc"))

# Message, bytes, what they say. From candump-2023-12-25_220841.log of sut4nd0/gbt27930-2015 and from a
# capture in tyu05/C-Code-for-GB-T27930-2015-Protocol; the battery is of an LFP car, 114 cells in series.
CAPTURED: list[tuple[str, str, dict[str, float]]] = [
    ("CHM", "01 01 00", {"VersionMinor": 1, "VersionMajor": 1}),
    ("BHM", "A5 10", {"MaxTotalVoltage": 426.1}),
    (
        "BCP",
        "72 01 DA 05 2A 02 A5 10 73 08 03 C6 0E",
        {
            "MaxCellVoltage": 3.70,
            "MaxCurrent": -250.2,
            "NominalEnergy": 55.4,
            "MaxTotalVoltage": 426.1,
            "MaxTemperature": 65,
            "Soc": 77.6,
            "PackVoltage": 378.2,
        },
    ),
    (
        "CTS",
        "36 24 08 16 05 15 20",
        {"Second": 0x36, "Minute": 0x24, "Hour": 0x08, "Day": 0x16, "Month": 0x05, "Year": 0x2015},
    ),
    (
        "CML",
        "1C 25 7C 01 DC 05 A0 0F",
        {"MaxVoltage": 950.0, "MinVoltage": 38.0, "MaxCurrent": -250.0, "MinCurrent": 0.0},
    ),
    (
        "CML",
        "58 1B D0 07 D8 0E A0 0F",
        {"MaxVoltage": 700.0, "MinVoltage": 200.0, "MaxCurrent": -20.0, "MinCurrent": 0.0},
    ),
    ("BCL", "A5 10 D8 0E 02", {"VoltageDemand": 426.1, "CurrentDemand": -20.0, "Mode": 2}),
    (
        "BCS",
        "C5 0E A0 0F 4C 61 4D 00 00",
        {"Voltage": 378.1, "Current": 0.0, "MaxCellVoltage": 3.32, "MaxCellGroup": 6, "Soc": 77},
    ),
    ("CCS", "24 0B A0 0F 00 00 FD FF", {"Voltage": 285.2, "Current": 0.0, "Minutes": 0, "Permit": 1}),
    (
        "BSM",
        "1E 36 06 35 0F 00 10",
        {
            "MaxCellNumber": 31,
            "MaxTemperature": 4,
            "MaxTemperaturePoint": 7,
            "MinTemperature": 3,
            "MinTemperaturePoint": 16,
            "CellVoltageState": 0,
            "InsulationState": 0,
            "ChargePermit": 1,
        },
    ),
    ("CST", "04 00 F0 F0", {"ManualStop": 1, "ConditionReached": 0, "FaultStop": 0, "CurrentMismatch": 0}),
    ("BST", "40 00 00 00", {"ChargerStopped": 1, "SocReached": 0, "Overcurrent": 0}),
    (
        "BSD",
        "4D 4D 01 4E 01 35 36",
        {"Soc": 77, "MinCellVoltage": 3.33, "MaxCellVoltage": 3.34, "MinTemperature": 3, "MaxTemperature": 4},
    ),
    ("BEM", "F0 F0 F1 FC", {"Crm00": 0, "CrmAA": 0, "CtsCml": 0, "Cro": 0, "Ccs": 1, "Cst": 0, "Csd": 0}),
]


@pytest.fixture(scope="module")
def database() -> Database:
    return load_database([DBC])


@pytest.mark.parametrize(("message", "text", "expected"), CAPTURED)
def test_captured_frames(database: Database, message: str, text: str, expected: dict[str, float]) -> None:
    said = database.messages[message].decode_dict(bytes.fromhex(text))
    assert {name: said[name] for name in expected} == pytest.approx(expected)


def test_the_identification_of_a_real_car(database: Database) -> None:
    """Its first bytes; the vehicle number is somebody's and replaced."""
    text = "01 01 00 03 F0 05 40 0E" + " 00" * 11 + " 95 00 00 01 00" + " 30" * 17 + " FF" * 8
    said = database.messages["BRM"].decode_dict(bytes.fromhex(text))
    assert said["BatteryType"] == 3
    assert said["RatedCapacity"] == pytest.approx(152.0)
    assert said["RatedVoltage"] == pytest.approx(364.8)  # 114 x 3.2 V
    assert said["ChargeCount"] == 149
    assert said["Ownership"] == 1
    assert {said[f"Vin{n:02}"] for n in range(1, 18)} == {ord("0")}


IDENTIFIERS = {
    "CHM": 0x1826F456, "BHM": 0x182756F4, "CRM": 0x1801F456, "CTS": 0x1807F456, "CML": 0x1808F456,
    "BRO": 0x100956F4, "CRO": 0x100AF456, "BCL": 0x181056F4, "CCS": 0x1812F456, "BSM": 0x181356F4,
    "BST": 0x101956F4, "CST": 0x101AF456, "BSD": 0x181C56F4, "CSD": 0x181DF456, "BEM": 0x081E56F4,
    "CEM": 0x081FF456, "BRM": 0x1C0256F4, "BCP": 0x1C0656F4, "BCS": 0x1C1156F4,
}  # fmt: skip
CYCLES_MS = {"BCL": 50, "CCS": 50, "BST": 10, "CST": 10, "BCP": 500, "CTS": 500}  # all others 250


def test_identifiers_and_cycle_times(database: Database) -> None:
    assert {m.name: m.id for m in database.messages.values()} == IDENTIFIERS
    for message in database.messages.values():
        assert message.cycle_ns is None, "none of them is always sent"
        assert message.active_cycle_ns == CYCLES_MS.get(message.name, 250) * 1_000_000, message.name


@pytest.mark.parametrize("name", ["gbt27930.dbc", "chademo.dbc"])
def test_other_tools_can_read_it_and_everything_is_explained(name: str) -> None:
    messages = cantools.database.load_file(DBC.parent / name, strict=True).messages
    for message in messages:
        assert message.comment
        assert message.cycle_time
        assert message.send_type == "IfActive"
        for signal in message.signals:
            assert signal.comment
            assert signal.minimum is not None
            assert signal.maximum is not None
            if signal.length <= 2:
                assert signal.choices
