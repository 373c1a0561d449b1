"""When a client is shown what is on the buses, at the pace of a test."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.bus.frame import Frame
from hil.bus.link import OWN
from hil.clock import NS_PER_US
from hil.host.peer import Peer
from hil.host.protocol import Reader, unpack_frames
from hil.host.safe_log import SafeLog
from hil.host.server import PlantServer
from hil.rig.schema import RigConfig
from tests.hil.paced import Bench


class Shown:
    """A plant whose loop is about to wait, and a client that takes frames."""

    def __init__(self, bench: Bench, client: socket.socket, plant: socket.socket, log: Path) -> None:
        self._bench, self._client = bench, client
        self._server = PlantServer(bench.world, [], SafeLog(log, "plant"))
        peer = Peer(plant, 1, trusted=True)
        peer.wants_frames = True
        self._server._peers.append(peer)
        self.after(1000)

    def hear(self, sender: str) -> None:
        self._bench.world.media["pack"].taps[-1](Frame(0x123, b"", False, sender))

    def after(self, us: int) -> tuple[int, int]:
        """Frames that are shown once that much has passed, and how long the loop may wait then, in us."""
        self._bench.pace.now_ns += us * NS_PER_US
        self._bench.clock.look()
        longest_ns = self._server._show()
        count = 0
        try:
            for _, content in Reader().feed(self._client.recv(1 << 16)):
                count += len(unpack_frames(content)[1])
        except BlockingIOError:
            pass
        return count, longest_ns // NS_PER_US


@pytest.fixture
def shown(laptop: RigConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Shown]:
    client, plant = socket.socketpair()
    client.setblocking(False)
    plant.setblocking(False)
    with client, plant:
        yield Shown(Bench(laptop, monkeypatch), client, plant, tmp_path / "log")


def test_own_frames_wait_for_each_other_up_to_a_millisecond(shown: Shown) -> None:
    shown.hear(OWN)
    assert shown.after(400) == (0, 600)
    shown.hear(OWN)
    assert shown.after(500) == (0, 100)
    assert shown.after(100)[0] == 2


def test_what_others_say_is_shown_sooner_for_a_test_may_wait_for_it(shown: Shown) -> None:
    shown.hear(OWN)
    shown.hear("")
    assert shown.after(150) == (0, 50)
    assert shown.after(50)[0] == 2
    shown.hear(OWN)  # nothing new any more
    assert shown.after(200) == (0, 800)


def test_after_a_while_news_are_shown_at_once(shown: Shown) -> None:
    shown.after(5000)
    shown.after(500)
    shown.hear("")
    assert shown.after(0)[0] == 1


def test_without_frames_nothing_hurries(shown: Shown) -> None:
    assert shown.after(10)[1] >= 100_000
