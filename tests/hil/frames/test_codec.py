"""Codecs and packers against cantools, over all shipped DBC files and random ones."""

import gc
import random
import weakref
from dataclasses import dataclass
from math import inf, isnan, nan, nextafter
from pathlib import Path
from struct import calcsize, pack, unpack
from typing import Any

import cantools.database
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.errors import FrameError
from hil.frames import _codec
from hil.frames.database import Message, Signal, load_database
from hil.frames.restbus import Entry, Source
from twins.port import Computed

FILES = sorted((Path(__file__).parents[3] / "dbc").glob("*.dbc"))
LAYOUTS = {name: m for path in FILES for name, m in load_database([path]).messages.items()}
ORACLE = {m.name: m for path in FILES for m in cantools.database.load_file(path).messages}


@pytest.mark.parametrize("name", LAYOUTS)
def test_agrees_with_cantools(name: str) -> None:
    message, reference = LAYOUTS[name], ORACLE[name]
    rng = random.Random(name)
    for group in message.mux_values or (None,):
        for _ in range(20):
            values = [rng.uniform(s.minimum, s.maximum) for s in message.signals.values()]
            for signal in message.signals.values():
                if signal.is_multiplexer and group is not None:
                    values[signal.index] = group
            chosen = {
                s.name: values[s.index]
                for s in message.signals.values()
                if s.is_in(group)
            }
            data = reference.encode(chosen)
            assert bytes(message.encode(values)) == data
            assert message.decode_dict(data) == pytest.approx(
                reference.decode(data, decode_choices=False)
            )


@dataclass
class Layout:
    """A random message as DBC text, and values for its signals."""

    text: str
    names: list[str]


SCALES = ("1", "0.1", "0.001", "-0.5", "2", "-1", "0.0078125")
OFFSETS = ("0", "-40", "1000", "0.25", "-3276.8")


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Signals side by side, without gaps of one byte order, or one 64-bit signal; some floating-point."""
    little = draw(st.booleans())
    floats = st.sampled_from(({32}, set[int]()))
    cuts = sorted(draw(st.one_of(st.sets(st.integers(1, 63), max_size=6), floats)))
    lines, kinds = [], []
    for place, (low, high) in enumerate(zip([0, *cuts], [*cuts, 64], strict=True)):
        start = low if little else 8 * (low // 8) + 7 - low % 8
        sign = draw(st.sampled_from("+-"))
        scale, offset = draw(st.sampled_from(SCALES)), draw(st.sampled_from(OFFSETS))
        order = 1 if little else 0
        lines.append(
            f' SG_ S{place} : {start}|{high - low}@{order}{sign} ({scale},{offset}) [0|0] "" B'
        )
        if high - low in (32, 64) and draw(st.booleans()):
            kinds.append(f"SIG_VALTYPE_ 291 S{place} : {(high - low) // 32};")
    text = "\n".join(['VERSION ""', "NS_ :", "BS_:", "BU_: A B", "BO_ 291 M: 8 A", *lines, *kinds, ""])
    return Layout(text, [f"S{place}" for place in range(len(lines))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dbc")


def parsed(folder: Path, text: str) -> tuple[Message, "cantools.database.can.Message"]:
    path = folder / f"{abs(hash(text))}.dbc"
    path.write_text(text, encoding="utf-8")
    oracle = cantools.database.Database()
    oracle.add_dbc_string(text)
    return load_database([path]).messages["M"], oracle.get_message_by_name("M")


def highest(signal: Signal) -> float:
    """The highest double in its range; of 64 bits the maximum is none."""
    value = float(signal.maximum)
    return value if value <= signal.maximum else nextafter(value, 0.0)


@settings(max_examples=150, deadline=None)
@given(layout=layouts(), data=st.binary(min_size=8, max_size=8), rng=st.randoms())
def test_random_layouts_agree_with_cantools(
    folder: Path, layout: Layout, data: bytes, rng: random.Random
) -> None:
    message, oracle = parsed(folder, layout.text)
    decoded = oracle.decode(data, decode_choices=False)
    floats = pytest.approx(decoded, rel=2**-52, nan_ok=True)  # not Decimals
    assert message.decode_dict(data) == floats
    values = [rng.uniform(max(s.minimum, -1e30), min(highest(s), 1e30)) for s in message.signals.values()]
    named = dict(zip(message.signals, values, strict=True))
    expected = oracle.encode(named, strict=False)
    assert bytes(message.encode(values)) == expected
    sources = {name: Source([value], 0) for name, value in named.items()}
    assert bytes(Entry(message, sources).pack()) == expected


@settings(max_examples=50, deadline=None)
@given(layout=layouts(), rng=st.randoms())
def test_the_ends_of_the_range_fit_and_beyond_is_refused(
    folder: Path, layout: Layout, rng: random.Random
) -> None:
    message, oracle = parsed(folder, layout.text)
    signals = list(message.signals.values())
    ends = [rng.choice((s.minimum, s.maximum)) for s in signals]
    named = dict(zip(message.signals, ends, strict=True))
    assert bytes(message.encode(ends)) == oracle.encode(named, strict=False)
    wrong = rng.choice(signals)
    span = abs(wrong.scale) + (wrong.maximum - wrong.minimum) * 1e-9
    ends[wrong.index] = rng.choice((wrong.minimum - span, wrong.maximum + span))
    with pytest.raises(FrameError, match="is outside"):
        message.encode(ends)


MULTIPLEXED = """VERSION ""
NS_ :
BS_:
BU_: A B
BO_ 291 M: 8 A
 SG_ Page M : 7|4@0+ (1,0) [0|0] "" B
 SG_ Always : 3|4@0- (1,0) [0|0] "" B
 SG_ Cold m2 : 15|16@0- (0.1,-10) [0|0] "" B
 SG_ Warm m5 : 23|24@0+ (-2,7) [0|0] "" B
 SG_ Late m5 : 47|12@0- (1,0) [0|0] "" B
