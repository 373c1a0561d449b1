"""Sockets for their owner alone, and locks that one plant at a time holds."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hil.errors import BusError, OutputError, RigTroubleError, UsageError
from hil.host.doors import (
    connect,
    is_same_user,
    listen_at,
    listen_tcp,
    make_token,
    private_folder,
    runtime_folder,
)
from hil.host.identity import identity_of
from hil.host.locks import BusLocks
from hil.rig.schema import BusConfig, RigConfig

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a plant in real time needs a Unix")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return private_folder(tmp_path / "run")


def test_socket_and_folder_are_the_owners_alone(folder: Path) -> None:
    with contextlib.closing(listen_at(folder / "plant.sock")):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "plant.sock").stat().st_mode) == 0o600


def test_a_folder_that_others_may_enter_is_refused(folder: Path) -> None:
    folder.chmod(0o755)
    with pytest.raises(OutputError, match=r"can be entered by other users.*chmod 700"):
        listen_at(folder / "plant.sock")


def test_the_runtime_folder_is_that_of_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert runtime_folder() == tmp_path / "hil"


def test_two_plants_do_not_share_a_socket(folder: Path) -> None:
    path = folder / "plant.sock"
    with contextlib.closing(listen_at(path)), pytest.raises(UsageError, match="listens there already"):
        listen_at(path)


def test_the_socket_of_a_dead_plant_is_taken_over(folder: Path) -> None:
    path = folder / "plant.sock"
    listen_at(path).close()
    with contextlib.closing(listen_at(path)), contextlib.closing(connect(str(path))) as found:
        assert is_same_user(found)


def test_a_file_in_its_place_is_left_alone(folder: Path) -> None:
    (folder / "plant.sock").write_text("mine")
    with contextlib.suppress(OutputError, UsageError), contextlib.closing(listen_at(folder / "plant.sock")):
        pytest.fail("it was taken over")
    assert (folder / "plant.sock").read_text() == "mine"


def test_a_path_that_is_too_long_is_told(folder: Path) -> None:
    with pytest.raises(UsageError, match="longer than the 107 bytes"):
        listen_at(folder / ("x" * 100) / "plant.sock")


def test_where_no_plant_is_that_is_told(folder: Path) -> None:
    with pytest.raises(RigTroubleError, match="no plant listens there"):
        connect(str(folder / "nothing.sock"))


def test_tcp_without_a_host_is_for_this_machine_alone() -> None:
    with contextlib.closing(listen_tcp("0")) as listener:
        host, port = listener.getsockname()
        assert host == "127.0.0.1"
        with contextlib.closing(connect(f"tcp://127.0.0.1:{port}")) as found:
            assert found.family == socket.AF_INET


@pytest.mark.parametrize("where", ["", "localhost", "127.0.0.1:port", "127.0.0.1:70000"])
def test_a_wrong_address_is_told(where: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        listen_tcp(where)


def test_a_token_is_kept_for_its_owner(tmp_path: Path) -> None:
    token = make_token(tmp_path / "token")
    assert len(token) >= 32
    assert make_token(tmp_path / "token") == token
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


def _bus(rig: RigConfig, channel: str) -> BusConfig:
    return replace(next(iter(rig.buses.values())), interface="slcan", channel=channel)


def test_one_plant_at_a_time_is_on_a_bus(folder: Path, small: RigConfig) -> None:
    bus = _bus(small, "/dev/ttyACM0")
    first, second = BusLocks(folder, [bus]), BusLocks(folder, [bus, _bus(small, "/dev/ttyACM1")])
    assert first.try_take()
    with pytest.raises(BusError, match=r"another plant of yours is on this bus \(process \d+\)"):
        second.take(0, 0)
    first.release()
    assert second.try_take()


def test_a_process_that_dies_lets_go_of_its_buses(folder: Path, small: RigConfig) -> None:
    bus = _bus(small, "can0")
    script = (
        "import os, sys, types; from pathlib import Path; from hil.host.locks import BusLocks\n"
        "bus = types.SimpleNamespace(name='b', interface='slcan', channel='can0')\n"
        f"assert BusLocks(Path({str(folder)!r}), [bus]).try_take()\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert not BusLocks(folder, [bus]).try_take()
        process.kill()
    assert BusLocks(folder, [bus]).try_take()


def test_equal_rigs_have_one_identity(small: RigConfig, laptop: RigConfig) -> None:
    assert identity_of(small) == identity_of(replace(small))
    assert identity_of(small) != identity_of(laptop)
    bus = _bus(small, "can1")
    assert identity_of(small) != identity_of(replace(small, buses={bus.name: bus}))


def test_the_plant_of_another_user_is_told_as_such(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system refuses the socket to all but its owner; the superuser is made another one for this."""
    with contextlib.closing(listen_at(folder / "plant.sock")):
        if os.getuid() == 0:
            monkeypatch.setattr(socket.socket, "connect", _refused)
        else:
            folder.chmod(0)
        try:
            with pytest.raises(RigTroubleError, match=r"you have no right to use the plant there .*--tcp"):
                connect(str(folder / "plant.sock"))
        finally:
            folder.chmod(0o700)


def _refused(*_given: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.skipif(not hasattr(os, "fork") or os.getuid() != 0, reason="only root can be somebody else")
def test_what_the_system_says_of_another_users_socket(folder: Path) -> None:
    """The same, without pretending: a child that is another user tries."""
    with contextlib.closing(listen_at(folder / "plant.sock")):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:  # a copy of this test; nothing of pytest may go on in it
            try:
                os.setuid(65_534)
                connect(str(folder / "plant.sock"))
            except RigTroubleError as error:
                os.write(writing, str(error).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with open(reading, "rb") as pipe:  # noqa: PTH123 - of a descriptor
            told = pipe.read().decode()
        os.waitpid(child, 0)
    assert "you have no right to use the plant there" in told
    assert "ask for its token" in told


def test_a_folder_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns the folder could put a socket of his own into the plant's place."""
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(OutputError, match=r"belongs to another user, who could pose as the plant \(name a"):
        listen_at(folder / "plant.sock")


class Client:
    """The plant's end of a line to a client of some user."""

    family = socket.AF_UNIX

    def __init__(self, user: int) -> None:
        self._user = user

    def getsockopt(self, *_given: int) -> bytes:
        return struct.pack("3i", 4711, self._user, 100)


@pytest.mark.parametrize(("user", "is_let_in"), [(1000, True), (0, True), (1001, False)])
def test_a_client_has_to_be_the_owner_or_root(
    monkeypatch: pytest.MonkeyPatch, user: int, is_let_in: bool
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert is_same_user(Client(user)) is is_let_in  # type: ignore[arg-type]
