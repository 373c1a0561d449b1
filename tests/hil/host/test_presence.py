"""Nothing to test: a bus is away, somebody else plays the rig, the BMS is silent; why, as the bus tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hil.bus.can_error import BUS_ERROR
from hil.bus.frame import Frame
from hil.clock import NS_PER_MS, NS_PER_S, Alarm
from hil.errors import BmsError, BusError, FirmwareError, HealthError, RigTroubleError
from hil.rig.schema import RigConfig
from tests.hil.paced import Bench, MuteBms

MS, S = NS_PER_MS, NS_PER_S
STRANGER = "stranger"


@pytest.fixture
def bench(laptop: RigConfig, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """With a BMS that is well."""
    return Bench(laptop, monkeypatch)


@pytest.fixture
def mute(laptop: RigConfig, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """With a BMS that says nothing."""
    return Bench(replace(laptop, bms=replace(laptop.bms, kind="external")), monkeypatch, MuteBms())


def _every(bench: Bench, period_ns: int, say: Callable[[], None]) -> None:
    def ring(_event: object) -> None:
        bench.clock.set_alarm(alarm, bench.clock.now_ns + period_ns)
        say()

    alarm = Alarm(bench.clock, ring)
    bench.clock.set_alarm(alarm, bench.clock.now_ns + period_ns)


def _others_say(bench: Bench, *frames: tuple[int, bytes]) -> None:
    """Somebody else on the bus, from now on."""

    def say() -> None:
        for identifier, data in frames:
            bench.link.say(Frame(identifier, data, sender=STRANGER))
            bench.link.counters.received += 1

    _every(bench, 50 * MS, say)


def _errors_come(bench: Bench) -> None:
    def say() -> None:
        frame = Frame(BUS_ERROR, bytes(8))
        frame.error = True
        bench.link.counters.count_error(frame)
        bench.link.say(frame)

    _every(bench, 50 * MS, say)


def _power_on(bench: Bench) -> None:
    bench.world.renew(1)
    bench.world.power_on()


def test_a_silent_bms_is_nothing_to_test(mute: Bench) -> None:
    _others_say(mute, (0x7F0, b""))
    with pytest.raises(RigTroubleError, match=r"the BMS says nothing within 10 s \(is it on, on this bus"):
        _power_on(mute)
    assert mute.world.now_ns < 12 * S


def test_one_that_floods_the_bus_is_no_trouble_of_the_rig(mute: Bench) -> None:
    def flood() -> None:
        for _ in range(250):
            mute.link.say(Frame(0, bytes(8)))

    _every(mute, 50 * MS, flood)
    with pytest.raises(
        BmsError, match=r"take 100 % of bus 'pack' \(0x000: [45],\d\d\d frames/s\); nothing else of it came"
    ):
        _power_on(mute)


def test_of_a_process_its_command_is_named(laptop: RigConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(laptop, bms=replace(laptop.bms, kind="process", command=("my_bms", "can0")))
    with pytest.raises(FirmwareError, match=r"^my_bms can0: bms.command: the BMS says nothing .*bms.log"):
        _power_on(Bench(config, monkeypatch, MuteBms()))


def test_it_is_not_waited_for_if_the_rig_file_says_so(
    laptop: RigConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(laptop, bms=replace(laptop.bms, heard_ns=0))
    _power_on(Bench(config, monkeypatch, MuteBms()))


def test_where_only_error_frames_come_the_bit_rate_is_asked_for(mute: Bench) -> None:
    _errors_come(mute)
    with pytest.raises(BusError, match=r"bus pack: .*only error frames come \(\d+, .*is 500 kbit/s"):
        _power_on(mute)


def test_where_nobody_takes_a_frame_that_is_told(mute: Bench) -> None:
    mute.link.full = True
    with pytest.raises(BusError, match=r"nobody takes what the rig sends .*wired to this bus"):
        _power_on(mute)


def test_a_bms_that_falls_silent_ends_the_run_at_the_next_test(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.start()
    bench.pass_time(10 * S)
    monkeypatch.setattr(bench.world.bms, "_send", lambda *_frame: None)
    bench.pass_time(2 * S)
    with pytest.raises(RigTroubleError, match=r"says nothing within 10 s; it was last heard 12\.\d s ago"):
        _power_on(bench)


def test_another_rig_on_the_bus_is_refused_before_anything_is_sent(bench: Bench) -> None:
    _others_say(bench, (0x202, bytes(8)), (0x110, bytes(8)), (0x7F0, b""))
    with pytest.raises(BusError, match=r"sends 202 \(CM_Voltages_02\), 110 \(VCU_Request\), which this rig"):
        _power_on(bench)
    assert bench.link.counters.sent == 0


def test_one_that_came_in_mid_test_is_refused_at_the_next(bench: Bench) -> None:
    bench.start()
    _others_say(bench, (0x202, bytes(8)))
    bench.pass_time(S)
    with pytest.raises(BusError, match="somebody else sends 202"):
        _power_on(bench)


def test_one_that_came_and_went_is_no_more_refused(bench: Bench) -> None:
    bench.start()
    bench.link.say(Frame(0x202, bytes(8), sender=STRANGER))
    bench.pass_time(S)
    bench.start()
    begun_ns = bench.world.now_ns
    _power_on(bench)
    assert bench.world.now_ns - begun_ns < 100 * MS  # nobody is listened for again


def test_a_bus_that_comes_back_is_waited_for(bench: Bench) -> None:
    bench.start()
    bench.link.gone = True
    bench.pass_time(S)
    back = Alarm(bench.clock, lambda _event: setattr(bench.link, "gone", False))
    bench.clock.set_alarm(back, bench.clock.now_ns + 10 * S)
    bench.start()


def test_one_that_does_not_come_back_ends_the_run(bench: Bench) -> None:
    bench.start()
    bench.link.counters.last_error = "the adapter is gone"
    bench.link.gone = True
    bench.pass_time(S)
    with pytest.raises(BusError, match=r"bus pack: has been away for 3\d s: the adapter is gone \(plug the"):
        _power_on(bench)


def test_one_that_goes_before_the_bms_is_heard_makes_the_test_invalid(mute: Bench) -> None:
    gone = Alarm(mute.clock, lambda _event: setattr(mute.link, "gone", True))
    mute.clock.set_alarm(gone, mute.clock.now_ns + 2 * S)
    with pytest.raises(HealthError, match="went away before the BMS was heard"):
        _power_on(mute)
