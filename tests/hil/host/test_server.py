"""A plant process and its clients, over a real socket; the plant runs in a thread, on a bus in memory.

Time is real, but nothing is asserted about how much of it passes.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import BusError, FirmwareError, HealthError, HilError, RigTroubleError, UsageError
from hil.faults.catalogue import make_fault
from hil.host.client import RemoteHost
from hil.host.connection import Connection
from hil.host.doors import connect
from hil.host.protocol import VERSION, Reader, pack_json, read_json
from hil.rig.rig import Rig
from hil.rig.schema import HostConfig, RigConfig
from tests.hil.scripted import Notes
from tests.hil.served import TOKEN, Plant, unless_late

pytestmark = pytest.mark.real_time

MS, S = NS_PER_MS, NS_PER_S

def test_a_test_of_the_suite_runs_as_in_virtual_time(start: Callable[..., Plant]) -> None:
    """Through the public API: power, precharge, a fault, its reaction in phases, the truth."""
    plant = start()
    host, notes = plant.host(), Notes()
    with unless_late(host):
        _operate_and_open(Rig(plant.rig, host, notes, "test"))
        host.stop()
    assert host.health is not None
    assert host.health.lost == 0
    assert host.health.buses["pack"].frames > 500
    plot = notes.of("plot")[0]
    assert {series["kind"] for series in plot["series"]} == {"stimulus", "reaction"}


def _operate_and_open(rig: Rig) -> None:
    rig.power_on()
    rig.operate()
    limit = rig.limits["interlock"]
    with rig.fault("interlock") as stimulus:
        flag = rig.expect("fault.interlock", True, within=limit.delay + limit.reaction)
        opened = rig.expect("contactor.main_plus", "open", within=limit.delay + limit.reaction)
    assert stimulus.on_wire_ns is not None
    assert flag.t_ns == stimulus.on_wire_ns + flag.reaction_ns
    assert (opened.ok, set(opened.phases)) == (True, {"fault.interlock", "contactor.main_plus"})
    rig.stays("contactor.main_plus", "open", for_="200 ms")
    assert rig.truth("pack.voltage") == pytest.approx(318, abs=2)
    rig.finish()


def test_time_is_the_place_in_the_stream(start: Callable[..., Plant]) -> None:
    """Frames before it are there, none after it; what was found is the last thing seen."""
    host = start().host()
    host.power_on()
    begun_ns = host.now_ns
    assert not host.run_until(begun_ns + 300 * MS)
    assert host.now_ns == begun_ns + 300 * MS
    rows = host.history("pack", "BMS_Status", begun_ns)
    assert rows
    assert all(begun_ns < t < host.now_ns for t, _ in rows)
    found: list[int] = []
    stop = host.subscribe("pack", "BMS_Status", lambda frame, _values: found.append(frame.t_ns))
    assert host.run_until(host.now_ns + S, found)
    stop()
    assert host.now_ns == found[0]
    assert host.history("pack", "BMS_Status", 0)[-1][0] == found[0]
    key = host.database("pack").messages["BMS_Status"].key
    assert host.last_frames("pack", key, 1)[0].t_ns == found[0]


def test_a_link_without_a_descriptor_is_heard_when_it_was_looked_at(start: Callable[..., Plant]) -> None:
    """Nothing that came before the mark comes after it."""
    host = start().host()
    host.power_on()
    for _ in range(20):
        host.run_until(host.now_ns + 5 * MS)
        rows = host.history("pack", "BMS_Contactors", 0)
        later = host.now_ns
        host.run_until(later + 30 * MS)
        assert [row for row in host.history("pack", "BMS_Contactors", 0) if row[0] < later] == rows


def test_a_stimulus_counts_from_its_first_frame(start: Callable[..., Plant]) -> None:
    host = start().host()
    host.power_on()
    stimulus = host.send("mode", 1.0)
    assert stimulus.on_wire_ns is None
    assert host.run_until(host.now_ns + S, stimulus.arrived)
    frame = stimulus.arrived[0]
    assert (stimulus.on_wire_ns, frame.t_ns) == (host.now_ns, host.now_ns)
    own = host.frames("pack", stimulus.carriers[0].key, stimulus.applied_ns, host.now_ns)
    assert [f.data for f in own][-1:] == [frame.data]


def test_the_worlds_of_two_tests_have_nothing_in_common(start: Callable[..., Plant]) -> None:
    plant = start()
    connection = plant.connection()
    first = RemoteHost(plant.rig, connection, 1)
    first.power_on()
    first.inject(make_fault("interlock", {}))
    first.run_until(first.now_ns + 500 * MS)
    first.stop()
    second = RemoteHost(plant.rig, connection, 2)
    assert second.read("interlock.closed") == 1.0
    second.power_on()
    begun_ns = second.now_ns
    second.run_until(begun_ns + 500 * MS)
    index = second.database("pack").messages["BMS_Status"].signals["FaultActive"].index
    with unless_late(second):
        assert not any(values[index] for _, values in second.history("pack", "BMS_Status", 0))
    assert second.history("pack", "BMS_Status", 0)[0][0] > first.now_ns - S


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda host: host.set("pack.socc", 1.0), UsageError, "no port 'pack.socc'"),
        (lambda host: host.set("pack.voltage", 1.0), UsageError, "output"),
        (lambda host: host.read("nothing"), UsageError, "no port"),
        (lambda host: host.inject(make_fault("charger", {"mode": "odd"})), UsageError, "odd"),
        (lambda host: host.arrivals("NoMessage", 0), UsageError, "sends no message"),
    ],
)
def test_mistakes_of_a_test_are_told_as_in_virtual_time(
    start: Callable[..., Plant], act: Callable[[RemoteHost], object], error: type[HilError], text: str
) -> None:
    with pytest.raises(error, match=text):
        act(start().host())


def test_a_fault_of_a_tests_own_making_cannot_go_over(start: Callable[..., Plant]) -> None:
    from hil.faults.sensor import PortFault

    with pytest.raises(UsageError, match="of the test's own making"):
        start().host().inject(PortFault("mine", "interlock.closed", 0.0, ""))


def test_several_faults_begin_and_end_at_one_instant(start: Callable[..., Plant]) -> None:
    host = start().host()
    places = [f"cell_monitor.voltage[{cell}]" for cell in (1, 2)]
    faults = [make_fault("cell.voltage", {"cell": cell, "value": 3.9}) for cell in (1, 2)]
    begun = host.inject_all(faults)
    assert len({one.applied_ns for one in begun}) == 1
    assert [host.read(place) for place in places] == [3.9, 3.9]
    with pytest.raises(UsageError):
        host.inject_all([faults[0], make_fault("cell.voltage", {"cell": 99, "value": 3.9})])
    host.clear_all(faults)
    assert all(host.read(place) < 3.6 for place in places)


def test_one_client_acts_and_others_look_on(start: Callable[..., Plant]) -> None:
    plant = start()
    plant.connection("first")
    second = plant.connection("second", lease=False, frames=False)
    with pytest.raises(UsageError, match="held by first"):
        second.call("lease")
    with pytest.raises(HealthError, match="does not hold the plant's lease"):
        second.call("set", port="drive.enable", value=1.0)
    assert second.call("status")["holder"] == "first"


def test_a_client_that_dies_leaves_a_safe_plant_and_fed_bus(start: Callable[..., Plant]) -> None:
    plant = start()
    host = plant.host()
    host.power_on()
    host.set("drive.enable", 1.0)
    host.inject(make_fault("frame.missing", {"message": "VCU_Request"}))
    plant._opened[0].close()
    plant.wait_for(lambda: len(plant.logged()) == 2)
    entered, reached = plant.logged()
    assert (entered["event"], entered["reason"]) == ("entered", "test has gone without a goodbye")
    assert (reached["event"], reached["contactors"]["contactor.main_plus"]) == ("reached", "open")
    watcher = plant.connection("next")
    assert watcher.call("read", port="drive.enable")["value"] == 0.0
    sent = watcher.call("health")["health"]["frames"]["count"]
    plant.wait_for(lambda: watcher.call("health")["health"]["frames"]["count"] > sent + 100)


def test_a_client_that_falls_silent_loses_its_lease(
    start: Callable[..., Plant], laptop: RigConfig
) -> None:
    plant = start(replace(laptop, host=HostConfig(lease_ns=S)))
    host = plant.host()
    host.power_on()
    plant.wait_for(lambda: len(plant.logged()) == 2)
    assert "gave no sign of life for 1 s" in plant.logged()[0]["reason"]
    with pytest.raises(HealthError, match="lease is lost"):
        host.run_until(host.now_ns + 10 * S)
    with pytest.raises(HealthError, match="does not hold"):
        host.set("drive.enable", 1.0)
    plant._opened[0].call("lease")
    host.set("drive.enable", 1.0)


def test_a_lease_that_is_lost_is_not_told_to_the_next_test(
    start: Callable[..., Plant], laptop: RigConfig
) -> None:
    """The test that lost it hears of it at the latest when it acts, and with the reason."""
    plant = start(replace(laptop, host=HostConfig(lease_ns=S)))
    connection = plant.connection()
    connection.call("renew", seed=1)
    connection.call("power_on", cold=True)
    plant.wait_for(lambda: len(plant.logged()) == 2)
    with pytest.raises(HealthError, match="lease is lost: test gave no sign of life"):
        connection.call("stop")
    connection._fatal = HealthError("the plant's lease is lost: told late")
    connection.call("lease")
    connection.advance(connection.now_ns + 100 * MS, ())


def test_one_that_waits_gives_signs_of_life(start: Callable[..., Plant], laptop: RigConfig) -> None:
    plant = start(replace(laptop, host=HostConfig(lease_ns=S)))
    host = plant.host()
    host.power_on()
    host.run_until(host.now_ns + 3 * S)
    assert plant.logged() == []


def test_leaving_with_a_goodbye_is_safe_too(start: Callable[..., Plant]) -> None:
    plant = start()
    host = plant.host()
    host.power_on()
    plant._opened[0].call("bye")
    assert [line["event"] for line in plant.logged()] == ["entered", "reached"]


def test_a_stopped_plant_needs_no_safe_state(start: Callable[..., Plant]) -> None:
    plant = start()
    host = plant.host()
    host.power_on()
    host.stop()
    plant._opened[0].call("bye")
    assert plant.logged() == []


def test_a_plant_for_one_client_ends_with_it(start: Callable[..., Plant]) -> None:
    plant = start(once=True)
    plant.host().power_on()
    plant._opened[0].close()
    plant.thread.join(20)
    assert not plant.thread.is_alive()
    assert [line["event"] for line in plant.logged()] == ["entered", "reached"]


def test_a_plant_that_is_gone_is_told(start: Callable[..., Plant]) -> None:
    plant = start()
    host = plant.host()
    plant.server.end("now")
    plant.thread.join(20)
    with pytest.raises(RigTroubleError, match="the plant process has ended"):
        host.run_until(host.now_ns + S)


def test_trouble_reaches_the_test(start: Callable[..., Plant]) -> None:
    plant = start()
    host = plant.host()
    host.power_on()

    def fail(_peer: object, _message: object) -> dict[str, Any]:
        plant.server._trouble(BusError("is down", place="bus pack"), fatal=False)
        plant.server._trouble(FirmwareError("has died", place="bms"), fatal=True)
        return {}

    plant.server._own["fail"] = fail  # type: ignore[index]
    plant._opened[0].call("fail")
    with pytest.raises(FirmwareError, match="has died"):
        host.run_until(host.now_ns + 5 * S)
    assert [str(error) for error in plant._opened[0].troubles] == ["bus pack: is down"]


def test_who_comes_by_tcp_needs_the_token(start: Callable[..., Plant]) -> None:
    plant = start()
    assert plant.connection("far", address=plant.tcp, token=TOKEN).call("status")["holder"] == "far"
    with pytest.raises(UsageError, match="wrong token"):
        Connection(plant.tcp, "thief", token="another")


def _talk(address: str, *data: bytes) -> list[dict[str, Any]]:
    """What a plant answers until it hangs up or has answered each message."""
    with contextlib.closing(connect(address)) as line:
        line.settimeout(20)
        for piece in data:
            line.sendall(piece)
        line.shutdown(socket.SHUT_WR)
        reader, found = Reader(), []
        while more := line.recv(1 << 16):
            found += [read_json(content) for kind, content in reader.feed(more) if kind == 1]
        return found


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (pack_json({"do": "lease", "n": 1}), "say hello first"),
        (pack_json({"do": "hello", "n": 1, "version": 99}), f"speaks version {VERSION}"),
        (b"\xff\xff\xff\xff\x01{}", "a message of 4294967295 bytes"),
        (b"\x03\x00\x00\x00\x01{x", "no JSON"),
        (b"\x03\x00\x00\x00\x01[]", "no JSON object"),
        (b"\x02\x00\x00\x00\x02x", "a message of kind 2"),
        (b"GET / HTTP/1.1\r\n\r\n", "a message of"),
    ],
)
def test_strangers_are_told_and_left_alone(start: Callable[..., Plant], data: bytes, text: str) -> None:
    plant = start()
    answers = _talk(plant.path, data)
    assert text in json.dumps(answers)
    assert plant.connection().call("status")["safe"]


def test_wrong_commands_are_told(start: Callable[..., Plant]) -> None:
    connection = start().connection()
    for command, arguments in [
        ("nothing", {}),
        ("carry_out", {}),
        ("read", {}),
        ("read", {"port": ["a"]}),
        ("send", {"request": "mode", "value": "x"}),
        ("inject", {"fault": "interlock", "arguments": {}, "more": 1}),
        ("renew", {"seed": None}),
    ]:
        with pytest.raises(HilError):
            connection.call(command, **arguments)
    assert connection.call("ping") == {}


def test_a_client_too_slow_loses_frames_and_is_told(
    start: Callable[..., Plant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.host.peer._WAITING", 20_000)
    plant = start()
    host = plant.host()
    host.power_on()
    watcher = plant.connection("watcher", lease=False, frames=False)
    peer = plant.server._peers[0]
    plant.wait_for(lambda: watcher.call("ping") == {} and peer.lost > 10)
    host.run_until(host.now_ns + 200 * MS)
    plant.wait_for(lambda: host.run_until(host.now_ns + 100 * MS) or plant._opened[0].lost > 10)
    host.stop()
    assert host.health is not None
    assert "the test was too slow to take" in host.health.beyond(plant.rig.health)[-1]
