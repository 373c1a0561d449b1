"""A plant and its client are two processes: what both make of one rig file must be the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hil.host.identity import identity_of
from hil.rig.load import load_rig
from hil.rig.shipped import shipped_rigs

_PROGRAM = """
import sys
from hil.host.identity import identity_of
from hil.rig.load import load_rig
for name in sys.argv[1:]:
    print(name, identity_of(load_rig(name)))
"""


def _identities(seed: int, rigs: list[str]) -> str:
    """Those of a process whose sets have an order of their own."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    command = [sys.executable, "-P", "-c", _PROGRAM, *rigs]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_how_messages_are_sent_is_part_of_it(tmp_path: Path) -> None:
    def identity(more: str) -> str:
        path = tmp_path / "rig.toml"
        path.write_text(f'extends = "laptop"\n[rig]\nname = "mine"\n{more}')
        return identity_of(load_rig(path))

    assert identity("") == identity("")
    for other in ('"CM_*" = { cycle = "200 ms" }', '"JB_*" = { phase = "3 ms" }'):
        assert identity(f"[bus.pack.messages]\n{other}\n") != identity("")


@pytest.mark.parametrize("rigs", [["dc_charging", "truck"], ["laptop", "storage"]], ids=str)
def test_it_is_the_same_in_every_process(rigs: list[str]) -> None:
    assert set(rigs) <= set(shipped_rigs())
    first = _identities(1, rigs)
    assert len(first.splitlines()) == len(rigs)
    assert _identities(2, rigs) == first
