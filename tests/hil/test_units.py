"""Quantities with units."""

import contextlib
from decimal import Decimal
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import UnitError
from hil.units import KINDS, number_in, parse, say, scale_between, time_ns, value_of


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("500 ms", "time", 500_000_000),
        ("2.5 s", "time", 2_500_000_000),
        ("1 h", "time", 3_600_000_000_000),
        ("3.65 V", "voltage", 3.65),
        ("3650mV", "voltage", 3.65),
        ("160 A", "current", 160),
        ("-30 degC", "temperature", -30),
        ("25 °C", "temperature", 25),
        ("2 K", "temperature difference", 2),
        ("35 kOhm", "resistance", 35_000),
        ("35 kΩ", "resistance", 35_000),
        ("3 mF", "capacitance", 3e-3),
        ("160 Ah", "charge", 160),
        ("153 kW", "power", 153_000),
        ("813 Nm", "torque", 813),
        ("1800 rpm", "speed", 1800),
        ("5 %", "ratio", 0.05),
        ("0.05", "ratio", 0.05),
        (0.25, "ratio", 0.25),
        ("500 kbit/s", "bit rate", 500_000),
        ("1_000 V", "voltage", 1000),
        ("1e3 V", "voltage", 1000),
    ],
)
def test_known_quantities(text: object, kind: str, value: float) -> None:
    assert value_of(text, kind) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_the_example_of_each_kind_is_one(kind: object) -> None:
    found = parse(kind.example)  # type: ignore[attr-defined]
    assert (found.kind, found.unit) == (kind.name, kind.base)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("3 A", "voltage", "'3 A' is a current (expected a voltage such as '3.65 V')"),
        ("5 Wh", "charge", "'5 Wh' is an energy (expected a charge such as '160 Ah')"),
        ("5", "time", "'5' has no unit (expected a time such as '500 ms')"),
        (5, "current", "5 has no unit (expected a current such as '160 A')"),
        ("500 MS", "time", "'500 MS' has an unknown unit 'MS' (did you mean 'ms'?)"),
        ("5 volts", "voltage", "'5 volts' has an unknown unit 'volts' (did you mean 'V'?)"),
        ("5 §", "voltage", "'5 §' has an unknown unit '§' (expected a voltage such as '3.65 V')"),
        ("", "time", "'' is not a number with a unit (expected a time such as '500 ms')"),
        ("ms", "time", "'ms' is not a number with a unit (expected a time such as '500 ms')"),
        ("1,5 s", "time", "'1,5 s' has an unknown unit ',5 s' (expected a time such as '500 ms')"),
        (True, "ratio", "True is not a number with a unit (expected a ratio such as '5 %')"),
        (None, "time", "None is not a number with a unit (expected a time such as '500 ms')"),
        ("3 %", "voltage", "'3 %' is a ratio (expected a voltage such as '3.65 V')"),
        ("nan s", "time", "'nan s' is not a number with a unit (expected a time such as '500 ms')"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_a_remedy(text: object, kind: str, message: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse(text, kind)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1e9999999", "1e99999999999999999999", "9" * 400, "1e-99999999999999999999"]
)
def test_a_number_beyond_all_is_refused(number: str) -> None:
    """It became infinite, or ended in an error of Python's own."""
    for ask in (parse, time_ns, lambda text: number_in(text, "s")):
        with pytest.raises(UnitError, match="is no finite number"):
            ask(f"{number} s")


def test_what_is_not_finite_is_no_ratio() -> None:
    for number in (inf, -inf, nan):
        with pytest.raises(UnitError, match="is no finite number"):
            value_of(number, "ratio")


def test_a_number_so_small_that_it_is_none_is_zero() -> None:
    assert value_of("1e-9999999 V", "voltage") == 0.0


def test_a_time_is_one_that_clocks_can_count() -> None:
    assert time_ns("9223372036 s") == 9_223_372_036_000_000_000
    with pytest.raises(UnitError, match="'1e11 s' is longer than 9223372036 s"):
        time_ns("1e11 s")


def test_a_time_is_exact_and_never_negative() -> None:
    assert time_ns("0.1 ms") == 100_000
    assert time_ns("3600.000000001 s") == 3_600_000_000_001
    assert time_ns(17) == 17
    with pytest.raises(UnitError, match="negative"):
        time_ns("-1 ms")
    with pytest.raises(UnitError, match="has no unit"):
        time_ns(0.5)
    with pytest.raises(UnitError):
        time_ns(True)


@given(st.integers(0, 10**15), st.sampled_from([("us", 3), ("ms", 6), ("s", 9)]))
def test_any_time_comes_back_to_the_nanosecond(nanoseconds: int, unit: tuple[str, int]) -> None:
    number = Decimal(nanoseconds).scaleb(-unit[1])
    assert time_ns(f"{number:f} {unit[0]}") == nanoseconds


@given(st.floats(-1e9, 1e9), st.sampled_from(["V", "A", "Ohm", "F", "W", "Nm", "K", "degC"]))
def test_any_number_comes_back(value: float, unit: str) -> None:
    assert parse(f"{value!r} {unit}").value == value


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_an_error(text: str) -> None:
    with contextlib.suppress(UnitError):
        parse(text)


@given(st.floats(-1e6, 1e6), st.sampled_from([kind.base for kind in KINDS.values()]))
def test_what_is_said_can_be_read_again(value: float, unit: str) -> None:
    assert parse(say(value, unit)).value == pytest.approx(value, rel=1e-5)


def test_people_read_prefixes() -> None:
    assert say(35_000, "Ohm") == "35 kOhm"
    assert say(0.005, "V") == "5 mV"
    assert say(5_000_000_000, "ns") == "5 s"
    assert say(0.1, "1") == "10 %"
    assert say(0.0, "degC") == "0 degC"
    assert say(7.0, "") == "7"


def test_scales_between_units() -> None:
    assert scale_between("mV", "V") == 1e-3
    assert scale_between("%", "") == 1e-2
    assert scale_between("kOhm", "Ohm") == 1e3
    assert scale_between("", "V") == 1.0
    assert scale_between("widgets", "widgets") == 1.0
    assert scale_between("A", "V") is None
    assert scale_between("V", "") is None
    assert scale_between("widgets", "V") is None
