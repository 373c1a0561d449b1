"""Roles, requests and the values that they have."""

from collections.abc import Callable

import pytest

from hil.errors import RigFileErrors
from hil.rig.roles import Role, snake_case
from hil.rig.schema import RigConfig

Loader = Callable[..., RigConfig]
BEFORE = '"contactor.main_plus" ='  # roles are put in before this line


def roles(load: Loader, text: str, **more: tuple[str, str]) -> dict[str, Role]:
    return load("", (BEFORE, f"{text}\n{BEFORE}"), **more).roles


def _of_voltage(role: Role, value: float) -> float | None:
    """What a role makes of a frame of BMS_Status in which VoltageWanted has a value."""
    return role.reading.of((1.0, 0.0, 0.0, 50.0, value, 0.0, 0.0))


def test_a_plain_text_is_a_signal(load: Loader) -> None:
    role = roles(load, 'soc = "can0/BMS_Status.Soc"')["soc"]
    assert role == Role("soc", "can0", "BMS_Status", "Soc", None, "%", reading=role.reading)
    assert role.address == "can0/BMS_Status.Soc"
    assert role.name_of(55.5) == "55.5 %"


@pytest.mark.parametrize(
    ("unit", "more", "value"),
    [
        ("V", "", 3650.0),
        ("mV", "", 3.65),
        ("mV", ", scale = 1", 3650.0),  # the rig file knows better than the DBC file
        ("", "", 3650.0),
        ("-", ", scale = -0.001, offset = 1", -2.65),
        ("Volt", ", offset = -3650", 0.0),
        ("degC", ", scale = 0.001", 3.65),
    ],
)
def test_a_role_is_in_the_unit_of_the_suite(load: Loader, unit: str, more: str, value: float) -> None:
    """A BMS that says millivolts was taken to say volts, a thousand times too many."""
    text = f'"cell.voltage_max" = {{ signal = "can0/BMS_Status.VoltageWanted"{more} }}'
    role = roles(load, text, dbc=('[0|6553.5] "V" VCU', f'[0|6553.5] "{unit}" VCU'))["cell.voltage_max"]
    assert _of_voltage(role, 3650.0) == pytest.approx(value)
    assert role.unit == "V"


def test_a_role_that_the_suite_does_not_know_stays_as_it_is(load: Loader) -> None:
    text = '"mine.voltage" = "can0/BMS_Status.VoltageWanted"'
    role = roles(load, text, dbc=('[0|6553.5] "V" VCU', '[0|6553.5] "mV" VCU'))["mine.voltage"]
    assert (_of_voltage(role, 3650.0), role.unit) == (3650.0, "mV")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("{ open = 0, closed = 1 }", {0: 0.0, 1: 1.0}),
        ("{ open = 1, closed = 2 }", {1: 0.0, 2: 1.0, 0: -1.0, 3: 3.0}),
        ("{ welded = 3, closed = 0, open = 1 }", {0: 1.0, 1: 0.0, 3: 2.0}),
    ],
)
def test_open_and_closed_are_0_and_1_whatever_a_bms_calls_them(
    load: Loader, values: str, told: dict[float, float]
) -> None:
    """Tests took 1 for closed: a BMS with 1 for open failed, one with 2 for closed passed unseen."""
    text = f'"contactor.main_minus" = {{ signal = "can0/BMS_Status.State", values = {values} }}'
    table = 'VAL_ 256 State 0 "Init" 1 "Standby" 2 "Precharge" 3 "Operate" 7 "Fault" ;'
    role = roles(load, text, dbc=(table, ""))["contactor.main_minus"]
    assert {raw: role.reading.of((float(raw),) + (0.0,) * 6) for raw in told} == told
    assert (role.value_of("open"), role.value_of("closed")) == (0.0, 1.0)


def test_a_flag_with_names_needs_clear_and_set(load: Loader) -> None:
    with pytest.raises(RigFileErrors, match="'fault' lacks the value 'clear'"):
        roles(load, 'fault = { signal = "can0/BMS_Status.State", values = { ok = 0, active = 2 } }')


def test_a_unit_that_cannot_be_converted_is_told(load: Loader) -> None:
    text = '"cell.voltage_max" = "can0/BMS_Status.VoltageWanted"'
    with pytest.raises(RigFileErrors) as caught:
        roles(load, text, dbc=('[0|6553.5] "V" VCU', '[0|6553.5] "Volt" VCU'))
    assert "is in 'Volt', the role in 'V' (say scale: role = signal * scale + offset)" in str(caught.value)


def test_names_and_numbers_of_a_role(load: Loader) -> None:
    state = load().roles["state"]
    assert state.values == {"standby": 1, "operate": 3, "fault": 7}
    assert state.name_of(3.0) == "operate"
    assert state.name_of(4.0) == "4"
    assert state.value_of("fault") == 7.0
    assert state.value_of(True) == 1.0
    with pytest.raises(KeyError):
        state.value_of("flying")


def test_a_pattern_gives_names_in_snake_case(load: Loader) -> None:
    found = roles(load, '"fault.{name}" = "can0/BMS_Status.Fault_{name}"')
    assert found["fault.cell_overvoltage"].signal == "Fault_CellOvervoltage"
    assert found["fault.e2e"].signal == "Fault_E2E"


