"""The compiled codecs against cantools, over all shipped DBC files."""

import random
from pathlib import Path

import cantools.database
import pytest

from hil.frames.database import load_database
from hil.frames.e2e import E2E

FILES = sorted((Path(__file__).parents[3] / "dbc").glob("*.dbc"))
LAYOUTS = load_database(FILES).messages


@pytest.mark.parametrize("name", LAYOUTS)
def test_agrees_with_cantools(name: str) -> None:
    oracle = cantools.database.Database()
    for path in FILES:
        oracle.add_dbc_file(str(path))
    message, reference = LAYOUTS[name], oracle.get_message_by_name(name)
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
                if s.mux_value in (None, group)
            }
            data = reference.encode(chosen)
            assert bytes(message.encode(values)) == data
            assert message.decode_dict(data) == pytest.approx(
                reference.decode(data, decode_choices=False)
            )


def test_profile_1_vectors() -> None:
    protector = E2E.of("P1", 0x123, 8, None).protector()
    first, second = bytearray(8), bytearray(8)
    protector.protect(first)
    protector.protect(second)
    assert (first.hex(), second.hex()) == ("cc00000000000000", "9101000000000000")
