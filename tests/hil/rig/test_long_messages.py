"""Long messages of J1939 in a rig: wires and roles as of any other, both ways, and why one did not come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from hil.bus.frame import Frame
from hil.bus.medium import Medium
from hil.bus.node import Node
from hil.bus.open import open_medium
from hil.checks.verdict import BmsFailure
from hil.clock import NS_PER_MS, Alarm, VirtualClock
from hil.errors import NotOfferedError, RigFileErrors, UsageError
from hil.faults.frame import WrongLength, WrongValue
from hil.frames.j1939 import EVERYBODY, Parcel, parse
from hil.frames.transport import Transfer, Transport
from hil.host.world import World
from hil.rig.live import Live
from hil.rig.load import load_rig
from hil.rig.remarks import remarks
from hil.rig.rig import Rig
from hil.rig.schema import RigConfig
from tests.hil.scripted import Notes, small_rig

BMS, VCU, CMU = 0xF3, 0x27, 0x90
REPORT, TROUBLE, CELLS, ORDERS = 0xFF31, 0xFECA, 0xFF40, 0xE300

DBC = """VERSION ""
BU_: BMS CMU VCU
BO_ 2566861310 BMS_Report: 20 BMS
 SG_ Mode : 0|8@1+ (1,0) [0|255] "" VCU
 SG_ Volts : 120|16@1+ (0.001,0) [0|65.535] "V" VCU
 SG_ Flags : 144|16@1+ (1,0) [0|65535] "" VCU
BO_ 2566834942 DM1: 8 BMS
 SG_ RedStopLamp : 4|2@1+ (1,0) [0|3] "" VCU
BO_ 2566865150 CMU_All: 16 CMU
 SG_ Cell1 : 0|16@1+ (0.001,0) [0|65.535] "V" BMS
 SG_ Cell4 : 112|16@1+ (0.001,0) [0|65.535] "V" BMS
BO_ 2565079039 VCU_Orders: 9 VCU
 SG_ Order : 64|8@1+ (1,0) [0|255] "" BMS
BO_ 1536 Odd: 12 VCU
 SG_ Text : 0|8@1+ (1,0) [0|255] "" BMS
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_DEF_DEF_ "GenMsgCycleTime" 0;
BA_ "GenMsgCycleTime" BO_ 2566861310 500;
BA_ "GenMsgCycleTime" BO_ 2566834942 1000;
BA_ "GenMsgCycleTime" BO_ 2566865150 500;
BA_ "GenMsgCycleTime" BO_ 2565079039 500;
"""
ADDRESSES = """
[bus.can0.j1939]
BMS_Report = { source = 0xF3 }
CMU_All = { source = 0x90, spacing = "100 ms" }
VCU_Orders = { source = 0x27, destination = 0xF3, spacing = "5 ms" }

[bus.can0.j1939.DM1]
source = 0xF3
codes = { Overvoltage = { spn = 520192, fmi = 31 }, Anything = { spn = 520193 } }

[wires.can0.CMU_All]
Cell1 = "cell_monitor.voltage[1]"
Cell4 = "cell_monitor.voltage[4]"
"""
ROLES = """
"report.mode" = { signal = "can0/BMS_Report.Mode", values = { idle = 0, busy = 1 } }
"report.volts" = "can0/BMS_Report.Volts"
"report.hot" = { signal = "can0/BMS_Report.Flags", mask = 0x100, when = { Mode = 1 } }
"fault.pack_overvoltage" = { signal = "can0/DM1.Overvoltage", absent_after = "3 s" }
"code.any" = "can0/DM1.Anything"
codes = "can0/DM1.CodeCount"
"""
Build = Callable[..., RigConfig]


class Peer:
    """A BMS that speaks the transport protocol when a test says so."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.parcels: list[tuple[int, Parcel]] = []
        self.node: Node | None = None
        self.transport = Transport(clock, BMS, self.put, self._take)

    def attach(self, medium: Medium) -> None:
        self.node = medium.attach("bms", on_frame=self._hear)

    def power_on(self, *, cold: bool) -> None: ...

    def power_off(self) -> None: ...

    def supply(self, on: bool) -> None: ...

    def say(self, pgn: int, data: bytes, destination: int = EVERYBODY) -> Transfer:
        return self.transport.send(pgn, data, destination)

    def put(self, ident: int, data: bytes) -> None:
        assert self.node is not None
        self.node.send(ident, data, extended=True)

    def _hear(self, frame: Frame) -> None:
        if frame.extended:
            self.transport.hear(frame.id, frame.data)

    def _take(self, parcel: Parcel) -> None:
        self.parcels.append((self.clock.now_ns, parcel))


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """The small rig with long messages."""

    def make(*changes: tuple[str, str], more: str = "") -> RigConfig:
        small_rig(tmp_path)
        (tmp_path / "long.dbc").write_text(DBC)
        path = tmp_path / "rig.toml"
        text = path.read_text().replace('["bms.dbc"]', '["bms.dbc", "long.dbc"]')
        text = text.replace("[roles]\n", f"[roles]\n{ROLES}") + ADDRESSES + more
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        return load_rig(path)

    return make


