"""A farm in a process of its own, controlled over a Unix socket: for tests and benches.

``python -m drill.serve --control PATH`` prints one JSON line ``{"ready": …, "port": …}`` and serves
until SIGTERM or SIGINT. The control socket takes one JSON object per line and answers with one:
an order (``{"do": "kill", "devices": ["…"]}``), or a question (``{"ask": "stats"}``,
``{"ask": "state", "device": "…"}``).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from config.settings import ClockSettings
from drill import orders
from drill.farm import Farm, Where, address_of
from drill.grow import generate
from drill.orders import Order
from drill.plant import Plant
from drill.register import community
from transport.io.clock import Clock
from wire.codec import explain

MAX_LINE = 1_000_000
_ORDER = TypeAdapter(Order)


@dataclass
class Control:
    """The farm's ear: orders in, answers out."""

    farm: Farm

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, a line at a time."""
        with contextlib.suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                answer = self.answer(line)
                writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        writer.close()

    def answer(self, line: bytes) -> dict[str, object]:
        """What an order or question comes to; ``error`` says what was wrong with it."""
        try:
            asked = json.loads(line)
        except ValueError as error:
            return {"error": f"no JSON: {error}"}
        if isinstance(asked, dict) and "ask" in asked:
            return self._tell(asked)
        try:
            order = _ORDER.validate_json(line)
        except ValidationError as error:
            return {"error": explain(error)}
        plant = self.farm.plant
        wrong = list(orders.faults(order, plant.county))
        if wrong:
            return {"error": "; ".join(wrong)}
        return {"touched": plant.carry_out(order, self.farm.clock())}

    def _tell(self, asked: dict[str, object]) -> dict[str, object]:
        plant, responder = self.farm.plant, self.farm.responder
        plant.advance(self.farm.clock())
        device = asked.get("device")
        if asked["ask"] == "stats":
            return {"answered": responder.answered, "ignored": responder.ignored}
        if asked["ask"] == "state" and isinstance(device, str) and device in plant.county.box:
            box = plant.county.box[device]
            return {
                "address": address_of(box, self.farm.where),
                "up": plant.up(device),
                "answers": plant.answers(device),
                "snmp": plant.answers_snmp(device),
                "source": plant.power_of(device).source,
                "minutes_left": round(plant.power_of(device).minutes_left, 1),
                "celsius": round(plant.celsius(box.site), 1),
            }
        return {"error": f"nothing to say to {asked}"}


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until told to stop, or until the other end of ``--control-fd`` is closed."""
    county = generate(arguments.seed)
    clock = Clock.of(ClockSettings(scale=arguments.scale, anchor_ms=arguments.anchor_ms))
    plant = Plant(county, clock.now_ms())
    words = {operator: community(operator).encode() for operator in county.roots}
    farm = Farm(plant, words, clock.now_ms, Where(arguments.where), arguments.port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with farm:
        control = Control(farm)
        server = None
        if arguments.control:
            server = await asyncio.start_unix_server(
                control.serve, path=arguments.control, limit=MAX_LINE
            )
        if arguments.control_fd is not None:
            ears = asyncio.create_task(_alone(control, arguments.control_fd))
            ears.add_done_callback(lambda _: stop.set())
        ready = {"ready": True, "port": farm.port, "devices": len(county.boxes)}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        try:
            await stop.wait()
        finally:
            if server:
                server.close()
    if arguments.control:
        Path(arguments.control).unlink(missing_ok=True)  # noqa: ASYNC240  at the end, once


async def _alone(control: Control, fd: int) -> None:
    """Serve the one connection that was inherited."""
    inherited = socket.socket(fileno=fd)
    await control.serve(*await asyncio.open_unix_connection(sock=inherited, limit=MAX_LINE))


def main() -> None:
    """The command line of ``python -m drill.serve``."""
    parser = argparse.ArgumentParser(prog="python -m drill.serve")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--where", choices=[where.value for where in Where], default="loopback")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control", default="", help="a Unix socket to listen on")
    parser.add_argument("--control-fd", type=int, default=None, help="a connected socket")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--anchor-ms", type=int, default=None)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
