"""A lossy, doubling, reordering world around one Sender and one Receiver, driven by a seed.

Everything happens in memory: disks are what survives a kill, the network is two bags.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from transport.delivery import (
    Acked,
    Delete,
    Peer,
    Receiver,
    Renumber,
    Sender,
    Watermark,
    Window,
)

PEER = Peer("a1", "state")
WINDOW = Window(rows=5, size=50, first_ms=100, most_ms=800)


@dataclass
class SenderDisk:
    epoch: int = 100
    acked: int = 0
    highest: int = 0
    store: int = 0
    rows: dict[int, int] = field(default_factory=dict)  # seq -> value; the value is the token

    def copy(self) -> SenderDisk:
        return SenderDisk(self.epoch, self.acked, self.highest, self.store, dict(self.rows))


@dataclass
class ReceiverDisk:
    store: int = 1
    marks: dict[Peer, Watermark] = field(default_factory=dict)
    applied: list[int] = field(default_factory=list)

    def copy(self) -> ReceiverDisk:
        return ReceiverDisk(self.store, dict(self.marks), list(self.applied))


Frame = tuple[int, int, int]


class Ether:
    """One hop. ``sender_class`` and ``receiver_class`` may be mutants."""

    ack_before_commit = False

    def __init__(
        self,
        seed: int,
        sender_class: type[Sender] = Sender,
        receiver_class: type[Receiver] = Receiver,
    ) -> None:
        self.random = Random(seed)
        self.sender_class = sender_class
        self.receiver_class = receiver_class
        self.now = 0
        self.written: list[int] = []
        self.disk = SenderDisk()
        self.store = ReceiverDisk()
        self.frames: list[Frame] = []
        self.acks: list[Acked] = []
        self.restarts: list[Renumber] = []
        self.turn: list[int] = []
        self.start_sender()
        self.start_receiver()

    def start_sender(self) -> None:
        disk = self.disk
        self.sender = self.sender_class(
            epoch=disk.epoch,
            acked=disk.acked,
            highest=disk.highest,
            store=disk.store,
            window=WINDOW,
        )
        self.sender.connect()

    def start_receiver(self) -> None:
        self.receiver = self.receiver_class(store=self.store.store, marks=self.store.marks)
        self.turn = []

    def append(self) -> None:
        for _ in range(self.random.randint(1, 4)):
            value = len(self.written) + 1
            self.written.append(value)
            self.disk.highest += 1
            self.disk.rows[self.disk.highest] = value
        self.sender.append(self.disk.highest)

    def pump(self) -> None:
        while (room := self.sender.room()) is not None:
            for seq in range(room.first, room.first + room.rows):
                self.frames.append((self.sender.epoch, seq, self.disk.rows[seq]))
                self.sender.sent(seq, 10, self.now)
                self.sender.handed_over(self.sender.epoch, seq, self.now)

    def tick(self) -> None:
        self.now += self.random.randint(1, 300)
        self.sender.due(self.now)

    def _take(self, bag: list[Frame] | list[Acked]) -> int:
        """Mostly the oldest, sometimes another, and sometimes it stays for a second time."""
        return 0 if self.random.random() < 0.7 else self.random.randrange(len(bag))

    def deliver_frames(self) -> None:
        for _ in range(self.random.randint(1, 6)):
            if not self.frames:
                return
            at = self._take(self.frames)
            frame = self.frames[at]
            if self.random.random() > 0.1:
                del self.frames[at]
            if self.random.random() > 0.1:
                self.receive(*frame)

    def receive(self, epoch: int, seq: int, value: int) -> None:
        if self.receiver.judge(PEER, epoch, seq, value).applied:
            self.turn.append(value)
        if self.ack_before_commit:
            self.acks += [acked for _, acked in self.receiver.committed()]

    def commit(self) -> None:
        self.store.marks.update(self.receiver.changed())
        self.store.applied += self.turn
        self.turn = []
        if self.random.random() < 0.1:
            self.start_receiver()  # killed between commit and acknowledgement
            return
        self.acks += [acked for _, acked in self.receiver.committed()]

    def deliver_acks(self) -> None:
        for _ in range(self.random.randint(1, 4)):
            if not self.acks:
                return
            at = self._take(self.acks)
            acked = self.acks[at]
            if self.random.random() > 0.1:
                del self.acks[at]
            if self.random.random() > 0.1:
                self.take_ack(acked)

    def take_ack(self, acked: Acked) -> None:
        actions = self.sender.ack(acked, self.now, token=self.disk.rows.get(acked.seq))
        self.disk.store = self.sender.store
        for action in actions:
            if isinstance(action, Delete):
                self.disk.acked = action.up_to
                self.disk.rows = {s: v for s, v in self.disk.rows.items() if s > action.up_to}
            else:
                self.renumber(action)

    def renumber(self, action: Renumber) -> None:
        self.restarts.append(action)
        disk = self.disk
        disk.epoch = action.above + 1
        disk.rows = {seq - disk.acked: value for seq, value in disk.rows.items()}
        disk.highest -= disk.acked
        disk.acked = 0
        self.sender.renumbered(disk.epoch, disk.highest)

    def reconnect(self) -> None:
        self.sender.disconnect()
        lost = self.random.random() < 0.5
        if lost:
            self.frames.clear()
            self.acks.clear()
        self.sender.connect()

    def kill_receiver(self) -> None:
        self.start_receiver()

    def kill_sender(self) -> None:
        self.start_sender()

    def run(self, steps: int = 150) -> None:
        often = (self.append, self.pump, self.deliver_frames, self.commit, self.deliver_acks)
        seldom = (self.tick, self.tick, self.reconnect, self.kill_receiver, self.kill_sender)
        for _ in range(steps):
            self.random.choice(often if self.random.random() < 0.85 else seldom)()
            self.check()
        self.drain()

    def drain(self, rounds: int = 400) -> None:
        """The network becomes sound: everything has to arrive within a bounded time."""
        for _ in range(rounds):
            if self.sender.pending == 0:
                break
            self.pump()
            for frame in self.frames:
                self.receive(*frame)
            self.frames.clear()
            self.commit()
            for acked in self.acks:
                self.take_ack(acked)
            self.acks.clear()
            self.tick()
            self.check()
        assert self.sender.pending == 0, "stuck"
        assert self.store.applied == self.written

    def check(self) -> None:
        """What is committed is always a beginning of what was written."""
        applied = self.store.applied
        assert applied == self.written[: len(applied)], "lost, doubled or out of order"