def world_of(config: RigConfig) -> tuple[Rig, World, Peer]:
    clock = VirtualClock()
    peer = Peer(clock)
    media = {name: open_medium(name, bus, clock, 1) for name, bus in config.buses.items()}
    world = World(config, clock, media, peer, None, 1)  # type: ignore[arg-type]
    world.power_on()
    return Rig(config, world, Notes(), "test"), world, peer


def later(world: World, after_ms: int, what: Callable[[], object]) -> None:
    world.clock.set_alarm(Alarm(world.clock, lambda _: what()), world.now_ns + after_ms * NS_PER_MS)


def report(mode: int = 1, millivolts: int = 3300, flags: int = 0) -> bytes:
    volts, bits = (number.to_bytes(2, "little") for number in (millivolts, flags))
    return bytes([mode]).ljust(15, b"\0") + volts + b"\0" + bits


def packets(world: World, source: int, destination: int) -> list[int]:
    """When the packets of a message ended, in ms."""
    taken = (frame for frame in world.stations["can0"].listener.frames if frame.extended)
    wanted = (6, 0xEB00, destination, source)
    return [round(f.t_ns / NS_PER_MS) for f in taken if parse(f.id)[1:] == wanted[1:]]


@pytest.mark.parametrize("destination", [EVERYBODY, VCU])
def test_a_role_is_read_from_a_message_in_parts(build: Build, destination: int) -> None:
    rig, world, peer = world_of(build())
    later(world, 100, lambda: peer.say(REPORT, report(flags=0x100), destination))
    rig.expect("report.mode", "busy", within="1 s")
    history = rig.history("report.volts", 0)
    assert [round(volts, 3) for _, volts in history] == [3.3]
    assert [value for _, value in rig.history("report.hot", 0)] == [1.0]
    last = packets(world, BMS, destination)[-1]
    assert round(history[0][0] / NS_PER_MS) == last  # the time of a message is that of its last packet


def test_a_message_that_breaks_off_is_told(build: Build) -> None:
    rig, world, peer = world_of(build())

    later(world, 10, lambda: peer.put(0x1CECFFF3, bytes.fromhex("20140003FF31FF00")))
    later(world, 60, lambda: peer.put(0x1CEBFFF3, bytes.fromhex("0100000000000000")))
    with pytest.raises(BmsFailure, match=r"BMS_Report broke off once, at last: packet 2 of 3 did not come"):
        rig.expect("report.mode", "busy", within="2 s")


def test_a_receiver_that_is_not_there_is_told(build: Build) -> None:
    """0x28 is nobody's address: nobody asks for packets, and the BMS gives up."""
    rig, world, peer = world_of(build())
    later(world, 10, lambda: peer.say(REPORT, report(), 0x28))
    with pytest.raises(BmsFailure, match=r"BMS_Report broke off once, at last: .*timeout|did not come"):
        rig.expect("report.mode", "busy", within="3 s")


def test_a_wire_goes_out_in_packets_to_everybody(build: Build) -> None:
    _, world, peer = world_of(build())
    world.run_until(1200 * NS_PER_MS)
    got = [parcel for _, parcel in peer.parcels if parcel.pgn == CELLS]
    assert len(got) == 2
    assert 3000 < int.from_bytes(got[0].data[:2], "little") < 3600
    ends = packets(world, CMU, EVERYBODY)
    assert ends[1] - ends[0] == pytest.approx(100, abs=1)


def test_a_wire_goes_out_to_one_receiver_that_asks(build: Build) -> None:
    _, world, peer = world_of(build(more='\n[constants]\n"can0/VCU_Orders.Order" = 7\n'))
    world.run_until(900 * NS_PER_MS)
    orders = [parcel for _, parcel in peer.parcels if parcel.pgn == ORDERS]
    assert [(parcel.source, parcel.destination, parcel.data[8]) for parcel in orders] == [(VCU, BMS, 7)] * 2


