"""The whole hop between processes that are killed: nothing lost, doubled or out of order."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.peers import Mosquitto, mosquitto, stop

pytestmark = pytest.mark.peers

ROOT = Path(__file__).parents[2]
LIMIT_S = 200.0


class End:
    """One of the two processes, started again whenever it has died."""

    def __init__(self, role: str, folder: Path, port: int, total: int) -> None:
        self.role = role
        self.command = [
            *(sys.executable, "-m", "tests.transport.ends"),
            *(role, str(folder), str(port), str(total)),
        ]
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0

    def start(self, die: str = "", *, life: int = 0) -> None:
        """Start; returns when it says that it is ready."""
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env={**os.environ, "DIE": die, "LIFE": str(life)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def finished(self) -> bool:
        """Whether it came to its end; one that died is started again, without further orders."""
        assert self.process is not None
        code = self.process.poll()
        if code is None or code == 0:
            return code == 0
        stop(self.process)
        self.deaths += 1
        self.start()
        return False

    def kill(self) -> None:
        if self.process is not None:
            stop(self.process, 9)


def applied(folder: Path) -> list[int]:
    with closing(sqlite3.connect(folder / "receive.db")) as db:
        return [value for (value,) in db.execute("SELECT value FROM applied ORDER BY at")]


def until_sent(sender: End, receiver: End, *, between: float = 0.05) -> None:
    """Wait for the sender's own end, which comes when all is acknowledged."""
    until = time.monotonic() + LIMIT_S
    while not sender.finished():
        assert time.monotonic() < until, "not drained"
        receiver.finished()
        time.sleep(between)


@pytest.mark.parametrize(
    ("role", "moment"),
    [
        ("receive", "received:9"),
        ("receive", "written:9"),
        ("receive", "committed:9"),
        ("send", "appended:15"),
        ("send", "acknowledged:15"),
    ],
)
def test_death_at_a_named_moment(tmp_path: Path, role: str, moment: str) -> None:
    total = 2000
    with mosquitto(tmp_path) as broker:
        sender = End("send", tmp_path, broker.port, total)
        receiver = End("receive", tmp_path, broker.port, total)
        try:
            receiver.start(moment if role == "receive" else "")
            sender.start(moment if role == "send" else "")
            until_sent(sender, receiver)
        finally:
            sender.kill()
            receiver.kill()
    assert (receiver if role == "receive" else sender).deaths == 1
    assert applied(tmp_path) == list(range(1, total + 1))


def test_random_deaths_of_all_three(tmp_path: Path) -> None:
    total = 6000
    rng = random.Random(7)
    hold = tmp_path / "hold"
    hold.touch()
    with mosquitto(tmp_path) as broker:
        sender = End("send", tmp_path, broker.port, total)
        receiver = End("receive", tmp_path, broker.port, total)
        victims: list[End | Mosquitto] = [sender, receiver, broker]
        try:
            receiver.start()
            sender.start()
            for victim in victims * 3:
                time.sleep(rng.uniform(0.02, 0.15))
                assert not sender.finished()
                victim.kill()
                victim.start()
            hold.unlink()
            until_sent(sender, receiver)
        finally:
            sender.kill()
            receiver.kill()
    assert applied(tmp_path) == list(range(1, total + 1))


def send_all(tmp_path: Path, port: int, total: int, *, life: int = 0) -> None:
    sender = End("send", tmp_path, port, total)
    try:
        sender.start(life=life)
        assert sender.process is not None
        assert sender.process.wait(LIMIT_S) == 0
    finally:
        sender.kill()


def test_an_outbox_from_an_old_copy_or_lost_goes_on_in_a_new_epoch(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        receiver = End("receive", tmp_path, broker.port, 0)
        try:
            receiver.start()
            send_all(tmp_path, broker.port, 100)
            files = {path.name: path.read_bytes() for path in tmp_path.glob("send.db*")}
            send_all(tmp_path, broker.port, 200)
            for path in tmp_path.glob("send.db*"):
                path.unlink()
            for name, content in files.items():
                (tmp_path / name).write_bytes(content)
            send_all(
                tmp_path, broker.port, 350, life=1
            )  # the copy thinks that it goes on after 100
            assert applied(tmp_path)[200:] == list(range(101, 351))
            for path in tmp_path.glob("send.db*"):
                path.unlink()
            send_all(tmp_path, broker.port, 30, life=2)
            assert applied(tmp_path)[450:] == list(range(1, 31))
        finally:
            receiver.kill()
