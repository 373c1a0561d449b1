"""Roles, requests and the values that they have."""

from collections.abc import Callable

import pytest

from hil.errors import RigFileErrors
from hil.rig.roles import Role, snake_case
from hil.rig.schema import RigConfig

Loader = Callable[..., RigConfig]
BEFORE = '"contactor.main_plus" ='  # roles are put in before this line


def roles(load: Loader, text: str) -> dict[str, Role]:
    return load("", (BEFORE, f"{text}\n{BEFORE}")).roles


def test_a_plain_text_is_a_signal(load: Loader) -> None:
    role = roles(load, 'soc = "can0/BMS_Status.Soc"')["soc"]
    assert role == Role("soc", "can0", "BMS_Status", "Soc", None, "%", reading=role.reading)
    assert role.address == "can0/BMS_Status.Soc"
    assert role.name_of(55.5) == "55.5 %"


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
    own = '"fault.e2e" = { signal = "can0/BMS_Status.Fault_E2E", values = { good = 0, bad = 1 } }'
    for text in (f"{pattern}\n{own}", f"{own}\n{pattern}"):
        assert roles(load, text)["fault.e2e"].values == {"good": 0, "bad": 1}


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
