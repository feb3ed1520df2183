"""The whole path as processes in the laboratory: agents, broker, collector, office, InfluxDB."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.thread.county import OPERATOR_OF, WANGLOU, County
from tests.thread.lab import Lab, wait_for_line

Json = dict[str, Any]

MOSQUITTO = """\
listener 1883 127.0.0.1
allow_anonymous true
persistence false
max_packet_size 270000
"""

INFLUX = """\
reporting-disabled = true
bind-address = "127.0.0.1:8088"
[meta]
dir = "{folder}/influx/meta"
[data]
dir = "{folder}/influx/data"
wal-dir = "{folder}/influx/wal"
[http]
bind-address = "127.0.0.1:8086"
log-enabled = false
"""


@dataclass
class Thread:
    """All processes of the county in one laboratory."""

    lab: Lab
    county: County
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)

    def start_all(self) -> None:
        folder = self.lab.folder
        (folder / "mosquitto.conf").write_text(MOSQUITTO)
        (folder / "influx.conf").write_text(INFLUX.format(folder=folder))
        self.county.write(self.lab.hosts)
        self.start("influxd")
        self.start("mosquitto")
        self.start("collector")
        self.start("office")
        for operator in OPERATOR_OF:
            self.start(f"agent-{operator}")

    def start(self, name: str) -> None:
        """Start (or start again) one process and wait for its own word that it is ready."""
        number = self.starts[name] = self.starts.get(name, 0) + 1
        process, out, err = self.lab.spawn(f"{name}.{number}", self._argv(name))
        self.running[name] = process
        ready, where = {
            "mosquitto": ("running", err),
            "influxd": ("Listening on HTTP", err),
        }.get(name, ('"ready"', err))
        assert out.exists()
        wait_for_line(where, ready, process, 60)

    def _argv(self, name: str) -> list[str]:
        folder = self.lab.folder
        match name:
            case "mosquitto":
                return ["mosquitto", "-v", "-c", str(folder / "mosquitto.conf")]
            case "influxd":
                return ["influxd", "-config", str(folder / "influx.conf")]
            case "office":
                return [WANGLOU, "office", "watch", "--json", "--config", self.county.config(name)]
            case "collector":
                return [WANGLOU, "collector", "run", "--config", self.county.config(name)]
            case _:
                return [WANGLOU, "agent", "run", "--config", self.county.config(name)]

    def kill(self, name: str) -> None:
        self.lab.kill(self.running[name])

    def restart(self, name: str) -> None:
        """SIGKILL, then a new start."""
        self.kill(name)
        self.start(name)

    def stop(self, name: str) -> None:
        """Ask the process to end and see that it does so cleanly."""
        process = self.running[name]
        self.lab.kill(process, signal.SIGTERM)
        assert process.returncode == 0, f"{name} ended with {process.returncode}"

    def inside(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the core to its end."""
        return subprocess.run(
            ["ip", "netns", "exec", self.lab.core, *argv],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def order(self, verb: str, target: str, account: str, reason: str = "") -> tuple[int, str]:
        """An office command of a person; its exit code and what it said."""
        done = self.inside(
            WANGLOU, "office", verb, target, "--as", account, "--reason", reason,
            "--config", self.county.config("office"),
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def events(self) -> list[Json]:
        """Everything that the office client has said so far, over all its starts."""
        said = []
        for number in range(1, self.starts["office"] + 1):
            lines = (self.lab.folder / f"office.{number}.out").read_text().splitlines(keepends=True)
            said += [json.loads(line) for line in lines if line.endswith("\n")]
        return said

    def notices(self, kind: str | None = None) -> list[Json]:
        told = [event for event in self.events() if event["type"] == "notice"]
        return [notice for notice in told if kind in (None, notice["notice_kind"])]

    def wait(self, what: str, found: Callable[[], Json | None], limit_s: float = 180) -> Json:
        """The first thing that ``found`` returns."""
        end = time.monotonic() + limit_s
        while (got := found()) is None:
            for name, process in self.running.items():
                assert process.poll() in (None, -signal.SIGKILL), f"{name} ended: {self.tail(name)}"
            assert time.monotonic() < end, f"no {what} within {limit_s} s\n{self.story()}"
            time.sleep(0.1)
        return got

    def status(self) -> Json:
        done = self.inside(WANGLOU, "status", "--json", "--config", self.county.config("collector"))
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)
        got: Json = json.loads(done.stdout)
        return got

    def influx(self, query: str) -> list[Json]:
        """The series of an InfluxDB answer."""
        done = self.inside(
            sys.executable, "-c",
            "import sys,urllib.parse,urllib.request as r;"
            "q=urllib.parse.urlencode({'db':'wanglou','epoch':'ms','q':sys.argv[1]});"
            "print(r.urlopen('http://127.0.0.1:8086/query?'+q).read().decode())", query,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: list[Json] = json.loads(done.stdout)["results"][0].get("series", [])
        return found

    def tail(self, name: str) -> str:
        path = Path(self.lab.folder) / f"{name}.{self.starts[name]}.err"
        return path.read_text(errors="replace")[-3000:]

    def story(self) -> str:
        told = [(n["id"], n["notice_kind"], n["subject"]["zh"]) for n in self.notices()]
        return f"{told}\ncollector: {self.tail('collector')}"
