"""Roles out of bits, of several signals, and of frames with an identifier in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.errors import RigFileErrors
from hil.rig.load import load_rig
from hil.rig.reading import UNNAMED, Reading
from hil.rig.roles import Role
from hil.rig.shipped import find_rig

Roles = Callable[..., dict[str, Role]]

CODE = '{ signal = "vehicle/BMS_Diagnosis.Active", when = { Spn = "{name}", Fmi = "ConditionExists" } }'
FAULT = f'"fault.{{name}}" = {CODE}'
TABLE = '"a.{name}" = { signal = "vehicle/BMS_Flags.Flags", when = { Uptime = "{name}" } }'
DERATING = 'derating = { signal = "vehicle/BMS_Flags.Flags", mask = 0x2 }'
INIT = 'init = ["*", "Initialising", "*"]'


@pytest.fixture
def roles(tmp_path: Path) -> Roles:
    """The truck rig's roles with texts replaced."""

    def load(*changes: tuple[str, str]) -> dict[str, Role]:
        text = find_rig("truck").read_text("utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "truck.toml").write_text(text, "utf-8")
        return load_rig(tmp_path / "truck.toml").roles

    return load


def values_of(role: Role, **said: float) -> tuple[float | None, ...]:
    """A frame's values with these signals, all others 0."""
    message = load_rig("truck").buses[role.bus].database.messages[role.message]
    return tuple(said.get(name, 0.0) for name in message.signals)


def test_bits_under_a_mask_are_shifted_down() -> None:
    reading = Reading(0, mask=0x0C)
    assert [reading.of((float(raw),)) for raw in (0b0000, 0b0100, 0b1011, 0b1111)] == [0, 1, 2, 3]


def test_a_mask_of_the_rig_file(roles: Roles) -> None:
    role = roles()["derating"]
    assert role.reading.of(values_of(role, Flags=0b0101)) == 0
    assert role.reading.of(values_of(role, Flags=0b0010)) == 1


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"BusConnection": 0, "OperationalStatus": 2}, "standby"),
        ({"BusConnection": 1, "OperationalStatus": 2}, "operate"),
        ({"BusConnection": 1, "OperationalStatus": 2, "Charging": 1}, "charge"),
        ({"BusConnection": 1, "OperationalStatus": 6, "Charging": 1}, "fault"),
    ],
)
def test_a_state_out_of_three_signals(roles: Roles, said: dict[str, float], state: str) -> None:
    role = roles()["state"]
    value = role.reading.of(values_of(role, **said))
    assert value is not None
    assert role.name_of(value) == state


def test_a_combination_without_a_name_is_none_of_them(roles: Roles) -> None:
    role = roles()["state"]
    assert role.reading.of(values_of(role, BusConnection=3, OperationalStatus=9)) == UNNAMED


def test_a_trouble_code_is_in_its_own_frames_only(roles: Roles) -> None:
    role = roles()["fault.cell_undervoltage"]
    frame = values_of(role, Spn=520193, Fmi=31, Active=1)
    assert role.reading.of(frame) == 1
    assert role.reading.of(values_of(role, Spn=520193, Fmi=31)) == 0
    assert role.reading.of(values_of(role, Spn=520192, Fmi=31, Active=1)) is None
    assert role.reading.of(values_of(role, Spn=520193, Fmi=15, Active=1)) is None


def test_codes_of_one_message_come_in_turn(roles: Roles) -> None:
    found = roles()
    assert found["fault.e2e"].reading.turns == 24  # faults; warnings are in DM1
    assert found["soc"].reading.turns == 1


def test_a_number_in_place_of_a_name(roles: Roles) -> None:
    own = '"fault.e2e" = { signal = "vehicle/BMS_Diagnosis.Active", when = { Spn = 520211, Fmi = 31 } }'
    by_name, by_number = roles(), roles((FAULT, f"{FAULT}\n{own}"))
    assert by_number["fault.e2e"].reading.when == by_name["fault.e2e"].reading.when


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("mask = 0x2", "mask = 0x12", "0x12 goes beyond the 4 bits of vehicle/BMS_Flags.Flags (0xF are"),
        ("mask = 0x2", "mask = 0", "derating.mask"),
        (DERATING, DERATING.replace("BMS_Flags.Flags", "HVESSD1.Voltage"), "is a quantity, not a field"),
        ("mask = 0x2", "mask = 0x2, values = { no = 0, yes = 2 }", "2 does not fit under the mask (0 to 1"),
        ("HVESSS1.Charging\"]", "BMS_Flags.Flags\"]", "is in another message than vehicle/HVESSS1"),
        ("HVESSS1.Charging\"]", "HVESSS1.Chargin\"]", "did you mean 'Charging'?"),
        (INIT, 'init = ["*", "Initialising"]', '2 values for 3 signals (one for each; "*" is any)'),
        (INIT, "init = 3", "1 values for 3 signals"),
        (INIT, 'init = ["*", "Initialisin", "*"]', "no value 'Initialisin' (did you mean 'Initialising'"),
        (INIT, 'init = ["*", 99, "*"]', "99 is outside vehicle/HVESSS1.OperationalStatus's range 0 to 15"),
        ('Fmi = "ConditionExists"', 'Fmi = "Exists"', "BMS_Diagnosis.Fmi has no value 'Exists'"),
        ('Fmi = "ConditionExists"', "Fni = 31", "has no signal 'Fni' (did you mean 'Fmi'?)"),
        ('Fmi = "ConditionExists"', 'Fmi = "{name}"', "{name} stands for one identifier only"),
        ('"fault.{name}"', '"fault.all"', "{name} must be both in the role's name and in its identifier"),
        (DERATING, TABLE, "Uptime has no value table in its DBC file (write its numbers)"),
        ("{ open = 0, closed = 1 }", "{ open = [0, 1], closed = 1 }", "two names have the same number"),
        ("{ open = 0, closed = 1 }", '{ open = ["Open"], closed = 1 }', "open needs numbers"),
    ],
)  # fmt: skip
def test_mistakes(roles: Roles, old: str, new: str, mistake: str) -> None:
    with pytest.raises(RigFileErrors) as caught:
        roles((old, new))
    assert mistake in str(caught.value)


def test_a_request_has_none_of_it(roles: Roles) -> None:
    old = 'reset = { signal = "vehicle/HVESSC1.Reset" }'
    with pytest.raises(RigFileErrors) as caught:
        roles((old, 'reset = { signal = "vehicle/HVESSC1.Reset", mask = 1, when = { PowerDown = 0 } }'))
    assert str(caught.value).count("only a role has it; a request is a whole signal") == 2
    with pytest.raises(RigFileErrors, match="a request goes to one signal"):
        roles((old, 'reset = { signal = ["vehicle/HVESSC1.Reset", "vehicle/HVESSC1.PowerDown"] }'))
