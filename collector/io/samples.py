"""The sample lane's way into the history: behind a bounded queue, never in an alarm's way.

A row is acknowledged after the history has committed it, so whatever is killed in between, the
agent still has it (FAULTS F3). What does not fit the queue is dropped here and sent again by the
agent; what the history will never take is counted and stepped over.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from collector.gate import Gate, row_of
from collector.io.history import History, HistoryDown, HistoryRefused
from collector.io.store import Store
from collector.line import unfit
from collector.model import SAMPLE
from transport.delivery import Acked, Peer, Receiver, Watermark
from transport.frames import Envelope
from transport.io import log as logs
from transport.io.link import Message
from transport.io.quarantine import Quarantine
from wire.codec import Refused
from wire.observation import Block

ROW_BYTES: Final = 64
"""About what a sample row weighs on the wire, to bound the queue by bytes."""

_BATCH_FRAMES: Final = 64
_FIRST_DELAY_S: Final = 0.5
_MOST_DELAY_S: Final = 10.0

SendAck = Callable[[str, str, Acked], None]
"""Sends an acknowledgement: agent, lane, what is committed."""


class SampleWorker:
    """Takes frames of the sample lane, writes them to the history, acknowledges. One task."""

    def __init__(
        self,
        gate: Gate,
        history: History,
        store: Store,
        quarantine: Quarantine,
        *,
        queue_rows: int,
        send_ack: SendAck,
        now_ms: Callable[[], int],
        store_epoch: int,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._gate = gate
        self._history = history
        self._store = store
        self._quarantine = quarantine
        self._most_bytes = queue_rows * ROW_BYTES
        self._send_ack = send_ack
        self._now_ms = now_ms
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._log = logs.get("samples")
        self._changes = logs.Changes(self._log)
        marks = {
            Peer(agent, SAMPLE): Watermark(*mark) for agent, mark in store.sample_marks().items()
        }
        self._receiver = Receiver(store=store_epoch, marks=marks)

    def offer(self, message: Message) -> None:
        """Queue a frame, or drop it when the queue is full: its agent sends it again."""
        if self._bytes + len(message.payload) > self._most_bytes and self._waiting:
            self.counts["dropped"] += 1
            self._changes.note("queue", "full", "history behind, samples left with the agents")
            return
        self._waiting.append(message)
        self._bytes += len(message.payload)
        self._wake.set()

    def resume(self) -> None:
        """After our own (re)connection: every agent goes on at once after what is committed."""
        for peer in self._receiver.peers():
            self._send_ack(peer.sender, peer.lane, self._receiver.answer(peer, again=True))

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            batch = [self._waiting.popleft() for _ in range(min(_BATCH_FRAMES, len(self._waiting)))]
            self._bytes -= sum(len(message.payload) for message in batch)
            if not self._waiting:
                self._wake.clear()
                self._changes.note("queue", "room", "history keeps up", level="info")
            await self._take(batch)

    async def _take(self, batch: list[Message]) -> None:
        """Write what is new of a batch, then acknowledge."""
        blocks: list[Block] = []
        for message in batch:
            blocks += self._judge(message)
        await self._write(blocks)
        self._store.mark_samples(
            {
                peer.sender: (mark.epoch, mark.seq, mark.check)
                for peer, mark in self._receiver.changed().items()
            }
        )
        for peer, acked in self._receiver.committed():
            self._send_ack(peer.sender, peer.lane, acked)

    def _judge(self, message: Message) -> tuple[Block, ...]:
        try:
            envelope = self._gate.samples(message.topic, message.payload)
        except Refused as refused:
            self._set_aside(message, refused)
            return ()
        row = row_of(envelope)
        peer = Peer(row.sender, row.lane)
        verdict = self._receiver.judge(peer, row.epoch, row.seq, row.check, row.after)
        return self._blocks(message, envelope) if verdict.applied else ()

    def _blocks(self, message: Message, envelope: Envelope) -> tuple[Block, ...]:
        try:
            blocks, left_out, gap = self._gate.blocks(envelope)
        except Refused as refused:
            self._set_aside(message, refused)
            return ()
        if gap is not None:
            self.counts["gap_rows"] += gap.rows
            self._log.warning(
                "samples given up by the agent",
                agent=envelope.sender,
                rows=gap.rows,
                from_ms=gap.from_ms,
                to_ms=gap.to_ms,
                reason=gap.reason,
            )
        if left_out:
            self.counts["not_its_own"] += left_out
            text = f"{left_out} rows of devices that are not of agent {envelope.sender}"
            self._set_aside(message, Refused("foreign_device", text))
        self.counts["unfit"] += sum(map(unfit, blocks))
        return blocks

    async def _write(self, blocks: list[Block]) -> None:
        """Write until it is committed, or refused for good."""
        delay_s = _FIRST_DELAY_S
        while blocks:
            try:
                self.counts["rows"] += await self._history.write(blocks)
            except HistoryDown as error:
                self._changes.note("history", str(error), "history is down", error=str(error))
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, _MOST_DELAY_S)
                continue
            except HistoryRefused as error:
                self.counts["refused"] += len(error.rows)
                self._changes.note(
                    "refused", str(error), "history refused", error=str(error), rows=len(error.rows)
                )
                self._quarantine.put(
                    "\n".join(error.rows).encode(),
                    Refused("history_refused", str(error)),
                    topic="history",
                    sender="collector",
                    at_ms=self._now_ms(),
                )
            else:
                self._changes.note("history", "up", "history takes samples", level="info")
            return

    def _set_aside(self, message: Message, refused: Refused) -> None:
        self.counts["set_aside"] += 1
        self._quarantine.put(
            message.payload,
            refused,
            topic=message.topic,
            sender=self._gate.sender(message.topic),
            at_ms=self._now_ms(),
        )
