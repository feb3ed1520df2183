"""What must hold, judged from what was written: the agents' rows, the county's inputs and journal,
what the office showed. The first thing that does not hold ends the run.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from collector import world as worlds
from collector.io.journal import GENESIS, chained, verify
from collector.io.restore import restore
from collector.state import Blind, Status
from transport.io.outbox import Row, Thinned, lane_info

if TYPE_CHECKING:
    from collector.app import Collector
    from escalation.io.office import Event
    from tests.sim.truth import Truth

AFFECTED: Final = frozenset({"partial", "full"})
SPOKE: Final = frozenset({"measured", "refused"})


class Violation(AssertionError):  # noqa: N818  it says what it is
    """Something that must hold does not."""


@dataclass
class Written:
    """A row that an agent's outbox was given; not ``sure``: it said an error, or lost it later."""

    body: bytes
    sure: bool


@dataclass
class Evidence:
    """What the county's inputs say of one device: numbers of inputs, last words."""

    spoken: int = 0
    looks: dict[str, tuple[str, int]] = field(default_factory=dict)
    mains: tuple[float | None, int] = (None, 0)


class Checker:
    """One run's judge. ``fail`` is told of the first violation."""

    def __init__(
        self, scratch: Path, fail: Callable[[str], None], note: Callable[..., None]
    ) -> None:
        self._scratch = scratch
        self._fail = fail
        self._note = note
        self.counts: Counter[str] = Counter()
        self.rows: dict[str, list[Written]] = {}
        self.next: Counter[str] = Counter()
        self.samples: dict[str, set[tuple[str, int]]] = {}
        self.evidence: dict[str, Evidence] = {}
        self.inputs = 0
        self.journal = (0, GENESIS)
        self.notices = 0
        self.lane_at: tuple[int, int] = (0, 0)
        self.raised: dict[tuple[str, str], int] = {}
        self.unknown: dict[str, int] = {}
        self.impact: dict[str, str] = {}
        self.heard: list[int] = []
        self.shown: set[int] = set()
        self.committing = False
        self.frozen = False

    def fail(self, text: str) -> None:
        if not self.frozen:
            self.frozen = True
            self._fail(text)

    # ── Agents ───────────────────────────────────────────────────────────────────────────────────

    def appended(self, agent: str, batches: dict[str, list[Row]], *, sure: bool) -> None:
        for row in batches.get("state", ()):
            self.rows.setdefault(agent, []).append(Written(row.body, sure))
            self.counts["state rows"] += 1
        for row in batches.get("sample", ()):
            self.counts["sample rows"] += 1
            if sure:
                points = self.samples.setdefault(agent, set())
                for block in orjson.loads(row.body)["blocks"]:
                    points.update(zip(block["device"], block["at_ms"], strict=True))

    def thinned(self, agent: str, what: Iterable[Thinned]) -> None:
        for one in what:
            self.counts["thinned"] += one.rows
            self._note("thin", f"{agent} {one.rows}")

    def outbox_lost(self, agent: str) -> None:
        """What was not applied yet may be lost, but nothing else."""
        for row in self.rows.get(agent, [])[self.next[agent] :]:
            row.sure = False

    def ended(self, name: str, error: BaseException | None) -> None:
        """A life ended by itself: only a disk that fails is a reason."""
        self.counts["ends"] += 1
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if error is not None and not isinstance(error, sqlite3.OperationalError):
            self.fail(f"{name} ended: {type(error).__name__}: {error}")

    # ── The county ───────────────────────────────────────────────────────────────────────────────

    def collector_began(self, collector: Collector) -> None:
        self.committed(collector)

    def committed(self, collector: Collector) -> None:
        """A turn is committed: read what it wrote, and hold the World against it."""
        self.counts["turns"] += 1
        self._read(collector.store.db)
        self._judge(collector)

    def _read(self, db: sqlite3.Connection) -> None:
        """The inputs and journal rows that are new in the store."""
        for n, kind, blob in db.execute(
            "SELECT n, kind, blob FROM input WHERE n > ? ORDER BY n", (self.inputs,)
        ).fetchall():
            if n != self.inputs + 1:
                self.fail(f"inputs {self.inputs + 1} to {n - 1} are missing")
            self.inputs = n
            if kind == "received":
                self._received(n, blob)
        told = 0
        for row in db.execute(
            "SELECT n, at_ms, kind, json, prev, hash FROM journal WHERE n > ? ORDER BY n",
            (self.journal[0],),
        ).fetchall():
            n, at_ms, kind, text, prev, digest = row
            if (n - 1, prev) != self.journal or chained(n, at_ms, kind, text, prev).hash != digest:
                self.fail(f"journal row {n} does not follow {self.journal}")
            self.journal = (n, digest)
            told += self._journalled(kind, orjson.loads(text))
        self._lane(db, told)

    def _lane(self, db: sqlite3.Connection, told: int) -> None:
        """A notice in the journal is a row of the outbox, and nothing else is."""
        try:
            info = lane_info(db, "notice.office")
        except KeyError:
            if told:
                self.fail(f"{told} notices in the journal, none in the outbox")
            return
        epoch, highest = self.lane_at
        if epoch in {0, info.epoch} and info.highest != highest + told:
            self.fail(f"{told} notices journalled, {info.highest - highest} in the outbox")
        self.lane_at = (info.epoch, info.highest)

    def _received(self, n: int, blob: bytes) -> None:
        head, _, body = blob.partition(b"\n")
        agent = orjson.loads(head)["sender"]
        rows, at = self.rows.get(agent, []), self.next[agent]
        while at < len(rows) and rows[at].body != body and not rows[at].sure:
            at += 1
        if at == len(rows) or rows[at].body != body:
            earlier = [i for i, row in enumerate(rows[:at]) if row.body == body]
            later = [i for i, row in enumerate(rows) if i > at and row.body == body]
            what = "applied twice" if earlier else "rows lost before it" if later else "never said"
            self.fail(f"{agent} row {at} expected in input {n}: {what} ({earlier} {later})")
            return
        self.next[agent] = at + 1
        self.counts["applied"] += 1
        for item in orjson.loads(body)["items"]:
            self._item(n, agent, item)

    def _item(self, n: int, agent: str, item: dict[str, Any]) -> None:
        match item["t"]:
            case "look":
                evidence = self.evidence.setdefault(item["device"], Evidence())
                if item["outcome"] != "could_not_look":
                    evidence.spoken = n
                    evidence.looks[item["method"]] = (item["outcome"], n)
            case "reading":
                evidence = self.evidence.setdefault(item["device"], Evidence())
                evidence.spoken = n
                evidence.mains = (item["value"], n)
            case "round":
                operator = agent.removeprefix("agent-")
                missed = set(item.get("missed", ()))
                for device, evidence in self.evidence.items():
                    if device.startswith(f"{operator}-") and device not in missed:
                        evidence.spoken = n

    def _journalled(self, kind: str, data: dict[str, Any]) -> int:
        if kind == "alarm":
            self._alarm(data)
        if kind != "notice":
            return 0
        self.notices += 1
        self.counts[f"notice {data['kind']}"] += 1
        self._note("notice", f"{data['number']} {data['kind']}")
        if data["number"] != self.notices:
            self.fail(f"notice {data['number']} is the {self.notices}th")
        return 1

    def _alarm(self, data: dict[str, Any]) -> None:
        """An alarm is cleared by what was measured since it was raised, by nothing else."""
        key = (data["device"], data["type"])
        self.counts[data["word"]] += 1
        if data["word"] == "raised":
            self.raised[key] = self.inputs
            return
        evidence = self.evidence.get(data["device"], Evidence())
        raised = self.raised.pop(key, 0)
        if data["type"] == "device-unreachable":
            good = any(said in SPOKE and n > raised for said, n in evidence.looks.values())
        elif data["type"] == "mains-failure":
            good = evidence.mains[0] == 1 and evidence.mains[1] > raised
        else:
            good = evidence.spoken > raised
        if not good:
            self.fail(f"{key} was cleared without a measurement since it was raised")

    def _judge(self, collector: Collector) -> None:
        """The World after a turn: whatever became known or none has a ground in the inputs."""
        world = collector.world
        state = world.state
        for device, row in state.devices.items():
            if not row.known:
                self.unknown.setdefault(device, self.inputs)
            elif device in self.unknown:
                since = self.unknown.pop(device)
                spoken = self.evidence.get(device, Evidence()).spoken
                if spoken < since and since:
                    self.fail(f"{device} became known and nobody spoke of it since input {since}")
        blind = {
            world.county.sources[agent].operator
            for agent, row in state.agents.items()
            if row.blind is not Blind.SEES
        }
        for operator, network in state.operators.items():
            before = self.impact.get(operator)
            if network.impact == "none" and before in AFFECTED and operator in blind:
                self.fail(f"{operator} was {before} and is none while nobody sees it")
            self.impact[operator] = network.impact

    def collector_over(self, collector: Collector | None) -> None:
        """A collector's life is over: what it committed is there, and folds to what it was."""
        with closing(self._copy(collector)) as db:
            last = db.execute("SELECT coalesce(max(n), 0) FROM input").fetchone()[0]
            head = db.execute("SELECT hash FROM journal WHERE n = ?", (self.journal[0],)).fetchone()
            if last < self.inputs or (self.journal[0] and (not head or head[0] != self.journal[1])):
                self.fail(f"a committed turn was lost: input {last}, seen {self.inputs}")
            if collector is None or last != self.inputs or self.committing:
                return
            self._folded(db, collector, "a restart")

    def _copy(self, collector: Collector | None) -> sqlite3.Connection:
        """A copy of the store, so that looking at it changes nothing."""
        _ = collector
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir()
        for suffix in ("", "-wal"):
            path = self._scratch.parent / "collector" / f"county.db{suffix}"
            if path.exists():
                shutil.copy(path, self._scratch / path.name)
        return sqlite3.connect(self._scratch / "county.db", isolation_level=None)

    def _folded(self, db: sqlite3.Connection, collector: Collector, when: str) -> None:
        world = collector.world
        restored = restore(db, lambda _: world.county)
        if restored.losses:
            self.fail(f"{when}: restored with losses: {restored.losses}")
        if worlds.state_hash(restored.world) != worlds.state_hash(world):
            self.fail(f"{when}: the journal folds to another World")
        self.counts["folds"] += 1

    # ── The office ───────────────────────────────────────────────────────────────────────────────

    def office_heard(self, event: Event) -> None:
        if event.type == "refused":
            self.fail(f"the office refused: {event.data['reason']}: {event.data['said']}")
        if event.stored is None:
            return
        number = event.stored.notice.number
        if number in self.shown:
            self.fail(f"notice {number} was shown twice")
        if not self.heard or self.heard[-1] != number:
            last = self.heard[-1] if self.heard else 0
            if number != last + 1:
                self.fail(f"notice {number} was shown after {last}")
            self.heard.append(number)
        if number > self.notices:
            self.fail(f"notice {number} is in no journal")

    def was_shown(self, number: int) -> None:
        self.shown.add(number)

    # ── The end ──────────────────────────────────────────────────────────────────────────────────

    def finish(self, collector: Collector, truth: Truth, seconds: float, folder: Path) -> None:
        """After healing and quiet: all is told, and the county shows what is."""
        for agent, rows in self.rows.items():
            waiting = [row for row in rows[self.next[agent] :] if row.sure]
            if len(waiting) > 1:
                self.fail(f"{agent}: {len(waiting)} rows never came")
        self._truth(collector, truth, seconds)
        pending = max(hop.pending for hop in collector._hops.values())
        if pending or len(self.heard) != self.notices:
            self.fail(f"office has {len(self.heard)} of {self.notices} notices, {pending} pending")
        with closing(sqlite3.connect(folder / "office" / "office.db")) as db:
            numbers = [n for (n,) in db.execute("SELECT number FROM notice ORDER BY no")]
        if numbers != list(range(1, self.notices + 1)):
            self.fail(f"the office holds {numbers}")
        with closing(self._copy(collector)) as db:
            self._folded(db, collector, "the end")
            db.execute("DELETE FROM snapshot")
            self._folded(db, collector, "from the first input")
            _, _, faults = verify(db)
            if faults:
                self.fail(f"journal: {faults[:3]}")

    def _truth(self, collector: Collector, truth: Truth, seconds: float) -> None:
        state = collector.world.state
        for agent, row in state.agents.items():
            if row.blind is not Blind.SEES:
                self.fail(f"{agent} is {row.blind} at the end")
        for device in truth.lines:
            up, mains = truth.now(device, seconds)
            found = state.devices.get(device)
            status = Status.NEW if found is None else found.status
            wanted = Status.DOWN if not up else Status.ALARM if mains == 2 else Status.OK
            if found is not None and found.commissioned_ms is None and not up:
                wanted = Status.NEW
            if status is not wanted:
                self.fail(f"{device} is {wanted} and shown as {status}")
