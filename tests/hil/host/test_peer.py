"""One client of a plant, at the other end of a socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from hil.host import peer as module
from hil.host.peer import Peer
from hil.host.protocol import Reader, read_json

LONG = {"n": 1, "ok": {"text": "x" * 2_000_000}}  # more than a socket holds


@pytest.fixture
def ends() -> Iterator[tuple[Peer, socket.socket]]:
    plant, client = socket.socketpair()
    plant.setblocking(False)
    with plant, client:
        yield Peer(plant, 1, trusted=True), client


def test_a_slow_client_gets_its_last_answer_all_the_same(ends: tuple[Peer, socket.socket]) -> None:
    peer, client = ends
    peer.tell(LONG)
    peer.flush()
    said: list[bytes] = []

    def read() -> None:
        while data := client.recv(1 << 16):
            said.append(data)

    thread = threading.Thread(target=read)
    thread.start()
    peer.finish()
    peer.close()
    thread.join()
    ((_, content),) = Reader().feed(b"".join(said))
    assert read_json(content) == LONG


def test_one_that_takes_nothing_is_not_waited_for_for_ever(
    ends: tuple[Peer, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.01)
    peer, _ = ends
    peer.tell(LONG)
    peer.finish()
    peer.close()
    assert peer.connection.fileno() == -1
