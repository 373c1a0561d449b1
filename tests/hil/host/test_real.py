"""A world in real time, on a bus in memory, at the pace of a test: nothing depends on the machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.bms.process import ProcessBms
from hil.bus.frame import Frame
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BmsEndedError, FirmwareError, HookError
from hil.faults.catalogue import make_fault
from hil.frames.restbus import Source
from hil.host.commands import Commands
from hil.host.real import SafeState
from hil.rig.schema import RigConfig
from tests.hil.paced import Bench
from twins.port import Computed

MS, S = NS_PER_MS, NS_PER_S


@pytest.fixture
def bench(laptop: RigConfig, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(laptop, monkeypatch)


def test_the_bms_operates_and_the_rig_was_on_time(bench: Bench) -> None:
    world = bench.start()
    world.send("mode", 1.0)
    bench.pass_time(3 * S)
    assert bench.state == "operate"
    health = world.vitals.health()
    assert health.beyond(world.rig.health) == []
    assert (health.frames["missed"], health.frames["max_ns"], health.steps["missed"]) == (0, 0, 0)
    assert 0.05 < health.buses["pack"].load < 0.3


def test_the_safe_state_is_asked_for_and_seen(bench: Bench) -> None:
    world = bench.start()
    world.send("mode", 1.0)
    bench.pass_time(3 * S)
    world.inject(make_fault("frame.missing", {"message": "VCU_Request"}))
    safe = world.go_safe()
    assert safe.is_reached
    assert safe.requests == {"mode": "mode = standby", "reset": "reset = 0"}
    assert safe.state == "standby"
    assert set(safe.contactors.values()) == {"open"}
    assert world.summary()["broken"] == []


def test_outputs_are_switched_on_the_way_to_the_safe_state(bench: Bench) -> None:
    world = bench.start()
    world.rig = replace(world.rig, safe_state=replace(world.rig.safe_state, outputs=(("true", "off"),)))
    safe = world.go_safe()
    assert (safe.outputs, safe.is_reached) == ({"true off": ""}, True)
    assert str(safe).endswith("switched: true off")
    world.rig = replace(world.rig, safe_state=replace(world.rig.safe_state, outputs=(("false",), ("true",))))
    safe = world.go_safe()
    assert not safe.is_reached
    assert str(safe).startswith("safe state not reached: ")
    assert str(safe).endswith("switched: true; not switched: false (exit status 1: it said nothing)")


def test_nothing_that_goes_wrong_keeps_the_rig_from_its_safe_state(bench: Bench) -> None:
    """A function of the user's that raises for each frame: all is asked and switched, and it is told."""
    world = bench.start()
    world.send("mode", 1.0)
    bench.pass_time(3 * S)
    assert bench.state == "operate"

    def mine() -> float:
        raise HookError("raised ZeroDivisionError", place="functions.py", key="mine")

    entry = world.entry("CM_Voltages_01")
    entry.connect(next(iter(entry.sources)), Source(Computed([mine]), 0))
    world.rig = replace(world.rig, safe_state=replace(world.rig.safe_state, outputs=(("true",),)))
    with pytest.raises(HookError):
        bench.pass_time(S)
    safe = world.go_safe()
    assert safe.is_reached
    assert (safe.state, safe.outputs) == ("standby", {"true": ""})
    assert None not in safe.on_wire_ns.values()
    assert str(safe).endswith("on the way: functions.py: mine: raised ZeroDivisionError")


