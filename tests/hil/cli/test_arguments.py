"""Kinds of arguments: what is none is wrong usage, said by the command's own parser."""

from __future__ import annotations

import pytest

from hil.cli import main


@pytest.mark.parametrize(
    "command",
    [["run", "laptop"], ["characterise", "laptop"], ["explore", "laptop"], ["parity", "laptop", "vcan"]],
)
@pytest.mark.parametrize(
    ("seed", "reason"), [("-1", "-1 is no seed: 0 or more"), ("one", "invalid seed value: 'one'")]
)
def test_a_seed_is_a_number_from_0_on(
    command: list[str], seed: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--seed", seed])
    assert f"argument --seed: {reason}" in capsys.readouterr().err
