"""Currents, messages and curves of the reference BMS: what is found is what its sources say."""

from __future__ import annotations

import re
from dataclasses import replace
from math import inf, nan

import pytest

from hil.characterise.answer import characterise
from hil.characterise.curve import Sweep, curves, over_soc
from hil.characterise.measure import Probe, Times, stages
from hil.characterise.sheet import Sheet, as_json
from hil.characterise.stimulus import CELLS, TEMPERATURE, Lever, levers, troubles
from hil.characterise.survey import survey
from hil.characterise.trial import Bench, Trial, roles_of
from hil.clock import NS_PER_S
from hil.frames.e2e import E2E
from hil.rig.schema import RigConfig
from hil.rig.shipped import shipped_sources


@pytest.fixture(scope="module")
def bench(laptop: RigConfig) -> Bench:
    made = Bench(laptop)
    assert made.states() == ["operate", "charge", "standby"]
    return made


@pytest.fixture(scope="module")
def turned(bench: Bench) -> dict[str, list[Lever]]:
    return levers(bench.config, bench.ports)


def test_a_floating_point_signal_is_turned_in_steps_that_a_sensor_can_show(bench: Bench) -> None:
    wire = next(w for w in bench.config.wires if w.port == "cell_monitor.voltage[1]")
    bus = bench.config.buses[wire.bus]
    message = bus.database.messages[wire.message]
    signal = replace(message.signals[wire.signal], is_float=True, length=32, scale=1.0, unit="V")
    changed = replace(message, signals=message.signals | {signal.name: signal})
    database = replace(bus.database, messages=bus.database.messages | {message.name: changed})
    buses = {**bench.config.buses, bus.name: replace(bus, database=database)}
    config = replace(bench.config, buses=buses, wires=(replace(wire, scale=1.0),))
    lever = levers(config, bench.ports)["cell voltage"][0]
    port = bench.ports[wire.port]
    assert lever.lsb == 1 / 1024
    assert 0 <= lever.value(lever.low) - port.minimum < lever.lsb
    assert 0 <= port.maximum - lever.value(lever.high) < lever.lsb


def test_a_checksum_without_a_counter_has_none_that_freezes(bench: Bench) -> None:
    bus = bench.config.buses["pack"]
    message = bus.database.messages["INV_DcLink"]
    alone = replace(message, e2e=E2E.of("XOR", 0, 8, None, (56, 8, True)))
    database = replace(bus.database, messages=bus.database.messages | {message.name: alone})
    found = troubles(replace(bench.config, buses={bus.name: replace(bus, database=database)}))
    assert troubles(bench.config).keys() - found.keys() == {"frozen counter of INV_DcLink"}
    assert "wrong checksum of INV_DcLink" in found


def _define(name: str) -> int:
    """A number of the firmware's config.h."""
    (source,) = (path for path in shipped_sources() if path.name == "config.h")
    found = re.search(rf"#define {name} (\d+)", source.read_text("utf-8"))
    assert found is not None
    return int(found[1])


def test_both_stages_of_an_overcurrent_are_found(bench: Bench, turned: dict[str, list[Lever]]) -> None:
    (current,) = turned["current"]
    role = "fault.overcurrent_discharge"
    probe = Probe(bench, Times(6 * NS_PER_S), current, role, "operate", 0, current.at(1000.0))
    found = stages(probe, quiet=current.at(250.0))
    offered = _define("DISCHARGE_NOMINAL_mA") / 100 * _define("BEYOND_percent") + _define("BEYOND_mA")
    assert found == [(offered, offered + 1), (480_000, 480_001)]
    slow, fast = (probe.time(acts, 6 * NS_PER_S) for _, acts in found)
    assert slow is not None
    assert fast is not None
    cycle_ns = current.cycle_ns
    assert abs(slow - _define("BEYOND_FAULT_ms") * 1_000_000) <= cycle_ns
    assert abs(fast - 115_000_000) <= cycle_ns