def test_a_plant_whose_way_to_the_safe_state_broke_off_is_not_safe(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is gone again, at the latest where the plant ends."""
    commands = Commands(bench.start())

    def break_off() -> SafeState:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(bench.world, "go_safe", break_off)
        with pytest.raises(RuntimeError):
            commands.carry_out("stop", {})
        assert not commands.is_safe
    commands.carry_out("stop", {})
    assert commands.is_safe


def test_a_role_that_not_every_frame_carries_is_told(
    laptop: RigConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of the cell voltages comes in one frame of many."""
    first = laptop.roles["cell.voltage[1]"]
    bench = Bench(replace(laptop, roles={**laptop.roles, "fault.paged": first}), monkeypatch)
    world = bench.start()
    bench.pass_time(5 * S)
    for _ in range(4):  # whichever frame was the last one
        bench.pass_time(210 * MS)
        assert world.summary()["faults"] == ["fault.paged"]


def test_of_a_bms_that_fell_silent_nothing_old_is_told(bench: Bench) -> None:
    world = bench.start()
    world.send("mode", 1.0)
    bench.pass_time(3 * S)
    assert bench.state == "operate"
    world.bms.power_off()
    safe = world.go_safe()
    assert safe.is_reached
    assert {safe.state, *safe.contactors.values()} == {""}


def test_a_bms_process_that_has_died_cannot_be_asked_and_is_safe(bench: Bench) -> None:
    world = bench.start()
    bench.link.full = True
    assert not world.go_safe().is_reached
    world.bms = ProcessBms(["it was killed"])
    safe = world.go_safe()
    world.bms.close()
    assert set(safe.on_wire_ns.values()) == {None}
    assert (safe.bms_runs, safe.is_reached) == (False, True)
    assert "the BMS does not run any more" in str(safe)


class _Dead(ProcessBms):
    """A process that ended while it should have lived."""

    def trouble(self) -> FirmwareError:
        return FirmwareError("the BMS's process ended by itself (killed by SIGSEGV)", place="my_bms")


def test_a_bms_process_that_dies_in_a_test_fails_it(bench: Bench) -> None:
    """Told once, as the BMS's failure."""
    world = bench.start()
    world.bms = _Dead(["my_bms"])
    bench.pass_time(S)
    world.bms.close()
    ((error, fatal),) = bench.told
    assert (type(error), fatal) == (BmsEndedError, True)
    assert str(error).startswith("the BMS's process ended by itself (killed by SIGSEGV)")


def test_the_way_to_the_safe_state_is_told_in_a_sentence() -> None:
    """Also one that was not gone to its end."""
    asked, on_wire = {"mode": "mode = standby"}, {"mode": 5}
    opened = SafeState(asked, on_wire, "standby", {"contactor.main_plus": "open"})
    assert str(opened) == "safe state reached: asked for mode = standby; the BMS says standby"
    closed = SafeState(asked, on_wire, "fault", {"contactor.main_plus": "closed"})
    assert str(closed) == (
        "safe state not reached: asked for mode = standby; the BMS says fault; "
        "still closed: contactor.main_plus"
    )
    silent = SafeState(asked, {"mode": None})
    assert str(silent) == (
        "safe state not reached: asked for mode = standby; never on the bus: mode; the BMS says nothing"
    )


def test_a_renewed_world_is_whole_and_off(bench: Bench) -> None:
    world = bench.start()
    world.set("drive.enable", 1.0)
    world.inject(make_fault("interlock", {}))
    world.inject(make_fault("frame.crc", {"message": "CM_Voltages_01"}))
    bench.pass_time(S)
    assert bench.state == "fault"
    bench.start()
    assert (world.read("drive.enable"), world.read("interlock.closed")) == (0.0, 1.0)
    bench.pass_time(S)
    assert world.summary()["faults"] == []


def test_a_stall_is_counted_in_frames_and_steps(bench: Bench) -> None:
    world = bench.start()
    bench.pace.stall(bench.pace.now_ns + 100 * MS, 300 * MS)
    bench.pass_time(S)
    health = world.vitals.health()
    assert health.frames["missed"] > 50
    assert 28 <= health.steps["missed"] <= 31
    assert health.steps["max_ns"] >= 290 * MS
    assert any("step of the twins" in text for text in health.beyond(world.rig.health))
    world.renew(2)
    assert world.vitals.health().steps["missed"] == 0


def test_steps_that_a_start_of_the_bms_holds_up_mislead_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bms = bench.world.bms
    start = bms.power_on

    def start_slowly(*, cold: bool) -> None:
        start(cold=cold)
        bench.pace.now_ns += 60 * MS

    monkeypatch.setattr(bms, "power_on", start_slowly)
    steps = bench.start().vitals.health().steps
    assert steps["missed"] == 0
    assert steps["count"] > 90


def test_a_bus_that_goes_and_comes_back_is_told_and_served_again(bench: Bench) -> None:
    world = bench.start()
    bench.link.gone = True
    bench.pass_time(2 * S)
    assert [(str(error), fatal) for error, fatal in bench.told] == [("interface pack: is down", False)]
    bench.link.gone = False
    bench.pass_time(2 * S)
    health = world.vitals.health()
    assert 2 * S <= health.buses["pack"].away_ns <= 2.6 * S
    assert "bus pack is back after" in health.troubles[-1]
    frames = health.buses["pack"].frames
    bench.pass_time(S)
    assert world.vitals.health().buses["pack"].frames > frames + 400


def test_a_full_bus_loses_frames_and_nothing_else(bench: Bench) -> None:
    world = bench.start()
    bench.link.full = True
    bench.pass_time(50 * MS)
    bench.link.full = False
    bench.pass_time(S)
    assert bench.told == []
    assert world.vitals.health().buses["pack"].refused > 10


def test_somebody_else_with_the_rigs_identifiers_is_noticed(bench: Bench) -> None:
    world = bench.start()
    request = world.entry("VCU_Request").message
    bench.link.say(Frame(request.id, bytes(8), request.extended, "stranger"))
    bench.pass_time(100 * MS)
    said = world.vitals.health().beyond(world.rig.health)
    assert said == ["bus pack: 1 frames of somebody else with identifiers that the rig sends"]


def test_closed_it_has_left_its_buses(bench: Bench) -> None:
    bench.start()
    bench.world.close()
    assert bench.link.closed
