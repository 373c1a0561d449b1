"""The virtual bus: microseconds per frame, each part by itself, and the codec against cantools."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.resources import as_file, files
from pathlib import Path

import cantools.database
from cantools.database.can import Message as CanMessage

from hil.bench import Figure
from hil.bus.frame import Frame
from hil.bus.medium import Medium
from hil.clock import NS_PER_S, VirtualClock
from hil.frames.database import Database, Message, load_database
from hil.frames.restbus import Entry, Source
from hil.responses.signals import Signals
from hil.responses.trace import open_trace

_ROUNDS = 15
_CALLS = 2000
_DBC = "cell_monitor.dbc"
_VOLTAGES = 24  # messages of four cells each
_TYPICAL = """VERSION ""
BU_: BMS VCU
BO_ 768 Pack: 8 BMS
 SG_ Voltage : 7|16@0+ (0.1,0) [0|1000] "V" VCU
 SG_ Current : 23|16@0- (0.1,0) [-3000|3000] "A" VCU
 SG_ SOC : 39|8@0+ (0.5,0) [0|100] "%" VCU
 SG_ Hottest : 47|8@0+ (1,-40) [-40|125] "degC" VCU
 SG_ State : 55|4@0+ (1,0) [0|15] "" VCU
 SG_ Fault : 51|1@0+ (1,0) [0|1] "" VCU
 SG_ Isolation : 50|7@0+ (50,0) [0|6350] "kOhm" VCU
 SG_ Alive : 59|4@0+ (1,0) [0|15] "" VCU
"""


def run() -> list[Figure]:
    """Best of several rounds, in turn, so that all meet the same machine."""
    with as_file(files("hil") / "dbc") as folder:
        database = load_database([folder / _DBC])
    entries = _entries(database)
    layout, reference = _typical()
    named: dict[str, float] = {"Voltage": 320.5, "Current": -12.5, "SOC": 55.5, "Hottest": 31.0}
    named |= {"State": 3, "Fault": 0, "Isolation": 2000, "Alive": 9}
    values = [named[name] for name in layout.signals]
    data = bytes(layout.encode(values))
    if data != reference.encode(named) or layout.decode_dict(data) != reference.decode(data):
        raise AssertionError("two codecs, two results")
    seconds = _best(
        {
            "wire": _wire,
            "pack": _repeat(entries[0].pack),
            "encode": _repeat(lambda: layout.encode(values)),
            "encode, cantools": _repeat(lambda: reference.encode(named)),
            "decode": _repeat(lambda: layout.decode(data)),
            "decode, cantools": _repeat(lambda: reference.decode(data)),
            "receive": _receiver(database, entries[0]),
            "blf": _tracer("blf"),
            "log": _tracer("log"),
        }
    )
    return [
        _cost("send, arbitrate, deliver", seconds["wire"], 4.0),
        _cost("pack and protect, four cells", seconds["pack"], 2.0),
        _cost("check and decode, four cells", seconds["receive"], 1.2),
        _cost("trace as BLF", seconds["blf"], 3.0),
        _cost("trace as candump log", seconds["log"], 1.5),
        _ratio("8 signals, cantools over ours, encode", seconds, "encode"),
        _ratio("8 signals, cantools over ours, decode", seconds, "decode"),
        _ratio("8 signals, cantools over ours, both", seconds, "encode", "decode"),
    ]


def _cost(what: str, seconds: float, goal: float) -> Figure:
    value = seconds * 1e6
    return Figure(f"frame: {what}", value, "us", f"<= {goal:g}", value <= goal)


def _ratio(what: str, seconds: Mapping[str, float], *names: str) -> Figure:
    value = sum(seconds[f"{name}, cantools"] for name in names) / sum(seconds[name] for name in names)
    return Figure(f"frame: {what}", value, "x", ">= 10", value >= 10.0)


def _typical() -> tuple[Message, CanMessage]:
    """A frame of 8 bytes and 8 signals, as a pack says how it is; read by us and by cantools."""
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        path = Path(folder) / "typical.dbc"
        path.write_text(_TYPICAL, "utf-8")
        messages = load_database([path]).messages
    oracle = cantools.database.Database()
    oracle.add_dbc_string(_TYPICAL)
    return messages["Pack"], oracle.get_message_by_name("Pack")


def _best(contestants: dict[str, Callable[[], int]]) -> dict[str, float]:
    """Seconds per call of each; a contestant returns how many calls it made."""
    best = dict.fromkeys(contestants, float("inf"))
    gc.disable()
    try:
        for _ in range(_ROUNDS):
            for name, contestant in contestants.items():
                begun = time.perf_counter()
                calls = contestant()
                best[name] = min(best[name], (time.perf_counter() - begun) / calls)
    finally:
        gc.enable()
    return best


def _repeat(call: Callable[[], object]) -> Callable[[], int]:
    def run() -> int:
        for _ in range(_CALLS):
            call()
        return _CALLS

    return run


def _entries(database: Database) -> list[Entry]:
    """The cell voltage frames, fed from one list as a pack feeds them."""
    cells = [3.2 + 0.001 * cell for cell in range(4 * _VOLTAGES)]
    entries = []
    for number in range(_VOLTAGES):
        message = database.messages[f"CM_Voltages_{number + 1:02}"]
        names = [name for name in message.signals if name.startswith("Cell")]
        sources = {name: Source(cells, 4 * number + k) for k, name in enumerate(names)}
        entries.append(Entry(message, sources))
    return entries


def _wire() -> int:
    """From a node's send to another's ear; bursts of four, as a restbus makes them."""
    clock = VirtualClock()
    medium = Medium(clock)
    sender = medium.attach("sender")
    heard: list[Frame] = []
    medium.attach("receiver", heard.append)
    payloads = [bytes((k, 17 * k & 255, 0, k, 255, k, 3, 9)) for k in range(256)]
    for burst in range(_CALLS // 4):
        for k in range(4):
            sender.send(0x201 + k, payloads[burst + k & 255])
        clock.run_until(clock.now_ns + NS_PER_S // 100)
    return len(heard)


def _receiver(database: Database, entry: Entry) -> Callable[[], int]:
    """Frames with counters and checksums, all good."""
    message = entry.message
    frames = []
    for count in range(_CALLS // 15 * 15):
        frame = Frame(message.id, bytes(entry.pack()), message.extended)
        frame.t_ns = count
        frames.append(frame)

    def run() -> int:
        signals = Signals(database, frozenset(message.senders))
        for frame in frames:
            signals.on_frame(frame)
        if signals.receptions[message.name].rejected:
            raise AssertionError("the benchmark's own frames are rejected")
        return len(frames)

    return run


def _tracer(kind: str) -> Callable[[], int]:
    frames = []
    for count in range(_CALLS):
        data = (count * 0x9E3779B97F4A7C15 & (1 << 64) - 1).to_bytes(8, "little")
        frame = Frame(0x201 + count % 40, data, sender="rig")
        frame.t_ns = 250_000 * count
        frames.append(frame)

    def run() -> int:
        with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
            trace = open_trace(Path(folder), kind, ["pack"])
            for frame in frames:
                trace.write(frame, 0)
            trace.close()
        return len(frames)

    return run

