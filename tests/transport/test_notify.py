import socket
from pathlib import Path

from transport.io.notify import Notifier


def test_words_reach_the_socket_and_the_watchdog_is_fed_at_half_time(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        notifier = Notifier({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "4000000"})
        notifier.ready()
        for now_s in (10.0, 11.0, 12.0, 12.5, 14.0):
            notifier.alive(now_s)
        notifier.stopping()
        said = [manager.recv(100) for _ in range(5)]
    assert said == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0wanglou-test-notify")
        Notifier({"NOTIFY_SOCKET": "@wanglou-test-notify"}).ready()
        assert manager.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.ready()
    notifier.alive(1.0)


def test_a_vanished_socket_is_no_fault(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "x"}).ready()
