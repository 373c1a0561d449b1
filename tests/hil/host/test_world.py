"""A world: requests and set points on the wire, good frames heard, the safe state."""

from __future__ import annotations

import pytest

from hil.errors import BusError, UsageError
from hil.rig.load import load_rig
from tests.hil.scripted import scripted_world, status

MS = 1_000_000


def test_a_request_is_in_its_frame_from_the_next_slot(small):
    world = scripted_world(small)
    world.power_on()
    world.run_until(100 * MS)
    stimulus = world.send("mode", 1.0)
    world.run_until(300 * MS)
    frames = world.frames("can0", 272, 0, world.now_ns)
    first = next(frame for frame in frames if frame.data[0] & 3)
    assert (stimulus.applied_ns, stimulus.on_wire_ns) == (100 * MS, first.t_ns)
    assert stimulus.text == "mode = operate"
    assert first.t_ns - 100 * MS <= 51 * MS


def test_defaults_of_requests_are_sent_from_the_start(small):
    world = scripted_world(small)
    world.power_on()
    world.run_until(200 * MS)
    assert {frame.data[0] for frame in world.frames("can0", 272, 0, world.now_ns)} == {0}


def test_a_set_point_counts_as_the_port_takes_it(laptop):
    """Beyond its range a port saturates, and that is what the wire shows."""
    world = scripted_world(laptop)
    world.power_on()
    stimulus = world.set("drive.torque_request", 1e9)
    world.run_until(world.now_ns + 500 * MS, stimulus.arrived)
    assert stimulus.on_wire_ns is not None


def test_the_first_frames_show_what_was_set_before_the_bus_came_alive(laptop):
    """A BMS guesses its state of charge from the first voltages: they were those of before."""
    world = scripted_world(laptop)
    world.set("pack.soc", 0.05)
    expected = world.port("pack.cell_voltage[1]").value
    assert expected < 3.2  # it began at 3.3
    world.power_on()
    world.run_until(90 * MS)
    (_, values), *_ = world.history("pack", "CM_Voltages_01", 0)
    cell = world.database("pack").messages["CM_Voltages_01"].signals["Cell001"].index
    assert values[cell] == pytest.approx(expected, abs=0.005)  # noise and resolution are 1 mV


def test_a_long_frame_of_can_fd_shows_a_stimulus_as_any_frame_does():
    """Eight bytes or more, it is no transport protocol: reactions count from that frame."""
    world = scripted_world(load_rig("fd"))
    (carrier,) = world.carrier_of_message("PDU_Voltages", lambda *_: True)
    assert carrier.message == "PDU_Voltages"


def test_history_is_of_frames_after_an_instant(small):
    world = scripted_world(small, [(k * 20, status(highest_mv=3000 + k)) for k in range(10)])
    world.power_on()
    world.run_until(300 * MS)
    rows = world.history("can0", "BMS_Status", 0)
    assert [round(1000 * values[3]) for _, values in rows] == [3000 + k for k in range(10)]
    assert world.history("can0", "BMS_Status", rows[4][0]) == rows[5:]
    assert world.arrivals("BMS_Status", rows[4][0]) == [t for t, _ in rows[5:]]
    assert [frame.t_ns for frame in world.last_frames("can0", 256, 3)] == [t for t, _ in rows[-3:]]


def test_own_frames_are_heard_also_from_before_somebody_asked(small):
    world = scripted_world(small)
    world.power_on()
    world.run_until(200 * MS)
    before = len(world.history("can0", "CMU_Cells", 0))
    seen = []
    stop = world.subscribe("can0", "CMU_Cells", lambda frame, _values: seen.append(frame.t_ns))
    world.run_until(400 * MS)
    stop()
    world.run_until(600 * MS)
    rows = world.history("can0", "CMU_Cells", 0)
    assert before == 4
    assert len(rows) == 12
    assert seen == [t for t, _ in rows[4:8]]


def test_frames_of_a_wrong_length_are_not_used(small):
    world = scripted_world(small, [(20, bytes(3)), (40, status())])
    world.power_on()
    world.run_until(100 * MS)
    assert len(world.history("can0", "BMS_Status", 0)) == 1
    assert len(world.arrivals("BMS_Status", 0)) == 2


def test_the_bms_does_not_hear_itself_and_hears_all_others(small):
    world = scripted_world(small, [(20, status())])
    world.power_on()
    world.run_until(1000 * MS)
    heard = [frame.id for frame in world.bms.heard]
    assert set(heard) == {272, 513}
    assert len(heard) == 40


def test_names_that_do_not_exist(small):
    world = scripted_world(small)
    with pytest.raises(UsageError, match="the rig does not send a message 'CMU_Cell'"):
        world.entry("CMU_Cell")
    with pytest.raises(UsageError, match="the BMS sends no message 'CMU_Cells'"):
        world.arrivals("CMU_Cells", 0)
    with pytest.raises(UsageError, match="did you mean 'drive\\.torque_request'"):
        world.read("drive.torque_reques")


def test_trouble_in_the_middle_of_time_keeps_its_place_and_remedy(small):
    """SimPy raises a copy of it that would know the reason only."""
    world = scripted_world(small)
    world.power_on()

    def process():
        yield world.clock.timeout(5 * MS)
        raise BusError("the bus is down", place="bus can0", remedy="look at the wire")

    world.clock.process(process())
    with pytest.raises(BusError) as caught:
        world.run_until(10 * MS)
    assert str(caught.value) == "bus can0: the bus is down (look at the wire)"


def test_the_safe_state(laptop):
    world = scripted_world(laptop)
    world.power_on()
    world.set("drive.enable", 1.0)
    world.set("drive.current_request", 50.0)
    world.set("charger.plugged", 1.0)
    world.send("mode", 1.0)
    world.run_until(500 * MS)
    world.stop()
    assert world.read("drive.enable") == 0
    assert not world.bms.powered
    request = world.database("pack").messages["VCU_Request"]
    last = [frame for frame in world.bms.heard if frame.key == request.key][-1]
    assert request.decode_dict(last.data)["Mode"] == 0


def test_what_goes_wrong_on_the_way_to_the_safe_state_keeps_no_request_from_it(laptop):
    world = scripted_world(laptop)
    world.power_on()
    world.send("mode", 1.0)
    world.run_until(500 * MS)
    assert list(world.rig.safe_state.requests) == ["mode", "reset"]
    send = world.send

    def broken(request, value):
        if request == "mode":
            raise BusError("mode cannot be sent")
        return send(request, value)

    def process():
        yield world.clock.timeout(MS)
        raise BusError("and the bus is down")

    world.send = broken
    send("reset", 1.0)
    world.clock.process(process())
    asked_ns = world.now_ns
    with pytest.raises(BusError, match="mode cannot be sent"):
        world.stop()
    assert not world.bms.powered
    assert world.now_ns - asked_ns == 120 * MS
    request = world.database("pack").messages["VCU_Request"]
    last = [frame for frame in world.bms.heard if frame.key == request.key][-1]
    assert request.decode_dict(last.data)["Reset"] == 0


def test_a_later_world_goes_on_in_time(small):
    world = scripted_world(small, [(20, status())], start_ns=5_000 * MS)
    world.power_on()
    world.run_until(5_100 * MS)
    assert [t // MS for t in world.arrivals("BMS_Status", 0)] == [5020]