def test_a_role_of_its_own_goes_before_a_pattern(load: Loader) -> None:
    pattern = '"fault.{name}" = "can0/BMS_Status.Fault_{name}"'
    own = '"fault.e2e" = { signal = "can0/BMS_Status.Fault_E2E", values = { clear = 1, set = 0 } }'
    for text in (f"{pattern}\n{own}", f"{own}\n{pattern}"):
        role = roles(load, text)["fault.e2e"]
        assert role.values == {"clear": 0, "set": 1}
        assert role.reading.of((0.0,) * 6 + (1.0,)) == 0.0


def test_an_array_of_roles_needs_all_its_signals(load: Loader) -> None:
    with pytest.raises(RigFileErrors, match=r"no signal 'BMS_Status.Main1' for member 1 of 2"):
        roles(load, 'main = { signal = "can0/BMS_Status.Main{index}", count = 2 }')


def test_roles_keep_the_order_of_the_file(load: Loader) -> None:
    assert list(load().roles) == ["state", "contactor.main_plus"]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('fault = "can0/BMS_Status.Fault_{name}"', "must be both in the role's name and"),
        ('soc = { signal = "can0/BMS_Status.Soc", default = 1 }', "only a request has a default"),
        ('soc = "BMS_Status.Soc"', "'BMS_Status.Soc' is no address of a signal"),
        ('soc = { signal = "can0/BMS_Status.Soc", scale = 0 }', "scale 0 carries nothing"),
        ('soc = { signal = "can0/BMS_Status.Soc", offset = nan }', "offset nan carries nothing"),
        ('x = { signal = "can0/BMS_Status.Soc", mask = 3, scale = 2 }', "x.scale: only a quantity has it"),
        ('"a.{name}" = "can0/BMS_Statu.Fault_{name}"', "did you mean 'BMS_Status'?"),
    ],
)
def test_mistakes_in_roles(load: Loader, text: str, mistake: str) -> None:
    with pytest.raises(RigFileErrors) as caught:
        roles(load, text)
    assert mistake in str(caught.value)


def test_requests_have_a_default_by_name_or_number(load: Loader) -> None:
    old = "operate = 1 } }"
    assert load().requests["mode"].default == 0.0
    assert load("", (old, 'operate = 1 }, default = "operate" }')).requests["mode"].default == 1.0
    assert load("", (old, "operate = 1 }, default = 2 }")).requests["mode"].default == 2.0


def test_the_safe_state_by_name_number_or_truth_value(load: Loader) -> None:
    reset = ("[requests]", '[requests]\nreset = "can0/VCU_Request.Reset"')
    rig = load('[safe_state]\nrequests = { mode = "operate", reset = true }', reset)
    assert rig.safe_state.requests == {"mode": 1.0, "reset": 1.0}


def test_a_request_cannot_share_its_signal(load: Loader) -> None:
    with pytest.raises(RigFileErrors, match=r"is fed twice, also by requests\.reset"):
        load("", ("[requests]", '[requests]\nreset = "can0/VCU_Request.Mode"'))


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("CellOvervoltage", "cell_overvoltage"),
        ("E2E", "e2e"),
        ("IMDFault", "imd_fault"),
        ("already_snake", "already_snake"),
    ],
)
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


@pytest.mark.parametrize(
    ("factor", "right"),
    [("1,-5", (-4, -2, 2)), ("2,0", (2, 6, 14)), ("0.1,0", (0.1, 0.3, 0.7)), ("-1,5", (4, 2, -2))],
)
def test_a_value_table_counts_raw_numbers(load: Loader, factor: str, right: tuple[float, ...]) -> None:
    """Physical numbers were compared with it: the right ones were refused, and wrong ones went through."""
    signal = " SG_ State : 0|4@1+ "
    dbc = (f'{signal}(1,0) [0|15] "" VCU', f'{signal}({factor}) [-10|30] "" VCU')

    def loaded(*numbers: float) -> dict[str, float] | None:
        names = zip(("standby", "operate", "fault"), numbers, strict=True)
        values = ", ".join(f"{name} = {number}" for name, number in names)
        return load("", ("standby = 1, operate = 3, fault = 7", values), dbc=dbc).roles["state"].values

    standby, operate, fault = right
    assert loaded(*right) == {"standby": standby, "operate": operate, "fault": fault}
    swapped = f"{operate:g} is Operate in the DBC \\(write standby = {standby:g}\\)"
    with pytest.raises(RigFileErrors, match=swapped):
        loaded(operate, standby, fault)
    with pytest.raises(RigFileErrors, match=f"it has .*{standby:g} Standby, .*{fault:g} Fault"):
        loaded(2 * operate - standby, operate, fault)  # raw 5


def test_an_array_of_roles_is_not_one_signal(load: Loader) -> None:
    with pytest.raises(RigFileErrors, match=r"members 1 and 2 are both can0/BMS_Status\.Soc") as caught:
        roles(load, '"cell.voltage" = { signal = "can0/BMS_Status.Soc", count = 4 }')
    assert len(caught.value.errors) == 1
    with pytest.raises(RigFileErrors, match="count: 99999999999 should be less than or equal to 65536"):
        roles(load, '"cell.voltage" = { signal = "can0/BMS_Status.Soc", count = 99999999999 }')
