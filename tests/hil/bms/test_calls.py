"""The calls of firmware in C, with functions that are Python's."""

import ctypes
import struct

import pytest

from hil.bms._calls import Calls, forget_last_words, last_words

FRAME = struct.Struct("=IBBBB64s")  # bms_frame of bms.h
RECEIVE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, ctypes.c_void_p)
STEP = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_int32)
RECEIVING, STEPPING = 3, 4


class Functions:
    """Firmware that writes down what it is told, and the sign of life meanwhile."""

    def __init__(self, *frames: bytes, result: int | None = None) -> None:
        self.frames, self.result = frames, len(frames) if result is None else result
        self.told: list[tuple[int, ...]] = []
        self.heard: list[bytes] = []
        self.beat = memoryview(bytearray(40)).cast("Q")
        self._functions = RECEIVE(self._receive), STEP(self._step)
        receive, step = (ctypes.cast(f, ctypes.c_void_p).value or 0 for f in self._functions)
        self.calls = Calls(receive, step, RECEIVING, STEPPING, self.beat)

    def _receive(self, now_ns: int, frame: int) -> int:
        self.told.append((now_ns, *self.beat))
        self.heard.append(ctypes.string_at(frame, FRAME.size))
        return -7

    def _step(self, now_ns: int, out: int, _capacity: int) -> int:
        self.told.append((now_ns, *self.beat))
        data = b"".join(self.frames)
        ctypes.memmove(out, data, len(data))
        return self.result


def test_a_frame_arrives_and_the_sign_of_life_tells_of_it() -> None:
    firmware = Functions()
    assert firmware.calls.receive(1 << 40, 0x1ABCDEF0, True, 2, 3, bytes(range(64))) == -7
    assert firmware.calls.receive(5, 0x7FF, False, 0, 0, b"\x01") == -7
    first, second = (FRAME.unpack(frame) for frame in firmware.heard)
    assert first == (0x1ABCDEF0, 1, 64, 2, 3, bytes(range(64)))
    assert second == (0x7FF, 0, 1, 0, 0, b"\x01".ljust(64, b"\0"))
    assert firmware.told == [(1 << 40, 1, 0, RECEIVING, 1 << 40, 0), (5, 3, 0, RECEIVING, 5, 0)]
    assert firmware.beat[0] == 4


def test_a_step_gives_its_frames() -> None:
    frames = [(0x123, 0, 8, 1, 0, b"12345678"), (0x1FFFFFFF, 1, 64, 0, 3, bytes(range(64)))]
    firmware = Functions(*(FRAME.pack(*frame) for frame in frames))
    assert firmware.calls.step(7) == frames
    assert firmware.told == [(7, 1, 0, STEPPING, 7, 0)]


@pytest.mark.parametrize("result", [-1, 65, 2**31 - 1])
def test_what_is_no_number_of_frames_is_given_as_it_is(result: int) -> None:
    assert Functions(result=result).calls.step(0) == result


def test_a_length_that_no_frame_has_reads_nothing_beyond_it() -> None:
    firmware = Functions(FRAME.pack(1, 0, 200, 0, 1, bytes(64)))
    assert firmware.calls.step(0) == [(1, 0, 200, 0, 1, bytes(64))]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ((-1, 0, False, 0, 0, b""), OverflowError),
        ((0, 1 << 70, False, 0, 0, b""), OverflowError),
        ((0, 0, False, 0, 0, bytes(65)), ValueError),
        ((0, 0, False, 0, 0, "text"), TypeError),
        ((0, 0, False, 0, 0), TypeError),
    ],
)
def test_what_is_no_frame_is_refused_and_no_call_is_made(given: tuple[object, ...], error: type) -> None:
    firmware = Functions()
    with pytest.raises(error):
        firmware.calls.receive(*given)  # type: ignore[arg-type]
    assert not firmware.told


def test_a_sign_of_life_has_its_words() -> None:
    with pytest.raises(ValueError, match="4 words"):
        Calls(0, 0, RECEIVING, STEPPING, memoryview(bytearray(24)).cast("Q"))


def test_last_words_need_a_sign_of_life_and_are_forgotten() -> None:
    beat = memoryview(bytearray(40)).cast("Q")
    with pytest.raises(ValueError, match="word of 8 bytes"):
        last_words(memoryview(bytearray(4)).cast("I"), b"over", 3)
    forget_last_words()  # nothing was said
    last_words(beat, b"over", 3)
    last_words(beat, b"over again", 3)
    forget_last_words()
    forget_last_words()
    beat.release()  # nobody holds it any more
