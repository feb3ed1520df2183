"""Faults planted in the real code, one at a time; each is a small patch of one promise."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, Final
from unittest.mock import patch

import orjson

from agent.schedule import Schedule, Turns, turns_of
from collector import condition, intake, sight
from collector import world as worlds
from collector.app import Collector
from collector.base import World
from collector.io.samples import SampleWorker
from collector.io.store import Store, lane_of
from collector.model import Input
from escalation import inbox
from escalation.effects import Effect, EmitNotice
from escalation.io.office import OfficeClient
from escalation.io.office_store import OfficeStore
from transport import delivery
from transport.delivery import Acked, Delete, Sender, Verdict, Watermark
from transport.frames import Envelope
from transport.io import sqlite as databases
from transport.io import thin as quotas
from transport.io.beside import HighWater
from transport.io.hop import SendingHop
from transport.io.outbox import Outbox, Row, Stored, append_in
from wire.codec import Refused
from wire.presence import Birth

Mutant = Callable[[ExitStack], None]

_JUDGE: Final = delivery.judge


def _all_judges(stack: ExitStack, judge: Callable[[Watermark, int, int], Verdict]) -> None:
    for place in ("transport.delivery", "collector.world", "escalation.io.office"):
        stack.enter_context(patch(f"{place}.judge", judge))


def ack_before_commit(stack: ExitStack) -> None:
    """The collector acknowledges what it is only about to write."""
    commit = Collector._commit

    def early(self: Collector, now_ms: int, inputs: list[Input], effects: list[Effect]) -> None:
        for peer, acked in self.world.receiver.committed():
            self._acknowledge(peer.sender, peer.lane, acked)
        commit(self, now_ms, inputs, effects)

    stack.enter_context(patch.object(Collector, "_commit", early))


def receipt_before_store(stack: ExitStack) -> None:
    """The office receipts a notice before it is on its disk."""
    keep = OfficeClient._keep

    def early(self: OfficeClient, *given: Any) -> Any:
        for peer, mark in self._receiver.changed().items():
            acked = Acked(mark.epoch, mark.seq, check=mark.check, store=self._receiver.store)
            self._send_receipt(peer, acked)
        return keep(self, *given)

    stack.enter_context(patch.object(OfficeClient, "_keep", early))


def no_dedupe(stack: ExitStack) -> None:
    """What was applied is applied again."""

    def judge(mark: Watermark, epoch: int, seq: int, after: int = 0) -> Verdict:
        found = _JUDGE(mark, epoch, seq, after)
        return Verdict.ACCEPT if found is Verdict.DUPLICATE else found

    _all_judges(stack, judge)


def epoch_not_checked(stack: ExitStack) -> None:
    """Only the number counts, whatever the epoch."""

    def judge(mark: Watermark, epoch: int, seq: int, after: int = 0) -> Verdict:
        return _JUDGE(Watermark(epoch, mark.seq, mark.check), epoch, seq, after)

    _all_judges(stack, judge)


def holes_accepted(stack: ExitStack) -> None:
    """A row behind a lost one is taken, and so the lost one is acknowledged."""

    def judge(mark: Watermark, epoch: int, seq: int, after: int = 0) -> Verdict:
        found = _JUDGE(mark, epoch, seq, after)
        return Verdict.ACCEPT if found is Verdict.GAP else found

    _all_judges(stack, judge)


def window_slips(stack: ExitStack) -> None:
    """One acknowledgement is taken for the whole window."""
    advance = Sender._advance

    def slip(self: Sender, ack: Acked, now_ms: int) -> Delete:
        sent = max(ack.seq, self._next - 1)
        return advance(self, ack._replace(seq=sent), now_ms)

    stack.enter_context(patch.object(Sender, "_advance", slip))


def no_retransmission(stack: ExitStack) -> None:
    """What got no answer is never sent again while the link lives."""
    stack.enter_context(patch.object(Sender, "due", lambda _self, _now_ms: False))


def deletes_beyond(stack: ExitStack) -> None:
    """The outbox deletes one row more than was acknowledged."""
    acknowledge = Outbox.acknowledge

    def beyond(self: Outbox, lane: str, up_to: int, *, store: int) -> None:
        highest = self.lane(lane).highest
        acknowledge(self, lane, min(up_to + 1, max(up_to, highest)), store=store)

    stack.enter_context(patch.object(Outbox, "acknowledge", beyond))


def deleted_at_publish(stack: ExitStack) -> None:
    """A notice counts as told when the broker was given it."""
    send = SendingHop._send

    def told(self: SendingHop, row: Stored) -> bool:
        done = send(self, row)
        if done and self.lane == "notice":
            self._outbox.acknowledge(self.lane, row.seq, store=self._sender.store)
        return done

    stack.enter_context(patch.object(SendingHop, "_send", told))


def gap_not_sent(stack: ExitStack) -> None:
    """Samples that are given up are deleted, without a record of the gap."""
    thin = quotas.thin

    def silently(db: sqlite3.Connection, lane: str, **named: Any) -> Any:
        made = thin(db, lane, **named)
        db.execute("DELETE FROM outbox_row WHERE kind = 'gap'")
        return made

    stack.enter_context(patch("transport.io.outbox.thin", silently))


def unknown_is_well(stack: ExitStack) -> None:
    """A device that nobody sees is taken for one that answers."""

    def reach(*given: Any) -> sight.Reach:
        found = sight.reach(*given)
        if found.known:
            return found
        return sight.Reach(known=True, reachable=True, snmp=True, answered=found.answered)

    stack.enter_context(patch("collector.condition.reach", reach))


def birth_clears(stack: ExitStack) -> None:
    """An agent that is back counts as having looked at everything."""
    born = intake.born

    def cleared(world: World, now_ms: int, birth: Birth, **named: Any) -> None:
        born(world, now_ms, birth, **named)
        for device in world.tally.watched.get(birth.agent, {}):
            view = world.device(device).views[birth.agent]
            intake.seen(world, now_ms, birth.agent, device, view)
            condition.review(world, now_ms, device)

    stack.enter_context(patch("collector.intake.born", cleared))


def _dumped(stack: ExitStack, forget: Callable[[dict[str, Any]], None]) -> None:
    """Snapshots without something; their hash does not miss it."""
    dump = worlds.dump

    def forgetful(world: World) -> bytes:
        document = orjson.loads(dump(world))
        forget(document)
        return orjson.dumps(document)

    stack.enter_context(patch("collector.world.dump", forgetful))


def timers_lost(stack: ExitStack) -> None:
    """A restart forgets the delays that run (FAULTS F22)."""
    _dumped(stack, lambda document: document["timers"].clear())


def marks_lost(stack: ExitStack) -> None:
    """A restart forgets how far each sender had come."""
    _dumped(stack, lambda document: document["state"]["marks"].clear())


def replay_tells_again(stack: ExitStack) -> None:
    """A restart carries out the effects of what it folds."""
    restore, step = Store.restore, worlds.step

    def again(self: Store) -> Any:
        made: list[Effect] = []

        def told(*given: Any, **named: Any) -> list[Effect]:
            effects = step(*given, **named)
            made.extend(effects)
            return effects

        with patch("collector.world.step", told):
            found = restore(self)
        rows = [
            Row("notice", 0, effect.notice.model_dump_json().encode())
            for effect in made
            if isinstance(effect, EmitNotice)
        ]
        with databases.transaction(self.db):
            append_in(self.db, lane_of("office"), rows, epoch_floor=self.now_s())
        return found

    stack.enter_context(patch.object(Store, "restore", again))


def commit_in_two(stack: ExitStack) -> None:
    """Journal and outbox of a turn are two transactions."""
    commit = Store.commit

    def parted(
        self: Store,
        now_ms: int,
        inputs: Sequence[Input],
        effects: Iterable[Effect],
        sign: Callable[..., Any],
    ) -> int:
        made = list(effects)
        told = [effect.notice for effect in made if isinstance(effect, EmitNotice)]
        others = [effect for effect in made if not isinstance(effect, EmitNotice)]
        commit(self, now_ms, inputs, others, sign)
        rows = [Row("notice", now_ms, sign(one).model_dump_json().encode()) for one in told]
        with databases.transaction(self.db):
            append_in(self.db, lane_of("office"), rows, epoch_floor=self.now_s())
        return len(told)

    stack.enter_context(patch.object(Store, "commit", parted))


def not_synced(stack: ExitStack) -> None:
    """The databases commit without waiting for the disk (``synchronous=NORMAL``)."""
    prepare = databases._prepare

    def hasty(db: sqlite3.Connection, *given: Any) -> None:
        prepare(db, *given)
        db.execute("PRAGMA synchronous=NORMAL")

    stack.enter_context(patch("transport.io.sqlite._prepare", hasty))


def sync_errors_ignored(stack: ExitStack) -> None:
    """A commit that the disk refuses passes for one (FAULTS F11)."""

    @contextmanager
    def hopeful(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        try:
            db.execute("COMMIT")
        except sqlite3.OperationalError:
            if db.in_transaction:
                db.execute("ROLLBACK")

    for place in ("transport.io.outbox", "collector.io.store", "escalation.io.office_store"):
        stack.enter_context(patch(f"{place}.transaction", hopeful))


def sample_acked_first(stack: ExitStack) -> None:
    """Samples are acknowledged before the history has them."""
    write = SampleWorker._write

    async def late(self: SampleWorker, blocks: list[Any]) -> None:
        marks = self._receiver.changed().items()
        for peer, mark in marks:
            acked = Acked(mark.epoch, mark.seq, check=mark.check, store=self._receiver.store)
            self._send_ack(peer.sender, peer.lane, acked)
        await write(self, blocks)

    stack.enter_context(patch.object(SampleWorker, "_write", late))


def arrivals_dropped(stack: ExitStack) -> None:
    """The collector acknowledges a row and loses it on the way to the World."""
    step = worlds.step
    seen = {"rows": 0}

    def careless(world: World, now_ms: int, given: Input, *more: Any) -> list[Effect]:
        if type(given).__name__ == "Received":
            seen["rows"] += 1
            if seen["rows"] % 50 == 0:
                worlds.accept(world, given.row)  # type: ignore[union-attr]
                return []
        return step(world, now_ms, given, *more)

    stack.enter_context(patch("collector.world.step", careless))


def refusal_ignored(stack: ExitStack) -> None:
    """A publish that the broker refused counts as delivered."""
    handed_over = SendingHop._handed_over

    def told(self: SendingHop, epoch: int, seq: int, sent_ms: int, done: Any) -> None:
        refused = not done.cancelled() and self._link.connected and not done.result()
        handed_over(self, epoch, seq, sent_ms, done)
        if refused and epoch == self._sender.epoch:
            self.acknowledged(Acked(epoch, seq, store=self._sender.store))

    stack.enter_context(patch.object(SendingHop, "_handed_over", told))


def signature_not_checked(stack: ExitStack) -> None:
    """The office believes whatever comes on its line (S6)."""
    stack.enter_context(
        patch("escalation.io.office.verify", lambda signed, _kind, _keys: signed.payload.encode())
    )


def own_clock_trusted(stack: ExitStack) -> None:
    """The office refuses what is late by its own clock (S6)."""
    late_by = inbox.late_by

    def strict(at_ms: int, now_ms: int, scale: float) -> int:
        if abs(now_ms - at_ms) > 600_000:
            raise Refused("too_late", "by our clock")
        return late_by(at_ms, now_ms, scale)

    stack.enter_context(patch("escalation.io.office.late_by", strict))


def mark_before_notice(stack: ExitStack) -> None:
    """The office notes a row as received before its notice is stored, and apart from it."""
    judge = OfficeClient._judge

    def early(self: OfficeClient, envelope: Envelope) -> None:
        judge(self, envelope)
        for peer, mark in self._receiver.changed().items():
            self._store.write_mark(peer, mark)

    stack.enter_context(patch.object(OfficeClient, "_judge", early))
    stack.enter_context(patch.object(OfficeStore, "writing", lambda self: nullcontext(self.db)))


def turns_lost_at_reload(stack: ExitStack) -> None:
    """Devices that a reload brings are never looked at."""
    replace = Schedule.replace

    def careless(self: Schedule, every: Sequence[Turns], *given: Any, **named: Any) -> None:
        known = {
            name: one.interval_ms
            for one in every
            for name in one.names
            if any(name in ring for ring in self._rings)
        }
        replace(self, turns_of(known), *given, **named)

    stack.enter_context(patch.object(Schedule, "replace", careless))


def clones_believed(stack: ExitStack) -> None:
    """Whoever speaks last speaks for the agent (FAULTS F14)."""

    def speaks(world: World, _now_ms: int, word: Any, **_: Any) -> bool:
        row = world.agent(word.agent if hasattr(word, "agent") else word.sender)
        row.life = word.life
        return True

    stack.enter_context(patch("collector.identity.speaks", speaks))


def tokens_not_compared(stack: ExitStack) -> None:
    """An acknowledgement is believed by its number, whatever row it speaks of (FAULTS F13)."""
    stack.enter_context(patch("transport.io.hop.Outbox.token", lambda *_: None))
    stack.enter_context(patch.object(HighWater, "read", lambda _: {}))


def past_not_asked(stack: ExitStack) -> None:
    """A county whose store is lost does not ask what the office holds (FAULTS F21)."""
    stack.enter_context(patch("collector.past.begun", lambda *_: None))


def former_epoch_not_heard(stack: ExitStack) -> None:
    """A sender whose receiver was restored from before its epoch waits for ever (FAULTS F21)."""
    take = Sender.ack

    def deaf(self: Sender, ack: Acked, now_ms: int, *, token: int | None = None) -> Any:
        behind = self._behind_seen
        actions = take(self, ack, now_ms, token=token)
        if not actions and ack.epoch != self.epoch:
            self._behind_seen = behind
        return actions

    stack.enter_context(patch.object(Sender, "ack", deaf))
