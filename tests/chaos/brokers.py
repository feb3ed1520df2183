"""The other brokers that must do: RabbitMQ's MQTT plugin and NATS, Debian's, MQTT 3.1.1.

Started on loopback with nothing kept from one run to the next where the broker allows that, killed
with their whole process group, started again at the same port.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.peers import Mosquitto, free_port, mosquitto, wait_for_port

_RABBIT: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


@dataclass
class Group:
    """A broker that is a process group. ``make`` says how it is started."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def argv(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def start(self) -> None:
        """Start it; returns when it takes a connection."""
        with (self.folder / f"{type(self).__name__}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.argv(),
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment()},
                start_new_session=True,
            )
        wait_for_port(self.process, self.port, limit_s=90.0)

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(60)
            self.process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def close(self) -> None:
        self.kill()


@dataclass
class Nats(Group):
    """Debian's nats-server with JetStream, which its MQTT needs."""

    def argv(self) -> list[str]:
        config = self.folder / "nats.conf"
        if not config.exists():
            config.write_text(
                f'server_name: chaos\nhost: "127.0.0.1"\nport: {free_port()}\n'
                f'jetstream {{ store_dir: "{self.folder}/nats" }}\n'
                f'mqtt {{ host: "127.0.0.1", port: {self.port} }}\n'
            )
        return [shutil.which("nats-server") or "nats-server", "-c", str(config)]


@dataclass
class Rabbit(Group):
    """Debian's RabbitMQ with its MQTT plugin, a node and a port mapper of its own."""

    mapper: int = field(default_factory=free_port)
    amqp: int = field(default_factory=free_port)

    def argv(self) -> list[str]:
        (self.folder / "plugins").write_text("[rabbitmq_mqtt].\n")
        (self.folder / "rabbit.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.amqp}\n"
            f"mqtt.listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            "mqtt.allow_anonymous = true\nmqtt.exchange = amq.topic\nloopback_users = none\n"
            "log.console = true\nlog.console.level = warning\nlog.file = false\n"
        )
        return [str(_RABBIT)]

    def environment(self) -> dict[str, str]:
        place = str(self.folder)
        return {
            "HOME": place,
            "ERL_EPMD_PORT": str(self.mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",
            "RABBITMQ_NODENAME": f"chaos{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": f"{place}/mnesia",
            "RABBITMQ_LOG_BASE": place,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": f"{place}/rabbit.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{place}/plugins",
            "RABBITMQ_PID_FILE": f"{place}/rabbit.pid",
        }

    def close(self) -> None:
        """The port mapper is a daemon that a killed node leaves behind."""
        self.kill()
        subprocess.run(
            ["epmd", "-port", str(self.mapper), "-kill"],
            check=False,
            capture_output=True,
            env={**os.environ, **self.environment()},
        )


@contextlib.contextmanager
def running(kind: str, folder: Path) -> Iterator[Mosquitto | Group]:
    """The broker of that kind, stopped at the end whatever happens."""
    if kind == "mosquitto":
        with mosquitto(folder) as broker:
            yield broker
        return
    group = {"rabbitmq": Rabbit, "nats": Nats}[kind](folder)
    try:
        group.start()
        yield group
    finally:
        group.close()
