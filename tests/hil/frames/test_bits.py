"""Raw bits of signals, with cantools as the oracle."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import cantools
import pytest

from hil.frames.bits import bits_of, carries, put_raw, raw_beyond, raw_in, unused_bits
from hil.frames.database import load_database

DBC = """VERSION ""
BU_: RIG BMS
BO_ 256 Little: 8 RIG
 SG_ A : 3|13@1+ (0.5,10) [10|100] "V" BMS
 SG_ B : 20|12@1- (-1,0) [-100|200] "" BMS
BO_ 257 Big: 8 RIG
 SG_ C : 5|13@0+ (1,0) [0|0] "" BMS
 SG_ D : 34|11@0- (1,0) [-1024|1000] "" BMS
BO_ 258 Mux: 8 RIG
 SG_ M M : 0|8@1+ (1,0) [0|3] "" BMS
 SG_ E m1 : 8|16@1+ (1,0) [0|60000] "" BMS
 SG_ F m2 : 8|8@1+ (1,0) [0|100] "" BMS
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    path = tmp_path_factory.mktemp("bits") / "bits.dbc"
    path.write_text(DBC, encoding="utf-8")
    return load_database([path]).messages, cantools.database.load_file(path)


@pytest.mark.parametrize(
    ("message", "signal", "raw"),
    [("Little", "A", 0x1234), ("Little", "B", -77), ("Big", "C", 0x1ABC), ("Big", "D", -1000)],
)
@pytest.mark.parametrize("fill", [b"\x00" * 8, b"\xff" * 8, bytes(range(8))])
def test_a_raw_number_is_where_cantools_reads_it(files, message, signal, raw, fill):
    layout, oracle = files[0][message], files[1].get_message_by_name(message)
    field, data = layout.signals[signal], bytearray(fill)
    others = oracle.decode(bytes(fill), decode_choices=False, scaling=False)
    put_raw(layout, field, data, raw)
    assert oracle.decode(bytes(data), decode_choices=False, scaling=False) == others | {signal: raw}
    assert raw_in(layout, field, data) == raw & (1 << field.length) - 1
    mask = bits_of(layout, field)
    assert bytes(a & ~m & 0xFF for a, m in zip(data, mask, strict=True)) == bytes(
        a & ~m & 0xFF for a, m in zip(fill, mask, strict=True)
    )


FLOAT = """VERSION ""
BU_: RIG BMS
BO_ 259 Real: 8 RIG
 SG_ R : 0|32@1- (0.5,1) [{range}] "V" BMS
SIG_VALTYPE_ 259 R : 1;
"""


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("by", [1, 7])
def test_beyond_the_range_of_a_floating_point_signal_is_the_next_float(tmp_path, above, by):
    path = tmp_path / "float.dbc"
    path.write_text(FLOAT.format(range="-3|5"), encoding="utf-8")
    layout = load_database([path]).messages["Real"]
    signal, data = layout.signals["R"], bytearray(8)
    raw = raw_beyond(signal, by, above=above)
    put_raw(layout, signal, data, raw)
    value = (layout.decode(bytes(data))[0] - 1) / 0.5
    end = 8.0 if above else -8.0
    assert (value > end) is above
    assert value == end + (by if above else -by) * 2.0**-20


def test_beyond_all_floats_is_infinity_and_beyond_that_nothing(tmp_path):
    path = tmp_path / "float.dbc"
    path.write_text(FLOAT.format(range="0|0"), encoding="utf-8")
    layout = load_database([path]).messages["Real"]
    signal, data = layout.signals["R"], bytearray(8)
    put_raw(layout, signal, data, raw_beyond(signal, above=False))
    assert layout.decode(bytes(data)) == (-inf,)
    assert raw_beyond(signal, 2, above=True) is None


def test_bits_that_no_signal_uses(files):
    assert unused_bits(files[0]["Little"]).hex() == "0700" + "0f" + "00" * 1 + "ffffffff"
    used = sum(byte.bit_count() for byte in unused_bits(files[0]["Big"]))
    assert used == 64 - 13 - 11
    assert unused_bits(files[0]["Mux"]).hex() == "000000" + "ff" * 5


def test_a_signal_is_there_under_its_multiplexor_only(files):
    mux = files[0]["Mux"]
    assert carries(mux, mux.signals["M"], b"\x00" * 8)
    assert carries(mux, mux.signals["E"], b"\x01" + b"\x00" * 7)
    assert not carries(mux, mux.signals["E"], b"\x02" + b"\x00" * 7)


@pytest.mark.parametrize(
    ("message", "signal", "above", "below"),
    [
        ("Little", "A", 181, None),  # 100 V is 180, 10 V is 0
        ("Little", "B", -201, 101),  # the factor is negative
        ("Big", "C", None, None),
        ("Big", "D", 1001, None),
        ("Mux", "F", 101, None),
    ],
)
def test_the_number_next_to_the_range(files, message, signal, above, below):
    field = files[0][message].signals[signal]
    assert raw_beyond(field, above=True) == above
    assert raw_beyond(field, above=False) == below


def test_numbers_farther_beyond_the_range(files):
    little = files[0]["Little"].signals
    assert [raw_beyond(little["A"], by, above=True) for by in (1, 2, 8011, 8012)] == [181, 182, 8191, None]
    assert [raw_beyond(little["B"], by, above=True) for by in (1, 1848)] == [-201, -2048]


def test_not_available_is_not_out_of_range(files):
    field = replace(files[0]["Little"].signals["A"], not_available=101.5)  # raw 183
    assert [raw_beyond(field, by, above=True) for by in (1, 2, 3, 4)] == [181, 182, 184, 185]
