"""The office client: receives, verifies, stores, receipts; carries people's commands.

A notice is receipted only after it was verified and committed to ``office.db`` together with the
watermark of its row. What is forged or altered is set aside and named, never receipted; what
comes late is shown as late; what is missing is named by its number. When the county's signed
heartbeat stops, the client says by itself that it knows nothing any more (FAULTS F26).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from config.settings import OfficeSettings
from escalation.inbox import Arrival, Tail, arrival, late_by, numbering
from escalation.io.office_keys import Keys
from escalation.io.office_store import LANE, Came, OfficeStore, StoredNotice
from escalation.pulse import Pulse
from transport import frames
from transport.delivery import Acked, Peer, Receiver, judge
from transport.io import log as logs
from transport.io.clock import Clock
from transport.io.hop import SendingHop
from transport.io.link import Link, MakeLink, Message
from transport.io.notify import Notifier
from transport.io.outbox import Outbox
from transport.io.quarantine import Quarantine
from transport.sign import open_signed, sign, verify
from wire.base import OfficeId
from wire.codec import Refused, decode_json
from wire.notice import Notice, Receipt, Signed
from wire.presence import Alive, Heartbeat, LaneState
from wire.topics import Topics

NOTICE_LANE: Final = "notice"
FAREWELL_S: Final = 2.0
_INBOX_MOST: Final = 1000
_BATCH_MOST: Final = 64
_SIGNED: Final = TypeAdapter(Signed)
_NOTICE: Final = TypeAdapter(Notice)
_HEARTBEAT: Final = TypeAdapter(Heartbeat)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, for whoever shows it; ``data`` is JSON.

    Types: ``notice`` (stored; ``stored`` has it), ``receipt``, ``refused``, ``missing`` (numbers),
    ``filled`` (a missing number came; how many are ``left``), ``health``, ``link`` (to the
    broker), ``command`` (answered).
    """

    type: str
    data: dict[str, Any]
    stored: StoredNotice | None = None