"""


def test_multiplexed_big_endian(folder: Path) -> None:
    message, oracle = parsed(folder, MULTIPLEXED)
    assert message.mux_values == (2, 5)
    given = {2: {"Cold": -123.4}, 5: {"Warm": -1001.0, "Late": -2048}}
    sources = {"Always": Source([-8.0], 0)}
    sources |= {n: Source([v], 0) for group in given.values() for n, v in group.items()}
    entry = Entry(message, sources)
    for page in (2, 5, 2):  # its groups in turn, the first one first
        data = bytes(entry.pack())
        assert data == oracle.encode({"Page": page, "Always": -8, **given[page]})
        named = message.decode_dict(data)
        assert named == pytest.approx(oracle.decode(data, decode_choices=False))
        values = [named.get(name, 0.0) for name in message.signals]
        assert bytes(message.encode(values)) == data
    with pytest.raises(FrameError, match="multiplexor value 3 is unknown"):
        message.decode(b"\x30" + bytes(7))
    with pytest.raises(FrameError, match="multiplexor value"):
        message.encode([3.0, 0, 0, 0, 0])


@pytest.mark.parametrize("length", [0, 7, 9, 64])
def test_a_frame_of_another_length_is_refused(length: int) -> None:
    message = LAYOUTS["CM_Voltages_01"]
    with pytest.raises(FrameError, match=f"{length} bytes instead of 8"):
        message.decode(bytes(length))


@given(data=st.binary(max_size=16))
def test_decoding_anything_gives_values_or_a_frame_error(data: bytes) -> None:
    for message in LAYOUTS.values():
        try:
            values = message.decode(data)
        except FrameError:
            continue
        assert len(values) == len(message.signals)


def test_values_between_two_raw_numbers_go_to_the_even_one(folder: Path) -> None:
    text = 'VERSION ""\nNS_ :\nBS_:\nBU_: A\nBO_ 291 M: 1 A\n SG_ S : 0|8@1+ (0.5,0) [0|0] "" A\n'
    message, _ = parsed(folder, text)
    assert [bytes(message.encode([x]))[0] for x in (0.25, 0.75, 1.25)] == [0, 2, 2]


def message_of(folder: Path, *signals: str, length: int = 8) -> Message:
    """A message of the given ``SG_`` lines, without their names."""
    lines = [f" SG_ S{k} : {line}" for k, line in enumerate(signals)]
    text = "\n".join(['VERSION ""', "NS_ :", "BS_:", "BU_: A", f"BO_ 291 M: {length} A", *lines, ""])
    return parsed(folder, text)[0]


@pytest.mark.parametrize("order", ["0|64@1", "7|64@0"])
@pytest.mark.parametrize("value", [0, 1, 2**53 + 1, 2**63, 2**64 - 1])
def test_integers_of_64_bits_are_exact(folder: Path, order: str, value: int) -> None:
    message = message_of(folder, f'{order}+ (1,0) [0|0] "" A')
    data = bytes(message.encode([value]))
    assert data == value.to_bytes(8, "little" if order.endswith("1") else "big")
    assert message.decode(data) == (value,)
    signed = message_of(folder, f'{order}- (1,0) [0|0] "" A')
    assert signed.decode(data) == (value - (value >> 63 << 64),)
    assert bytes(signed.encode(list(signed.decode(data)))) == data


def test_a_source_beyond_64_bits_is_sent_as_the_highest_number(folder: Path) -> None:
    unsigned = message_of(folder, '0|64@1+ (1,0) [0|0] "" A')
    signed = message_of(folder, '0|64@1- (1,0) [0|0] "" A')
    assert bytes(Entry(unsigned, {"S0": Source([2.0**64], 0)}).pack()) == b"\xff" * 8
    assert bytes(Entry(signed, {"S0": Source([1e30], 0)}).pack()) == b"\xff" * 7 + b"\x7f"
    assert bytes(Entry(signed, {"S0": Source([-1e30], 0)}).pack()) == bytes(7) + b"\x80"


@pytest.mark.parametrize("value", [2**64, -1, 10**400, 2.0**64, float("nan"), float("inf"), -0.6])
def test_what_64_bits_do_not_hold_is_refused(folder: Path, value: float) -> None:
    message = message_of(folder, '0|64@1+ (1,0) [0|0] "" A')
    with pytest.raises(FrameError, match="is outside"):
        message.encode([value])


def test_not_a_number_and_too_few_of_them_are_programming_errors(folder: Path) -> None:
    message = message_of(folder, '0|8@1+ (1,0) [0|0] "" A', '8|8@1+ (1,0) [0|0] "" A')
    with pytest.raises(TypeError):
        message.encode([1.0, "two"])  # type: ignore[list-item]
    with pytest.raises(IndexError):
        message.encode([1.0])
    with pytest.raises(TypeError):
        message.decode(17)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "field",
    [
        (57, 8, True, False, False, 1.0, 0.0, 0.0, 1.0, None, None),
        (58, 8, False, False, False, 1.0, 0.0, 0.0, 1.0, None, None),
        (64, 1, True, False, False, 1.0, 0.0, 0.0, 1.0, None, None),
        (0, 0, True, False, False, 1.0, 0.0, 0.0, 1.0, None, None),
        (0, 65, True, False, False, 1.0, 0.0, 0.0, 1.0, None, None),
        (-1, 1, True, False, False, 1.0, 0.0, 0.0, 1.0, None, None),
        (0, 8, True, False, False, 0.0, 0.0, 0.0, 1.0, None, None),
        (0, 16, True, False, True, 1.0, 0.0, 0.0, 1.0, None, None),
        (0, 8, True, False, False, 1.0, 0.0, 0.0, 1.0, None, (3,)),
    ],
)
def test_a_field_that_cannot_be_is_refused(field: Any) -> None:
    with pytest.raises(ValueError, match=r"leaves its message|a scale is 0|has such a length|of no group"):
        _codec.Layout(8, [field], -1, (), print, print, print)  # type: ignore[arg-type]


@pytest.mark.parametrize("groups", [(2, 1), (1, 1)])
def test_groups_out_of_order_are_refused(groups: tuple[int, ...]) -> None:
    field = (0, 8, True, False, False, 1.0, 0.0, 0.0, 255.0, None, None)
    with pytest.raises(ValueError, match="rising order"):
        _codec.Layout(8, [field], 0, groups, print, print, print)  # type: ignore[arg-type]


def test_a_list_that_shrinks_while_it_is_read_is_no_crash() -> None:
    fields: list[Any] = []

    class Sly:
        def __float__(self) -> float:
            del fields[1:]
            return 1.0

    good = (0, 8, True, False, False, 1.0, 0.0, 0.0, 1.0, None, None)
    fields += [(*good[:5], Sly(), *good[6:]), good]
    with pytest.raises(IndexError):
        _codec.Layout(8, fields, -1, (), print, print, print)  # type: ignore[arg-type]


FLOATS = [("0|32@1", 1, "<f"), ("7|32@0", 1, ">f"), ("0|64@1", 2, "<d"), ("7|64@0", 2, ">d")]


def float_message(folder: Path, place: str, kind: int, rest: str = '(1,0) [0|0] "V"') -> Message:
    text = (
        f'VERSION ""\nNS_ :\nBS_:\nBU_: A\nBO_ 291 M: 8 A\n SG_ S0 : {place}- {rest} A\n'
        f"SIG_VALTYPE_ 291 S0 : {kind};\n"
    )
    return parsed(folder, text)[0]


@pytest.mark.parametrize(("place", "kind", "form"), FLOATS)
@pytest.mark.parametrize("value", [0.0, -1.5, 3.14159, 1e-40, 3.4e38, -3.4e38])
def test_floating_point_numbers_are_as_the_machine_has_them(
    folder: Path, place: str, kind: int, form: str, value: float
) -> None:
    message = float_message(folder, place, kind)
    data = pack(form, value).ljust(8, b"\0")
    assert bytes(message.encode([value])) == data
    assert message.decode(data) == unpack(form, data[: calcsize(form)])
    assert bytes(Entry(message, {"S0": Source([value], 0)}).pack()) == data
    unfed = Entry(message, {})
    unfed.force("S0", value)
    assert bytes(unfed.pack()) == data


@pytest.mark.parametrize(("place", "kind"), [row[:2] for row in FLOATS])
def test_no_number_is_a_floating_point_number_that_is_not_available(
    folder: Path, place: str, kind: int
) -> None:
    message = float_message(folder, place, kind)
    for data in (message.encode([nan]), Entry(message, {"S0": Source([nan], 0)}).pack()):
        assert isnan(message.decode(bytes(data))[0] or 0.0)
    for value in (inf, -inf, 10**400):
        with pytest.raises(FrameError, match="is outside"):
            message.encode([value])


def test_a_floating_point_number_keeps_to_its_declared_range(folder: Path) -> None:
    message = float_message(folder, "0|32@1", 1, '(-0.5,10) [-100|100] "V"')
    assert message.decode(bytes(message.encode([-100.0]))) == (-100.0,)
    with pytest.raises(FrameError, match="outside -100 to 100"):
        message.encode([100.5])
    entry = Entry(message, {"S0": Source([1e39], 0)})
    assert message.decode(bytes(entry.pack())) == (100.0,)


@pytest.mark.parametrize("scale", ["1000", "-0.001"])
def test_a_scaled_float_reaches_as_far_as_its_bits(folder: Path, scale: str) -> None:
    message = float_message(folder, "0|32@1", 1, f'({scale},0) [0|0] "V"')
    (highest,) = message.decode(bytes.fromhex("ffff7f7f00000000"))
    assert highest == pytest.approx(3.4028234e38 * float(scale))
    assert bytes(message.encode([highest or 0.0]))[:4].hex() == "ffff7f7f"


def test_what_a_float_cannot_hold_is_refused_or_sent_as_the_highest(folder: Path) -> None:
    message = float_message(folder, "0|32@1", 1)
    with pytest.raises(FrameError, match="is outside"):
        message.encode([3.5e38])
    entry = Entry(message, {"S0": Source([1e300], 0)})
    assert bytes(entry.pack()[:4]) == bytes.fromhex("ffff7f7f")


EXTENDED = (
    MULTIPLEXED
    + """ SG_ Shared m2 : 63|8@0+ (1,0) [0|0] "" B