@pytest.mark.parametrize(
    ("quantity", "direction", "role", "corners"),
    [
        (CELLS, "rising", "limit.charge_current", (3.6, 3.65)),
        (CELLS, "falling", "limit.discharge_current", (2.8, 2.5)),
        (TEMPERATURE, "rising", "limit.discharge_current", (52.0, 55.0)),
        (TEMPERATURE, "falling", "limit.charge_current", (3.0, 0.0)),
    ],
)
def test_corners_of_a_derating_are_found(
    bench: Bench,
    turned: dict[str, list[Lever]],
    quantity: str,
    direction: str,
    role: str,
    corners: tuple[float, float],
) -> None:
    begins, ends = corners
    lever = turned[quantity][0]
    (found,) = (one for one in curves(bench, [lever], bench.config.roles[role]) if one.direction == direction)
    assert found.begins is not None
    assert found.ends is not None
    assert found.begins.holds == pytest.approx(begins)
    assert found.ends.acts == pytest.approx(ends)
    assert (found.full, found.least) == (320.0 if "discharge" in role else 160.0, 0.0)
    middle = [value for x, value in found.points if min(begins, ends) < x < max(begins, ends)]
    assert len(middle) >= 3
    for x, value in found.points:  # a straight line between the corners
        share = min(max((x - begins) / (ends - begins), 0.0), 1.0)
        assert value == pytest.approx(found.full * (1 - share), abs=0.11)


def test_what_does_not_derate_gives_no_curve(bench: Bench, turned: dict[str, list[Lever]]) -> None:
    (current,) = turned["current"]
    role = bench.config.roles["limit.charge_current"]
    assert [one.direction for one in curves(bench, [current], role)] == []


def test_the_longest_silence_of_a_message_is_found(bench: Bench) -> None:
    (junction_box,) = troubles(bench.config)["silence of JB_Status"]
    roles = roles_of(bench.config.roles, "fault")
    (heard,) = survey(bench, junction_box, "operate", roles, NS_PER_S)
    assert heard.role == "fault.frame_timeout"
    found = characterise(bench, Times(NS_PER_S), heard, [])
    assert found is not None
    (stage,) = found.stages
    assert stage.reaction.median == pytest.approx(0.230, abs=found.cycle)
    assert stage.debounce is not None
    assert (stage.debounce.low, stage.debounce.high) == pytest.approx((0.200, 0.250))
    assert found.clearing.by == "reset in standby"


def test_a_pack_moves_with_its_cells_and_the_sensor_against_them(turned: dict[str, list[Lever]]) -> None:
    (pack,), (against,) = turned["pack voltage"], turned["pack sensor against cells"]
    held = pack.held(pack.at(350.0), pack.at(318.0))
    cells = [value for port, value in held.items() if port.startswith("cell_monitor")]
    assert len(cells) == 96
    assert held[pack.port] == pytest.approx(350.0)
    assert 350.0 - 0.096 <= sum(cells) <= 350.0  # rounded towards rest: the sensor is what trips
    held = against.held(7001, 0)
    cells = [value for port, value in held.items() if port.startswith("cell_monitor")]
    assert held[against.port] - sum(cells) == pytest.approx(7.001)


def test_what_is_no_number_is_no_point_of_a_curve_over_the_charge(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A float signal can say so; one such point must not cost the sheet, which is JSON."""
    said, socs = Trial.last, [0.001, 0.05, 0.5, 0.9]

    def last(trial: Trial, role: str, at_ns: int | None = None) -> float | None:
        value, soc = said(trial, role, at_ns), said(trial, "soc") or 0.0
        if role == "soc":
            return nan if soc > 80.0 else value
        return inf if soc > 40.0 else value

    monkeypatch.setattr(Trial, "last", last)
    monkeypatch.setattr("hil.characterise.curve._SOCS", socs)
    (found,) = over_soc(bench, [bench.config.roles["limit.discharge_current"]])
    assert [soc for soc, _ in found.points] == pytest.approx([0.1, 5.0], abs=0.5)
    assert as_json(Sheet({}, curves=[found]))


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_no_number_is_not_read(
    bench: Bench, turned: dict[str, list[Lever]], monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    role, lever = bench.config.roles["limit.discharge_current"], turned[CELLS][0]
    said = Trial.last
    monkeypatch.setattr(Trial, "last", lambda trial, name: value if name == role.name else said(trial, name))
    sweep = Sweep(bench, lever, role, lever.at(3.3))
    assert sweep.read(lever.at(3.3)) is None
    assert sweep.points == ()
    sweep.close()