class OfficeClient:
    """One office's client; ``run`` until cancelled. ``on_event`` hears everything, in order."""

    def __init__(
        self,
        settings: OfficeSettings,
        store: OfficeStore,
        keys: Keys,
        on_event: Callable[[Event], None],
        *,
        clock: Clock | None = None,
        link: MakeLink = Link,
    ) -> None:
        self._office = OfficeId(settings.office.id)
        self._store = store
        self._keys = keys
        self._on_event = on_event
        self._clock = clock or Clock.of(settings.clock)
        self._topics = Topics(settings.county.county, settings.county.tree)
        self._every_s = settings.office.alive_every_s
        self._log = logs.get("office", office=self._office)
        self._notifier = Notifier()
        self._quarantine = Quarantine(Path(settings.office.state_dir) / "refused")
        self._receiver = Receiver(store=store.epoch, marks=store.marks())
        self._pulse = Pulse(self._clock.monotonic_ms())
        self._pulse_moved = asyncio.Event()
        self._tail = Tail()
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue(_INBOX_MOST)
        self._waiting: dict[str, list[asyncio.Future[str]]] = {}
        self._acks: list[Acked] = []
        self._told_ready = False
        self._leaving = False
        self._outbox = Outbox(store.db, now_s=self._now_s)
        self._outbox.lane(LANE)
        self._session = self._beat = 0
        self._newest: tuple[int, str | None] = (0, None)
        self._link = link(
            settings.broker,
            client_id=self._office,
            subscriptions=(
                self._topics.office(self._office, "notice"),
                self._topics.office(self._office, "ack"),
                self._topics.heartbeat,
            ),
            will=self._will,
            on_message=self._arrived,
            on_connected=self._connected,
            on_disconnected=self._disconnected,
        )
        self._hop = SendingHop(
            sender=self._office,
            lane=LANE,
            topic=self._topics.office(self._office, "command"),
            outbox=self._outbox,
            link=self._link,
            clock=self._clock,
        )

    async def run(self) -> None:
        """Serve until cancelled; whatever part fails ends the whole.

        For systemd it is ready at once: without a broker it still tells what it does not know.
        """
        self._notifier.ready()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run())
            tasks.create_task(self._hop.run())
            tasks.create_task(self._work())
            tasks.create_task(self._watch_pulse())
            tasks.create_task(self._keep_alive())

    async def outcome(self, command: str) -> str:
        """Send what was put in the outbox and wait for what became of ``command``."""
        self._hop.wake()
        answer = self._store.answer(command)
        if answer is not None and answer.outcome is not None:
            return answer.outcome
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(command, []).append(future)
        try:
            return await future
        finally:
            self._waiting[command].remove(future)
            if not self._waiting[command]:
                del self._waiting[command]

    # ── The link ─────────────────────────────────────────────────────────────────────────────────

    def _now_s(self) -> int:
        return self._clock.wall_ms() // 1000

    def _will(self) -> Message:
        self._session, self._beat = self._outbox.next_counter("session"), 0
        return self._alive(online=False)

    def _alive(self, *, online: bool) -> Message:
        """Signed presence, with what we hold of the county's words and it of ours."""
        online = online and not self._leaving
        self._beat += 1
        number = self._store.last_number() if online else None
        if number is not None and number != self._newest[0]:
            self._newest = number, self._store.last_warning()
        lane = self._outbox.lane(LANE)
        mark = LaneState(lane=LANE, epoch=lane.epoch, last_seq=lane.highest, acked_seq=lane.acked)
        alive = Alive(
            sender=self._office,
            session=self._session,
            online=online,
            at_ms=self._clock.now_ms(),
            every_ms=round(self._every_s * 1000),
            beat=self._beat,
            lanes=(mark,) if online else (),
            number=number,
            warning=self._newest[1] if number else None,
        )
        topic = self._topics.office(self._office, "alive")
        payload = sign(alive, "alive", self._keys.own).model_dump_json().encode()
        return Message(topic, payload, retain=True)

    async def _connected(self) -> None:
        self._post(self._alive(online=True))
        for peer in self._receiver.peers():
            self._send_receipt(peer, self._receiver.answer(peer, again=True))
        self._hop.connected()
        self._tell(self._link_event("connected"))
        if not self._told_ready:
            self._told_ready = True
            self._log.info("ready")

    def _disconnected(self, reason: str) -> None:
        self._hop.disconnected()
        self._tell(self._link_event("disconnected", reason))

    def _link_event(self, state: str, reason: str = "") -> Event:
        return Event("link", {"state": state, "at_ms": self._clock.now_ms(), "reason": reason})

    def _arrived(self, message: Message) -> None:
        try:
            self._inbox.put_nowait(message)
        except asyncio.QueueFull:  # the sender repeats what is not receipted
            self._log.warning("inbox full", topic=message.topic)

    def _post(self, message: Message) -> None:
        self._link.post(message.topic, message.payload, retain=message.retain)

    def _say_again(self) -> None:
        self._post(self._alive(online=True))

    async def _keep_alive(self) -> None:
        """Presence for the county; and a nothing for the worker, which feeds the watchdog."""
        every_s = min(self._every_s, self._notifier.every_s or self._every_s)
        while True:
            await asyncio.sleep(every_s)
            self._post(self._alive(online=True))
            if self._inbox.empty():
                self._inbox.put_nowait(None)

    async def farewell(self) -> None:
        """Say that we go, and wait until the broker has that and all that was sent before."""
        self._leaving = True  # a sign of life that is due meanwhile must not take it back
        gone = self._alive(online=False)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await self._link.publish(gone.topic, gone.payload, retain=True)

    # ── Arrivals ─────────────────────────────────────────────────────────────────────────────────

    async def _work(self) -> None:
        while True:
            batch = [await self._inbox.get()]
            while len(batch) < _BATCH_MOST and not self._inbox.empty():
                batch.append(self._inbox.get_nowait())
            self._turn([message for message in batch if message is not None])
            self._notifier.alive(self._clock.monotonic())
            await asyncio.sleep(0)

    def _turn(self, batch: list[Message]) -> None:
        """One transaction for a batch; receipts and events only after its commit."""
        events: list[Event] = []
        try:
            with self._store.writing():
                for message in batch:
                    events += self._take(message)
                for peer, mark in self._receiver.changed().items():
                    self._store.write_mark(peer, mark)
        except BaseException:
            self._receiver.rolled_back()
            raise
        for event in events:
            self._tell(event)
        for peer, acked in self._receiver.committed():
            self._send_receipt(peer, acked)
        acks, self._acks = self._acks, []
        for acked in acks:  # each writes a transaction of its own
            self._hop.acknowledged(acked)

    def _take(self, message: Message) -> list[Event]:
        """One message inside the transaction; what is wrong with it is set aside and named."""
        try:
            if message.topic == self._topics.heartbeat:
                return self._take_heartbeat(message)
            if message.topic == self._topics.office(self._office, "ack"):
                lane, acked = frames.read_ack(message.payload)
                if lane == LANE:
                    self._acks.append(acked)
                return []
            return self._take_notice(frames.unwrap(message.payload))
        except Refused as refused:
            return [self._refuse(refused, message.topic, message.payload)]

    def _refuse(self, refused: Refused, topic: str, payload: bytes) -> Event:
        now = self._clock.now_ms()
        self._quarantine.put(payload, refused, topic=topic, sender="county", at_ms=now)
        return Event("refused", {"reason": refused.reason, "said": str(refused), "at_ms": now})

    def _take_notice(self, envelope: frames.Envelope) -> list[Event]:
        """Verify, judge and store one row of the notice lane. Raises Refused."""
        if envelope.lane.partition("-")[0] != NOTICE_LANE:
            raise Refused("wrong_lane", f"lane {envelope.lane} carries no notices")
        signed = decode_json(_SIGNED, envelope.body)
        payload = verify(signed, "notice", self._keys.county)
        mark = self._receiver.mark(envelope.peer)
        place = judge(mark, envelope.epoch, envelope.seq, envelope.after)
        held = self._store.held(signed.payload)
        arrived = arrival(place, envelope.epoch, held)
        if arrived is Arrival.REPLAYED:
            raise Refused("replayed", "a notice that was received before came in a new place")
        try:
            notice = decode_json(_NOTICE, payload)
            self._check_address(notice)
        except Refused as refused:
            if refused.reason != "bad_model":
                raise
            # Signed by the county, but not in words this version knows: shown, and stepped over.
            self._judge(envelope)
            unreadable = Refused("unreadable", f"a signed notice cannot be read: {refused}")
            topic = self._topics.office(self._office, "notice")
            return [self._refuse(unreadable, topic, envelope.body)]
        self._judge(envelope)
        if arrived is not Arrival.NEW:
            return []
        return self._keep(notice, signed, envelope)

    def _judge(self, envelope: frames.Envelope) -> None:
        self._receiver.judge(
            envelope.peer, envelope.epoch, envelope.seq, envelope.check, envelope.after
        )

    def _check_address(self, notice: Notice) -> None:
        here = (self._topics.county, self._topics.tree, self._office)
        if (notice.county, notice.tree, notice.recipient) != here:
            raise Refused("wrong_recipient", f"notice {notice.id} is for {notice.recipient}")

    def _keep(self, notice: Notice, signed: Signed, envelope: frames.Envelope) -> list[Event]:
        store, now = self._store, self._clock.now_ms()
        number = notice.number
        said = numbering(number, store.last_number(), store.holes(), taken=store.taken(number))
        came = Came(
            epoch=envelope.epoch,
            seq=envelope.seq,
            received_ms=now,
            late_ms=late_by(notice.at_ms, now, self._clock.scale),
            reused=said.reused,
        )
        no = store.add_notice(notice, signed, came)
        store.fill_hole(number, now)
        events = self._missing(said.missing, now)
        stored = StoredNotice(no, notice, now, came.late_ms, came.reused, signed)
        events.append(Event("notice", notice_data(stored, filled=said.filled), stored))
        if said.filled:
            left = len(store.holes())
            events.append(Event("filled", {"number": number, "left": left, "at_ms": now}))
        if notice.decision is not None and store.decide(notice.decision, notice.id):
            events.append(Event("command", notice.decision.model_dump(mode="json")))
        return events

    def _missing(self, numbers: tuple[int, ...], now: int) -> list[Event]:
        """Note the numbers that should be here and are not; inside the transaction."""
        if not numbers:
            return []
        self._store.add_holes(numbers, now)
        self._log.warning("numbers missing", numbers=numbers[:20])
        return [Event("missing", {"numbers": list(numbers), "at_ms": now})]

    def _tell(self, event: Event) -> None:
        self._on_event(event)
        if event.type == "command":
            for future in self._waiting.get(event.data["command"], []):
                if not future.done():
                    future.set_result(event.data["outcome"])

    def _send_receipt(self, peer: Peer, acked: Acked) -> None:
        """Receipt what is committed, signed by this machine (a person acknowledges apart)."""
        receipt = Receipt(
            office=self._office, lane=peer.lane, at_ms=self._clock.now_ms(), **acked._asdict()
        )
        payload = sign(receipt, "receipt", self._keys.own).model_dump_json().encode()
        self._post(Message(self._topics.office(self._office, "receipt"), payload))
        self._on_event(Event("receipt", receipt.model_dump(mode="json", exclude={"kind"})))

    def _send_held(self, number: int) -> None:
        """Tell a county that has lost some of its store what it has said already (FAULTS F21)."""
        for peer in self._receiver.peers():
            if peer.lane != NOTICE_LANE:
                continue
            receipt = Receipt(
                office=self._office,
                lane=peer.lane,
                at_ms=self._clock.now_ms(),
                number=number,
                warning=self._store.last_warning(),
                **self._receiver.answer(peer)._asdict(),
            )
            payload = sign(receipt, "receipt", self._keys.own).model_dump_json().encode()
            self._post(Message(self._topics.office(self._office, "receipt"), payload))

    # ── Heartbeat ────────────────────────────────────────────────────────────────────────────────

    def _take_heartbeat(self, message: Message) -> list[Event]:
        beat, _ = open_signed(message.payload, "heartbeat", self._keys.county, _HEARTBEAT)
        if beat.county != self._topics.county:
            raise Refused("wrong_county", f"heartbeat of county {beat.county}")
        now = self._clock.monotonic_ms()
        before = self._pulse.last
        changed = self._pulse.heard(beat, now, retained=message.retain)
        if not message.retain and (before is None or before.session != beat.session):
            # The county has begun to look anew: it need not wait for our next word.
            asyncio.get_running_loop().call_soon(self._say_again)
        self._pulse_moved.set()
        events = [self._health()] if changed else []
        last = self._store.last_number()
        if beat.notices_seq < last:
            self._send_held(last)
        if message.retain or self._pulse.last is not beat:
            return events
        tail = self._tail.heard(beat.notices_seq, last)
        holes = self._store.holes() if tail else set()
        missing = tuple(number for number in tail if number not in holes)
        return [*events, *self._missing(missing, self._clock.now_ms())]

    async def _watch_pulse(self) -> None:
        """Sleep until the silence is too long; woken by every heartbeat."""
        self._tell(self._health())
        while True:
            self._pulse_moved.clear()
            deadline = self._pulse.deadline()
            delay = None if deadline is None else (deadline - self._clock.monotonic_ms()) / 1000
            try:
                async with asyncio.timeout(None if delay is None else max(0.0, delay)):
                    await self._pulse_moved.wait()
            except TimeoutError:
                if self._pulse.due(self._clock.monotonic_ms()):
                    self._log.warning("county silent")
                    self._tell(self._health())

    def _health(self) -> Event:
        beat = self._pulse.last
        data = {
            "state": self._pulse.health.value,
            "at_ms": self._clock.now_ms(),
            "silent_ms": self._pulse.silent_ms(self._clock.monotonic_ms()),
            "last": beat.model_dump(mode="json", exclude={"kind"}) if beat else None,
        }
        return Event("health", data)


def notice_data(stored: StoredNotice, *, filled: bool = False) -> dict[str, Any]:
    """A stored notice as one JSON object: its own fields, and how it came."""
    return {
        **stored.notice.model_dump(mode="json", exclude={"kind"}),
        "received_ms": stored.received_ms,
        "late_ms": stored.late_ms,
        "reused_number": stored.reused,
        "filled_hole": filled,
        "key": stored.signed.key,
        "verified": True,
    }