SG_MUL_VAL_ 291 Cold Page 2-2;
SG_MUL_VAL_ 291 Warm Page 5-5;
SG_MUL_VAL_ 291 Late Page 5-5;
SG_MUL_VAL_ 291 Shared Page 2-3, 5-5;
"""
)


def test_a_signal_of_several_groups(folder: Path) -> None:
    message, oracle = parsed(folder, EXTENDED)
    assert message.mux_values == (2, 3, 5)
    given = {2: {"Cold": -123.4}, 3: {}, 5: {"Warm": -1001.0, "Late": -2048}}
    sources = {"Always": Source([-8.0], 0), "Shared": Source([77.0], 0)}
    sources |= {n: Source([v], 0) for group in given.values() for n, v in group.items()}
    entry = Entry(message, sources)
    for page in (2, 3, 5, 2):
        data = bytes(entry.pack())
        assert data == oracle.encode({"Page": page, "Always": -8, "Shared": 77, **given[page]})
        named = message.decode_dict(data)
        assert named == pytest.approx(oracle.decode(data, decode_choices=False))
        assert bytes(message.encode([named.get(name, 0.0) for name in message.signals])) == data


def test_a_multiplexor_that_is_declared_signed_or_too_narrow(folder: Path) -> None:
    text = (
        'VERSION ""\nNS_ :\nBS_:\nBU_: A B\nBO_ 291 M: 8 A\n SG_ Page M : 0|8@1- (1,0) [0|7] "" B\n'
        ' SG_ A m1 : 8|8@1+ (1,0) [0|0] "" B\n SG_ B m200 : 8|8@1+ (1,0) [0|0] "" B\n'
    )
    message, _ = parsed(folder, text)
    data = bytes(message.encode([200, 0.0, 9.0]))
    assert data == b"\xc8\x09" + bytes(6)
    assert message.decode(data) == (200, None, 9)


def test_a_source_may_work_its_value_out_and_may_fail(folder: Path) -> None:
    message = message_of(folder, '0|8@1+ (0.5,0) [0|100] "V" A')
    asked = []

    def voltage() -> float:
        asked.append(1)
        if len(asked) == 3:
            raise ZeroDivisionError
        return 3.0 * len(asked)

    entry = Entry(message, {"S0": Source(Computed([voltage]), 0)})
    assert [entry.pack()[0], entry.pack()[0]] == [6, 12]
    with pytest.raises(ZeroDivisionError):
        entry.pack()


def test_an_entry_that_is_let_go_leaves_nothing_behind(folder: Path) -> None:
    """Entry, packer and the entry's own method are a circle that the collector must see."""
    entry = Entry(message_of(folder, '0|8@1+ (1,0) [0|0] "" A'), {"S0": Source([1.0], 0)})
    entry.pack()
    gone = weakref.ref(entry)
    del entry
    gc.collect()
    assert gone() is None
