"""A small rig that each test can change."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.rig.load import load_rig
from hil.rig.schema import RigConfig

DATA = Path(__file__).parents[2] / "data" / "rigs"
Loader = Callable[..., RigConfig]


@pytest.fixture
def load(tmp_path: Path) -> Loader:
    """Load the small rig with texts replaced, and with more text at its end; ``dbc``: replaced in its DBC."""

    def load(more: str = "", *changes: tuple[str, str], dbc: tuple[str, str] = ("", "")) -> RigConfig:
        for name in ("small.dbc", "firmware.bin"):
            (tmp_path / name).write_bytes((DATA / name).read_bytes())
        messages = (tmp_path / "small.dbc").read_text("utf-8")
        assert dbc[0] in messages
        (tmp_path / "small.dbc").write_text(messages.replace(*dbc) if dbc[0] else messages, "utf-8")
        text = (DATA / "small.toml").read_text("utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "rig.toml"
        path.write_text(f"{text}\n{more}\n", "utf-8")
        return load_rig(path)

    return load
