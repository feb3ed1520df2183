"""Two network namespaces and a narrow link between them: broker and ear here, the agent there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Self

from tests.agent.narrow_world import ADDRESS
from tests.peers import stop

ROOT = Path(__file__).parents[2]
LIMIT_S = 120.0


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)


@dataclass
class Narrow:
    """``rate`` as ``tc`` writes it (64kbit); None: as wide as the machine."""

    folder: Path
    devices: int
    rate: str | None = None
    said: Queue[dict[str, Any]] = field(default_factory=Queue)
    _names: tuple[str, str] = field(
        default_factory=lambda: (f"wln{os.getpid()}a", f"wln{os.getpid()}b")
    )
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _build(self) -> None:
        here, there = self._names
        for name in self._names:
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", here, "link", "add", "v0", "type", "veth", "peer", "name", "v1",
            "netns", there)  # fmt: skip
        for name, link, address in ((here, "v0", ADDRESS), (there, "v1", "10.98.0.2")):
            run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", link)
            run("ip", "-n", name, "link", "set", link, "up")
            if self.rate:
                run("tc", "-n", name, "qdisc", "add", "dev", link, "root", "tbf",
                    "rate", self.rate, "burst", "2kb", "limit", "200kb")  # fmt: skip
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener 1883 {ADDRESS}\nallow_anonymous true\npersistence false\nuser root\n"
        )
        self._spawn(here, "mosquitto", "-c", str(config))
        self.script(here, "hear")
        self.until("ready", "hear")

    def start(self) -> None:
        """Start the agent's end; its backlog is written before it connects."""
        self.script(self._names[1], "send")

    def cut(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        run("ip", "-n", self._names[0], "link", "set", "v0", "down")

    def mend(self) -> None:
        run("ip", "-n", self._names[0], "link", "set", "v0", "up")

    def until(self, event: str, who: str, **more: object) -> dict[str, Any]:
        """The next such event of that end."""
        until = time.monotonic() + LIMIT_S
        while (left := until - time.monotonic()) > 0:
            try:
                said = self.said.get(timeout=min(left, 1))
            except Empty:
                continue
            if (said["event"], said["who"]) == (event, who) and more.items() <= said.items():
                return said
        raise AssertionError(f"{who} never said {event} {more}")

    def script(self, name: str, role: str) -> None:
        argv = [sys.executable, "-m", "tests.agent.narrow_world", role, str(self.folder)]
        process = self._spawn(name, *argv, str(self.devices))
        threading.Thread(target=self._read, args=(process, role), daemon=True).start()

    def _spawn(self, name: str, *argv: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            ["ip", "netns", "exec", name, *argv],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._children.append(process)
        return process

    def _read(self, process: subprocess.Popen[bytes], role: str) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(b'{"event"'):
                self.said.put(json.loads(line) | {"who": role})

    def close(self) -> None:
        for process in reversed(self._children):
            process.kill()
            process.wait(60)
        for process in self._children:
            stop(process)
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
