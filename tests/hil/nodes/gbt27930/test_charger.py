"""The station against a script of captured frames: each phase, each timeout with its error message."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from hil.nodes.gbt27930.times import ChargerTimes
from tests.hil.nodes.gbt27930.conftest import Bench, Script

BHM = ("BHM", "A5 10")
BRM = ("BRM", "01 01 00 03 F0 05 40 0E" + " 00" * 11 + " 95 00 00 01 00" + " 30" * 17 + " FF" * 8)
BCP = ("BCP", "72 01 DA 05 2A 02 A5 10 73 08 03 C6 0E")
BRO_00, BRO_AA = ("BRO", "00"), ("BRO", "AA")
BCL = ("BCL", "A5 10 D8 0E 02")  # 426.1 V, 20 A
BCS = ("BCS", "C5 0E A0 0F 4C 61 4D 00 00")
BSM, BSM_FORBIDS = ("BSM", "1E 36 06 35 0F 00 10"), ("BSM", "1E 36 06 35 0F 00 00")
BST, BSD = ("BST", "40 00 00 00"), ("BSD", "4D 4D 01 4E 01 35 36")
BEM = ("BEM", "F0 F0 F1 FC")  # CCS did not come

PHASES = ("handshake", "identification", "recognised", "configuration", "ready", "charging")


@pytest.fixture
def scripted(bench: Callable[..., Bench]) -> Callable[..., tuple[Bench, Script]]:
    """A station that has come as far as a phase, and the script that brought it there."""

    def make(phase: str, **options: Any) -> tuple[Bench, Script]:
        b = bench(**options)
        script = Script(b.world)
        b.plug()
        reach(b, script, phase)
        return b, script

    return make


def reach(b: Bench, script: Script, phase: str) -> None:
    world, goal = b.world, PHASES.index(phase)
    world.run(0.1)
    if goal >= 1:
        keep(b, script, "identification", BHM)
    if goal >= 2:
        script.say(*BRM)
        world.run(0.4)
        assert world.said("CRM")["Recognition"] == 0xAA
    if goal >= 3:
        script.say(*BCP)
        keep(b, script, "configuration")
    if goal >= 4:
        script.say(*BRO_00)
        world.run(0.2)
        script.say(*BRO_AA)
        keep(b, script, "ready")
    if goal >= 5:
        while not world.sent("CRO") or world.said("CRO")["Ready"] != 0xAA:
            script.keep_saying(0.25, 0.25, BRO_AA)
        script.say(*BCS)
        keep(b, script, "charging", BCL)


def keep(b: Bench, script: Script, state: str, *messages: tuple[str, str]) -> None:
    for _ in range(200):
        if b.state == state:
            return
        script.keep_saying(0.05, 0.05, *messages)
    raise AssertionError(f"{b.state}, not {state}")


def charge(script: Script, seconds: float, *also: tuple[str, str]) -> None:
    for _ in range(round(seconds / 0.25)):
        script.say(*BCS)
        for message in also:
            script.say(*message)
        script.keep_saying(0.25, 0.05, BCL)


def hexes(world: Any, message: str) -> list[str]:
    return [frame.data.hex(" ").upper() for frame in world.sent(message)]


def test_a_session_of_captured_frames(scripted: Callable[..., tuple[Bench, Script]]) -> None:
    b, script = scripted("charging")
    world = b.world
    charge(script, 2.0, BSM)
    assert world["charger.current"] == pytest.approx(20.0)
    assert world.said("CCS")["Current"] == pytest.approx(-20.0, abs=0.06)
    assert world.said("CCS")["Voltage"] == pytest.approx(world["link.voltage"], abs=0.06)
    b.set("stop", 1.0)  # the stop button
    world.run(0.05)
    assert world["charger.current"] == 0.0
    assert set(hexes(world, "CST")) == {"04 00 F0 F0"}  # as the real station said it
    script.keep_saying(0.1, 0.01, BST)
    script.keep_saying(1.0, 0.25, BSD)
    assert b.state == "statistics"
    given_kwh = world["link.voltage"] * 20.0 * 2.0 / 3.6e6
    assert b.shows("energy") == pytest.approx(given_kwh * 1e3, rel=0.1)
    world.run(6.0)
    assert b.state == "finished"
    assert world.sequence("TP", "BHM", "BRO", "BCL", "BSM", "BST", "BSD") == [
        "CHM", "CRM", "CTS", "CML", "CRO", "CCS", "CST", "CSD",
    ]  # fmt: skip
    assert hexes(world, "CHM")[0] == "01 01 00"
    assert [text[:2] for text in dict.fromkeys(hexes(world, "CRM"))] == ["00", "AA"]
    assert hexes(world, "CML")[0] == "68 10 D0 07 B8 0B A0 0F"  # 420 V, 200 V, -100 A, 0 A
    assert list(dict.fromkeys(hexes(world, "CRO"))) == ["00", "AA"]
    assert all(text.endswith("00 00 FD FF") for text in hexes(world, "CCS"))
    frames = len(world.frames)
    world.run(3.0)
    assert len(world.frames) == frames, "after the end it is silent"


@pytest.mark.parametrize(
    ("message", "phase", "cycle_ms"),
    [("CHM", "identification", 250), ("CTS", "ready", 500), ("CML", "ready", 250), ("CCS", "charging", 50)],
)
def test_cycle_times(
    scripted: Callable[..., tuple[Bench, Script]], message: str, phase: str, cycle_ms: float
) -> None:
    b, script = scripted(phase)
    if phase == "charging":
        charge(script, 1.0)
    periods = b.world.periods_ms(message)
    assert periods == pytest.approx([cycle_ms] * len(periods), abs=1.5)  # others may be on the wire


# The phase reached, what goes on being said, what is missing, after how long, and the CEM, spare bits set.
LATE = [
    ("identification", (BHM,), "Brm", 5.0, "FD F0 C0 FC"),
    ("recognised", (), "Bcp", 5.0, "FC F1 C0 FC"),
    ("configuration", (), "Bro", 5.0, "FC F4 C0 FC"),
    ("configuration", (BRO_00,), "Bro", 60.0, "FC F4 C0 FC"),
    ("ready", (), "Bro", 5.0, "FC F4 C0 FC"),
    ("charging", (BCL,), "Bcs", 5.0, "FC F0 C1 FC"),
    ("charging", (BCS,), "Bcl", 1.0, "FC F0 C4 FC"),
]


@pytest.mark.parametrize(("phase", "said", "late", "seconds", "cem"), LATE)
def test_what_does_not_come_in_time_is_told(
    scripted: Callable[..., tuple[Bench, Script]],
    phase: str,
    said: tuple[tuple[str, str], ...],
    late: str,
    seconds: float,
    cem: str,
) -> None:
    options = {"times": ChargerTimes(insulation_ns=300_000_000, prepare_ns=20_000_000_000)}
    b, script = scripted(phase, **(options if phase == "ready" else {}))
    world, begun_ns = b.world, b.world.clock.now_ns
    for _ in range(round(seconds / 0.05) + 20):
        if world.sent("CEM"):
            break
        script.keep_saying(0.05, 0.05, *said)
    told_s = (world.sent("CEM")[0].t_ns - begun_ns) / 1e9
    assert told_s == pytest.approx(seconds, abs=0.45)  # from the last one, which may be a cycle ago
    assert told_s > seconds - 0.45
    assert hexes(world, "CEM")[0] == cem
    assert world.said("CEM")[late] == 1
    assert world["charger.current"] == 0.0
    assert b.shows("errors") == 1.0


def test_without_bcl_the_output_is_off_within_a_second(scripted: Callable[..., tuple[Bench, Script]]) -> None:
    b, script = scripted("charging")
    charge(script, 1.0)
    assert b.world["charger.current"] == pytest.approx(20.0)
    last_s = b.world.sent("BCL")[-1].t_ns / 1e9
    b.world.run_to(lambda: b.world["charger.current"] == 0.0, within=1.2)
    assert b.world.clock.now_ns / 1e9 - last_s == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("said", "late", "seconds"), [((), "Bst", 5.0), ((BST,), "Bsd", 10.0)], ids=["BST", "BSD"]
)
def test_an_end_that_is_not_answered(
    scripted: Callable[..., tuple[Bench, Script]],
    said: tuple[tuple[str, str], ...],
    late: str,
    seconds: float,
) -> None:
    b, script = scripted("charging")
    charge(script, 0.5)
    b.set("stop", 1.0)
    begun_ns = b.world.clock.now_ns
    while not b.world.sent("CEM"):
        script.keep_saying(0.05, 0.05, *said)
        assert b.world.clock.now_ns - begun_ns < (seconds + 1) * 1e9
    assert (b.world.sent("CEM")[0].t_ns - begun_ns) / 1e9 == pytest.approx(seconds, abs=0.15)
    assert b.world.said("CEM")[late] == 1
    assert b.world.periods_ms("CST") == pytest.approx([10.0] * len(b.world.periods_ms("CST")), abs=1.5)
    b.world.run(20.0)
    assert b.state == "failed", "a session that was to end is not begun again"


def test_after_a_timeout_it_begins_again_three_times_and_then_gives_up(
    scripted: Callable[..., tuple[Bench, Script]],
) -> None:
    b, _ = scripted("identification")
    b.world.run(4 * (5.0 + 3.0) + 3.0)
    assert b.state == "failed"
    assert b.shows("attempts") == 4.0
    assert b.shows("errors") == 4.0
    crm = [frame.t_ns for frame in b.world.sent("CRM")]
    gaps = [after - before for before, after in pairwise(crm) if after - before > 1e9]
    assert len(gaps) == 3
    b.world["charger.plugged"] = 0.0
    b.world.run(0.1)
    assert b.state == "idle"


def test_a_second_attempt_may_succeed(scripted: Callable[..., tuple[Bench, Script]]) -> None:
    b, script = scripted("identification")
    b.world.run(5.2)
    assert b.state == "error"
    keep(b, script, "identification")
    reach_again = PHASES[2:]
    script.say(*BRM)
    b.world.run(0.4)
    assert b.world.said("CRM")["Recognition"] == 0xAA, reach_again


def test_an_error_of_the_bms_ends_the_output_and_the_session(
    scripted: Callable[..., tuple[Bench, Script]],
) -> None:
    b, script = scripted("charging")
    charge(script, 0.5)
    script.say(*BEM)
    b.world.run(0.05)
    assert b.world["charger.current"] == 0.0
    assert b.state == "error"
    assert not b.world.sent("CEM"), "the station has nothing to report itself"
    script.keep_saying(5.0, 0.25, BEM)
    assert b.state == "error", "it lets the BMS finish"
    keep(b, script, "identification")


def test_a_stop_of_the_bms_is_answered_and_obeyed(scripted: Callable[..., tuple[Bench, Script]]) -> None:
    b, script = scripted("charging")
    charge(script, 0.5)
    script.say("BST", "01 00 00 00")
    b.world.run(0.06)
    assert hexes(b.world, "CST")[0] == "40 00 F0 F0"
    assert b.world["charger.current"] == 0.0


def test_the_bms_may_forbid_charging_for_a_while(scripted: Callable[..., tuple[Bench, Script]]) -> None:
    b, script = scripted(
        "charging", times=ChargerTimes(insulation_ns=300_000_000, pause_ns=5_000_000_000)
    )
    charge(script, 0.5, BSM)
    charge(script, 1.0, BSM_FORBIDS)
    assert b.world["charger.current"] == 0.0
    assert b.world.said("CCS")["Permit"] == 0
    charge(script, 1.0, BSM)
    assert b.world["charger.current"] == pytest.approx(20.0)
    charge(script, 5.5, BSM_FORBIDS)
    assert b.state == "stopping", "but not for ever"


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (lambda b: b.set("emergency", 1.0), "EmergencyStop"),
        (lambda b: b.world.ports["charger.over_temperature"].force(1.0), "InternalHot"),
        (lambda b: b.world.ports["charger.input_voltage_wrong"].force(1.0), "EnergyNotDeliverable"),
        (lambda b: b.world.ports["charger.hardware_failure"].force(1.0), "OtherFault"),
        (lambda b: b.world.ports["charger.no_battery"].force(1.0), "OtherFault"),
        (lambda b: b.world.plant.charger.fail("overshoot"), "CurrentMismatch"),
        (lambda b: b.world.ports["charger.voltage"].force(440.0), "AbnormalVoltage"),
    ],
    ids=["emergency", "hot", "mains", "hardware", "no battery", "current", "voltage"],
)
def test_trouble_of_the_power_stage_ends_it(
    scripted: Callable[..., tuple[Bench, Script]], what: Callable[[Bench], None], reason: str
) -> None:
    b, script = scripted("charging")
    demand = ("BCL", "A5 10 B8 0B 02")  # 100 A: an overshoot of 30 % is beyond 10 % + 5 A
    for _ in range(4):
        script.say(*BCS)
        script.keep_saying(0.25, 0.05, demand)
    what(b)
    for _ in range(14):
        script.say(*BCS)
        script.keep_saying(0.25, 0.05, demand)
    assert b.state == "stopping"
    said = b.world.said("CST")
    assert {name for name, value in said.items() if value} == {"FaultStop", reason}


def test_a_pack_that_does_not_suit_is_not_charged(scripted: Callable[..., tuple[Bench, Script]]) -> None:
    b, script = scripted("recognised")
    script.say("BCP", "72 01 DA 05 2A 02 A5 10 73 08 03 D0 01")  # 46.4 V
    b.world.run(0.3)
    assert b.world.said("CST")["AbnormalVoltage"] == 1
    assert not b.world.sent("CRO")


def test_without_a_battery_on_the_line_it_does_not_get_ready(
    scripted: Callable[..., tuple[Bench, Script]],
) -> None:
    b, script = scripted("ready", connected=False)
    script.keep_saying(9.0, 0.25, BRO_AA)
    assert b.state == "ready"
    assert b.world.said("CRO")["Ready"] == 0
    script.keep_saying(1.5, 0.25, BRO_AA)
    assert b.state == "stopping"


@pytest.mark.parametrize(
    ("pole", "ohms", "state"), [("plus", 41e3, "failed"), ("minus", 43e3, "identification")]
)
def test_the_insulation_test(bench: Callable[..., Bench], pole: str, ohms: float, state: str) -> None:
    """100 Ohm for each volt of the 420 V that it tests with."""
    b = bench()
    b.world.plant.leak(pole, ohms)
    script = Script(b.world)
    b.plug()
    script.keep_saying(2.0, 0.25, BHM)
    assert b.state == state


def test_a_vehicle_that_never_answers_the_handshake(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.plug()
    b.world.run(59.0)
    assert b.state == "handshake"
    b.world.run(1.5)
    assert b.state == "failed"
    assert not b.world.sent("CRM")


@pytest.mark.parametrize("phase", PHASES)
def test_unplugging_ends_it_in_any_phase(scripted: Callable[..., tuple[Bench, Script]], phase: str) -> None:
    b, _ = scripted(phase)
    b.world["charger.plugged"] = 0.0
    b.world.run(0.1)
    assert b.state == "idle"
    frames = len(b.world.frames)
    b.world.run(2.0)
    assert len(b.world.frames) == frames
    assert b.world["charger.current"] == 0.0


def test_a_dead_controller_says_nothing_and_hears_nothing(
    scripted: Callable[..., tuple[Bench, Script]],
) -> None:
    b, script = scripted("charging")
    charge(script, 0.5)
    b.world.plant.charger.fail("silent")
    b.world.run(0.05)
    frames = len(b.world.sent("CCS"))
    charge(script, 0.5)
    assert len(b.world.sent("CCS")) == frames


def test_silence_and_a_wrong_state(scripted: Callable[..., tuple[Bench, Script]]) -> None:
    b, script = scripted("charging")
    charge(script, 0.5)
    b.station.silence(True)
    b.world.run(0.01)
    frames = len(b.world.sent("CCS"))
    charge(script, 0.5)
    assert len(b.world.sent("CCS")) == frames
    assert b.world["charger.current"] == pytest.approx(20.0), "silent, it goes on"
    b.station.silence(False)
    b.station.hold("configuration")
    b.world.run(1.0)
    assert b.state == "configuration"
    assert b.world["charger.current"] == 0.0
    assert len(b.world.sent("CML", b.world.clock.now_ns - 900_000_000)) >= 3
    b.station.hold(None)
    b.world.run(0.1)
    assert b.state == "handshake"
    with pytest.raises(Exception, match="has no state 'lost'"):
        b.station.hold("lost")


@pytest.mark.parametrize(
    ("message", "text"), [("BCL", "A5 10"), ("BRO", ""), ("BHM", "A5"), ("BCP", "00" * 12)]
)
def test_a_message_that_is_too_short_is_not_heard(
    bench: Callable[..., Bench], message: str, text: str
) -> None:
    b = bench()
    script = Script(b.world)
    script.say(message, text)
    b.world.run(0.5)
    assert b.station.speaker.heard(message) is None
    assert b.station.speaker.garbage == 1


def test_the_identification_of_before_2015_is_heard(bench: Callable[..., Bench]) -> None:
    b = bench()
    script = Script(b.world)
    script.say("BRM", BRM[1][: 3 * 41])
    b.world.run(0.5)
    assert b.station.speaker.value("BRM", "BatteryType") == 3.0