def test_a_message_of_the_rig_that_is_acknowledged_too_early_is_told(build: Build) -> None:
    rig, world, peer = world_of(build())
    answers = iter(("1101 01FFFF 00E300", "1309 0002FF 00E300"))  # asks for one packet, then has two

    def answer(frame: Frame) -> None:
        if frame.extended and parse(frame.id)[1:] == (0xEC00, BMS, VCU) and frame.data[0] == 16:
            for after_ms, data in enumerate(answers, 1):
                later(world, 20 * after_ms, partial(peer.put, 0x1CEC27F3, bytes.fromhex(data)))

    assert peer.node is not None
    peer.node.on_frame = answer
    world.run_until(400 * NS_PER_MS)
    ((told_ns, reason),) = rig.messages.broken_off("VCU_Orders")
    assert reason == "acknowledged without packet 2 of 2"
    assert 0 < told_ns <= world.now_ns
    assert rig.messages.broken_off("VCU_Orders", told_ns) == []
    assert rig.messages.broken_off("BMS_Report") == []


def control(world: World, source: int) -> list[int]:
    """First bytes of the control frames of an address: CTS 17, end 19, abort 255."""
    taken = (frame for frame in world.stations["can0"].listener.frames if frame.extended)
    return [f.data[0] for f in taken if parse(f.id)[1::2] == (0xEC00, source)]


@pytest.mark.parametrize(
    ("number", "mode", "sent", "answers"),
    [
        (1, "lost", [2, 1, 2], [17, 17, 19]),
        (2, "lost", [1, 2], [17, 17, 19]),
        (2, "never", [1], [17, 17, 255]),
        (1, "repeat", [1, 1, 2], [17, 19]),
    ],
)
def test_a_packet_to_one_receiver_is_lost_or_comes_twice(
    build: Build, number: int, mode: str, sent: list[int], answers: list[int]
) -> None:
    """A receiver that knows the protocol gets the message all the same, but for a packet that never comes."""
    rig, world, peer = world_of(build())
    with rig.fault("frame.packet", message="VCU_Orders", number=number, mode=mode):
        world.run_until(400 * NS_PER_MS)
        world.entry("VCU_Orders").hold = "drop"  # one message only
        world.run_until(3500 * NS_PER_MS)
    taken = [f for f in world.stations["can0"].listener.frames if f.extended]
    assert [f.data[0] for f in taken if parse(f.id)[1:] == (0xEB00, BMS, VCU)] == sent
    assert control(world, BMS) == answers
    assert len([parcel for _, parcel in peer.parcels if parcel.pgn == ORDERS]) == (mode != "never")
    world.entry("VCU_Orders").hold = "normal"
    world.run_until(4200 * NS_PER_MS)
    assert [parcel for _, parcel in peer.parcels if parcel.pgn == ORDERS]  # the fault is gone


@pytest.mark.parametrize("mode", ["lost", "never", "repeat"])
def test_a_broadcast_with_a_wrong_packet_does_not_arrive(build: Build, mode: str) -> None:
    rig, world, peer = world_of(build())
    world.run_until(700 * NS_PER_MS)
    before = len(peer.parcels)
    assert before > 0
    with rig.fault("frame.packet", message="CMU_All", number=2, mode=mode) as stimulus:
        world.run_until(2700 * NS_PER_MS)
        assert [parcel for _, parcel in peer.parcels[before:] if parcel.pgn == CELLS] == []
        last_ms = round((stimulus.on_wire_ns or 0) / NS_PER_MS)
        assert (last_ms in packets(world, CMU, EVERYBODY)) == (mode != "repeat")  # of the last whole one
    world.run_until(4000 * NS_PER_MS)
    assert [parcel for _, parcel in peer.parcels[before:] if parcel.pgn == CELLS]


def test_what_no_packet_is_cannot_be_lost(build: Build) -> None:
    rig, _, _ = world_of(build())
    with pytest.raises(UsageError, match="VCU_Orders has no packet 3, they are 1 to 2"):
        rig.fault("frame.packet", message="VCU_Orders", number=3).__enter__()
    with pytest.raises(UsageError, match="there is no mode 'gone'"):
        rig.fault("frame.packet", message="VCU_Orders", mode="gone").__enter__()
    short = next(name for name in rig.messages.of_rig() if name not in ("VCU_Orders", "CMU_All"))
    with pytest.raises(NotOfferedError, match="goes in one frame, it has no packets"):
        rig.fault("frame.packet", message=short).__enter__()


