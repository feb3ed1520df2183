"""Two small processes for the kill tests: ``ends.py send|receive FOLDER PORT [options]``.

The sender writes the numbers 1 … N to its outbox; the receiver commits what it applies, then
acknowledges. Both can be told to kill themselves at a named moment. The sender keeps its last
number back while there is a file ``hold`` in the folder, so that it does not end before.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import sys
import time
from pathlib import Path

from config.settings import BrokerSettings
from transport import frames
from transport.delivery import Peer, Receiver, Watermark, Window
from transport.io.clock import Clock
from transport.io.hop import SendingHop
from transport.io.link import Link, Message
from transport.io.outbox import RETIRED, SCHEMA, Outbox, Row, append_in
from transport.io.sqlite import open_db, transaction

DATA, BACK = "t/a1/state", "t/a1/ack"
SENDER_SCHEMA = "CREATE TABLE written (last INTEGER NOT NULL);\nINSERT INTO written VALUES (0);"
RECEIVER_SCHEMA = """
CREATE TABLE applied (at INTEGER PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE mark (
    sender TEXT, lane TEXT, epoch INTEGER, seq INTEGER, token INTEGER, PRIMARY KEY (sender, lane)
);
"""


_WANTED, _, _MOST = os.environ.get("DIE", "").partition(":")
_AT = random.randint(1, int(_MOST or 1))
_times = itertools.count(1)


def maybe_die(moment: str) -> None:
    """SIGKILL ourselves at ``moment``, one of the first so many times, when DIE names it."""
    if moment == _WANTED and next(_times) == _AT:
        os.kill(os.getpid(), signal.SIGKILL)


async def send(folder: Path, port: int, total: int) -> None:
    clock, held = Clock(), folder / "hold"
    db = open_db(folder / "send.db", [SCHEMA, SENDER_SCHEMA, RETIRED]).db
    outbox = Outbox(db, now_s=lambda: int(time.time()))
    hops: list[SendingHop] = []

    def on_message(message: Message) -> None:
        _, acked = frames.read_ack(message.payload)
        hops[0].acknowledged(acked)
        maybe_die("acknowledged")

    async def on_connected() -> None:
        hops[0].connected()

    link = Link(
        BrokerSettings(port=port, keepalive_s=3),
        client_id="a1",
        subscriptions=(BACK,),
        on_message=on_message,
        on_connected=on_connected,
        on_disconnected=lambda _: hops[0].disconnected(),
    )
    hops.append(
        SendingHop(
            sender="a1",
            lane="state",
            topic=DATA,
            outbox=outbox,
            link=link,
            clock=clock,
            window=Window(first_ms=200, most_ms=1000),
        )
    )
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(link.run()), group.create_task(hops[0].run())]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while (last := db.execute("SELECT last FROM written").fetchone()[0]) < total:
            while last == total - 1 and held.exists():  # noqa: ASYNC110  another process removes it
                await asyncio.sleep(0.01)
            upto = total if last == total - 1 else min(total - 1, last + random.randint(1, 60))
            # blanks make a row's bytes differ from those of another life under the same number
            blanks = b" " * int(os.environ.get("LIFE", "0"))
            rows = [
                Row("n", value, str(value).encode() + blanks) for value in range(last + 1, upto + 1)
            ]
            with transaction(db):
                append_in(db, "state", rows, epoch_floor=int(time.time()))
                db.execute("UPDATE written SET last = ?", (upto,))
            maybe_die("appended")
            hops[0].wake()
            await asyncio.sleep(0.002)
        await hops[0].idle.wait()
        for task in tasks:
            task.cancel()


async def receive(folder: Path, port: int, _total: int) -> None:
    db = open_db(folder / "receive.db", [RECEIVER_SCHEMA]).db
    marks = {
        Peer(sender, lane): Watermark(epoch, seq, token)
        for sender, lane, epoch, seq, token in db.execute("SELECT * FROM mark")
    }
    receiver = Receiver(store=1, marks=marks)
    inbox: asyncio.Queue[bytes] = asyncio.Queue(2000)

    def on_message(message: Message) -> None:
        if not inbox.full():
            inbox.put_nowait(message.payload)

    async def on_connected() -> None:
        for peer in receiver.peers():
            await link.publish(
                BACK, frames.ack_payload(peer.lane, receiver.answer(peer, again=True))
            )

    link = Link(
        BrokerSettings(port=port, keepalive_s=3),
        client_id="collector",
        subscriptions=(DATA,),
        on_message=on_message,
        on_connected=on_connected,
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(link.run())
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            batch = [await inbox.get()]
            while not inbox.empty():
                batch.append(inbox.get_nowait())
            maybe_die("received")
            turn(db, receiver, batch)
            maybe_die("committed")
            for peer, acked in receiver.committed():
                link.post(BACK, frames.ack_payload(peer.lane, acked))


def turn(db: object, receiver: Receiver, batch: list[bytes]) -> None:
    with transaction(db) as inside:  # type: ignore[arg-type]  # sqlite3.Connection
        for payload in batch:
            frame = frames.unwrap(payload)
            if receiver.judge(frame.peer, frame.epoch, frame.seq, frame.check, frame.after).applied:
                inside.execute("INSERT INTO applied (value) VALUES (?)", (int(frame.body),))
        for peer, mark in receiver.changed().items():
            inside.execute("INSERT OR REPLACE INTO mark VALUES (?,?,?,?,?)", (*peer, *mark))
        maybe_die("written")


if __name__ == "__main__":
    role = {"send": send, "receive": receive}[sys.argv[1]]
    asyncio.run(role(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