def test_a_stimulus_counts_from_the_last_packet(build: Build) -> None:
    _, world, _ = world_of(build())
    world.run_until(2100 * NS_PER_MS)
    stimulus = world.inject(WrongValue("CMU_All", "Cell1", 1.0))
    world.run_until(3500 * NS_PER_MS)
    assert stimulus.on_wire_ns is not None
    begun_later = [end for end in packets(world, CMU, EVERYBODY) if 2500 < end < 3000]
    assert len(begun_later) == 3
    assert round(stimulus.on_wire_ns / NS_PER_MS) == begun_later[-1]


@pytest.mark.parametrize("length", [12, 8])
def test_a_long_message_may_be_cut(build: Build, length: int) -> None:
    """Down to one frame."""
    rig, world, peer = world_of(build())
    assert length in rig.messages.shorter("CMU_All")
    stimulus = world.inject(WrongLength("CMU_All", length))
    world.run_until(900 * NS_PER_MS)
    assert stimulus.on_wire_ns is not None
    in_parts = [parcel.data for _, parcel in peer.parcels if parcel.pgn == CELLS]
    assert {len(data) for data in in_parts} == ({12} if length == 12 else set())


def test_all_codes_of_a_message_at_once(build: Build) -> None:
    rig, world, peer = world_of(build())
    two = bytes.fromhex("10FF 00F0FF01 01F0EF01".replace(" ", ""))
    later(world, 10, lambda: peer.say(TROUBLE, two))
    rig.expect("fault.pack_overvoltage", True, within="1 s")
    assert rig.history("codes", 0)[-1][1] == 2
    assert rig.history("code.any", 0)[-1][1] == 1
    later(world, 10, lambda: peer.put(0x18FECAF3, bytes.fromhex("00FF00000000FFFF")))  # one frame: no code
    rig.expect("fault.pack_overvoltage", False, within="1 s")
    assert rig.history("codes", 0)[-1][1] == 0


def test_a_code_that_is_no_longer_sent_is_clear(build: Build) -> None:
    rig, world, peer = world_of(build())
    one = bytes.fromhex("10FF00F0FF01FFFF")
    later(world, 10, lambda: peer.put(0x18FECAF3, one))
    rig.expect("fault.pack_overvoltage", True, within="1 s")
    said_ns = next(t for t, value in rig.history("fault.pack_overvoltage", 0) if value == 1)
    rig.expect("fault.pack_overvoltage", False, within="4 s")
    cleared_ns = next(t for t, value in rig.history("fault.pack_overvoltage", said_ns) if value == 0)
    assert cleared_ns == said_ns + 3000 * NS_PER_MS
    rig.stays("fault.pack_overvoltage", False, for_="3 s")


def test_who_looks_on_sees_long_messages(build: Build) -> None:
    config = build()
    _, world, peer = world_of(config)
    live = Live(config, ["report.volts"], ["CMU_All.Cell1"])
    world.stations["can0"].medium.taps.append(lambda frame: live.hear("can0", frame))
    later(world, 10, lambda: peer.say(REPORT, report(millivolts=3456)))
    world.run_until(900 * NS_PER_MS)
    volts, cell = live.rows(0)
    assert volts.text == "3.456 V"
    assert cell.text.startswith("3.")


def test_a_message_that_no_bus_carries_is_a_remark(build: Build) -> None:
    (line,) = [line for line in remarks(build()) if "Odd" in line]
    assert "a message of 11 bits has no 12 bytes" in line


@pytest.mark.parametrize(
    ("changes", "more", "reason"),
    [
        ((), '[constants]\n"can0/Odd.Text" = 1', "Odd in "),
        ((('spacing = "100 ms"', 'spacing = "20 ms"'),), "", "a broadcast are 50 to 200 ms apart"),
        ((('spacing = "5 ms"', 'spacing = "1 s"'),), "", "one receiver are 0 to 200 ms apart"),
        ((("source = 0xF3 }\nCMU", 'source = 0xF3, codes = {} }\nCMU'),), "", "carries no trouble codes"),
        ((("spn = 520193", "spn = 524288"),), "", "spn"),
        ((("Anything =", "RedStopLamp ="), ("DM1.Anything", "DM1.RedStopLamp")), "", "a signal of that name"),
        (
            (("\n[bus.can0.j1939]", "\n[bus.can0.messages]\nCMU_All.by = 'kernel'\n\n[bus.can0.j1939]"),),
            "",
            "a transport protocol",
        ),
    ],
)
def test_mistakes(build: Build, changes: Sequence[tuple[str, str]], more: str, reason: str) -> None:
    with pytest.raises(RigFileErrors) as caught:
        build(*changes, more=more)
    assert reason in str(caught.value)
