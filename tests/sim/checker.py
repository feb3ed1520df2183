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
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from collector import world as worlds
from collector.app import INBOX
from collector.io.journal import GENESIS, chained, verify
from collector.io.restore import restore
from collector.model import HISTORY
from collector.state import Blind, Status
from transport.io.outbox import Row, Thinned, lane_info

if TYPE_CHECKING:
    from collector.app import Collector
    from collector.base import World
    from escalation.io.office import Event
    from tests.sim.run import Simulation
    from tests.sim.truth import Truth

PERHAPS: Final = 2
"""What became of an order that the disk refused, or seemed to refuse."""

AFFECTED: Final = frozenset({"partial", "full"})
SPOKE: Final = frozenset({"measured", "refused"})


class Violation(AssertionError):  # noqa: N818  it says what it is
    """Something that must hold does not."""


@dataclass
class Written:
    """A row that an agent's outbox was given; not ``sure``: it said an error, or lost it later."""

    body: bytes
    sure: bool
    applied: bool = False


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
        self.next: Counter[tuple[str, str]] = Counter()
        self.samples: dict[str, list[set[tuple[str, int]]]] = {}
        self.thinned_rows = 0
        self.gaps = 0
        self.ordered: dict[str, int] = {}
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
                points: set[tuple[str, int]] = set()
                for block in orjson.loads(row.body)["blocks"]:
                    points.update(zip(block["device"], block["at_ms"], strict=True))
                self.samples.setdefault(agent, []).append(points)

    def thinned(self, agent: str, what: Iterable[Thinned]) -> None:
        for one in what:
            self.counts["thinned"] += one.rows
            self.thinned_rows += one.rows
            self._note("thin", f"{agent} {one.rows}")

    def outbox_lost(self, agent: str) -> None:
        """What was not applied yet may be lost, but nothing else."""
        for row in self.rows.get(agent, []):
            row.sure = False
        self.samples[agent] = []

    def gap(self, samples: int) -> None:
        """A gap record of so many samples reached the county."""
        self.counts["gap records"] += 1
        self.gaps += samples

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
        self._read(collector.store.db, collector.world)
        self._judge(collector)

    def _read(self, db: sqlite3.Connection, world: World) -> None:
        """The inputs and journal rows that are new in the store."""
        for n, kind, blob in db.execute(
            "SELECT n, kind, blob FROM input WHERE n > ? ORDER BY n", (self.inputs,)
        ).fetchall():
            if n != self.inputs + 1:
                self.fail(f"inputs {self.inputs + 1} to {n - 1} are missing")
            self.inputs = n
            if kind == "received":
                self._received(n, blob, world)
            elif kind == "command":
                self._commanded(orjson.loads(blob)["command"]["id"])
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

    def _received(self, n: int, blob: bytes, world: World) -> None:
        """A row of an agent, judged by what its outbox was given: once, and in order per lane.

        What waited for long goes behind what is new, as history; where it was applied before that
        the World has to step over it.
        """
        head, _, body = blob.partition(b"\n")
        row = orjson.loads(head)
        agent, lane = row["sender"], row["lane"]
        again = lane == HISTORY and row["was_seq"] <= world.agent(agent).ended.get(
            row["was_epoch"], 0
        )
        rows, after = self.rows.get(agent, []), self.next[agent, lane]
        found = [at for at, one in enumerate(rows) if one.body == body]
        fresh = [at for at in found if at >= after and not rows[at].applied]
        if not found:
            self.fail(f"{agent}: input {n} was never said")
        elif again and fresh:
            self.fail(f"{agent}: input {n}, row {fresh[0]}, is stepped over and was never applied")
        elif not again and not fresh:
            self.fail(f"{agent}: input {n}, row {found} of lane {lane}, is applied twice or late")
        elif not again:
            rows[fresh[0]].applied = True
            self.next[agent, lane] = fresh[0] + 1
            self.counts[f"applied {lane}"] += 1
            if lane != HISTORY:
                for item in orjson.loads(body)["items"]:
                    self._item(n, agent, item)

    def _item(self, n: int, agent: str, item: dict[str, Any]) -> None:
        match item["t"]:
            case "look":
                self._looked(n, item["device"], item["method"], item["outcome"])
            case "looks":
                for device, method in product(item["devices"], item["methods"]):
                    self._looked(n, device, method, item["outcome"])
            case "reading":
                self._measured(n, item["device"], item["value"])
            case "readings":
                for device, value in zip(item["device"], item["value"], strict=True):
                    self._measured(n, device, value)
            case "round":
                operator = agent.removeprefix("agent-")
                missed = set(item.get("missed", ()))
                for device, evidence in self.evidence.items():
                    if device.startswith(f"{operator}-") and device not in missed:
                        evidence.spoken = n

    def _looked(self, n: int, device: str, method: str, outcome: str) -> None:
        evidence = self.evidence.setdefault(device, Evidence())
        if outcome != "could_not_look":
            evidence.spoken = n
            evidence.looks[method] = (outcome, n)

    def _measured(self, n: int, device: str, value: float | None) -> None:
        evidence = self.evidence.setdefault(device, Evidence())
        evidence.spoken = n
        evidence.mains = (value, n)

    def _commanded(self, ident: str) -> None:
        """An order counts once, and in the order in which it was given."""
        self.counts["commands"] += 1
        place = list(self.ordered).index(ident) if ident in self.ordered else -1
        earlier = list(self.ordered.values())[: max(0, place)]
        if place < 0 or self.ordered[ident] not in {0, PERHAPS} or not all(earlier):
            self.fail(f"order {ident} came out of turn: {self.ordered}")
        self.ordered[ident] = 1

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
        try:
            self._over(collector)
        except sqlite3.DatabaseError as error:
            self.fail(f"the store cannot be read after the collector's end: {error}")

    def _over(self, collector: Collector | None) -> None:
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

    # ── At any moment ────────────────────────────────────────────────────────────────────────────

    def bounds(self, simulation: Simulation) -> None:
        """No queue grows without end."""
        sizes = {
            "timers": (len(simulation.loop._scheduled), 3000),  # type: ignore[attr-defined]
            "messages in flight": (simulation.broker.flying, 20_000),
        }
        collector = simulation.collector.collector
        if collector is not None:
            sizes["collector's inbox"] = (len(collector._inbox), INBOX)
            sizes["sample queue"] = (len(collector._samples._waiting), 20_000)
            for hop in collector._hops.values():
                sizes["notices in flight"] = (hop._sender.in_flight, hop._sender._window.rows)
        for machine in simulation.agents:
            agent = machine.agent
            if agent is not None and agent._uplink is not None:
                sizes[f"{machine.name}'s items"] = (len(agent._items), 20_000)
                for lane, hop in agent._uplink.hops.items():
                    most = hop._sender._window.rows
                    sizes[f"{machine.name}'s {lane}"] = (hop._sender.in_flight, most)
        for name, (size, most) in sizes.items():
            if size > most:
                self.fail(f"{name}: {size}, more than {most}")

    # ── The end ──────────────────────────────────────────────────────────────────────────────────

    def finish(self, collector: Collector, truth: Truth, seconds: float, folder: Path) -> None:
        """After healing and quiet: all is told, and the county shows what is."""
        for agent, rows in self.rows.items():
            lost = [at for at, row in enumerate(rows) if row.sure and not row.applied]
            if lost and lost != [len(rows) - 1]:  # the last one may be on its way
                self.fail(f"{agent}: rows {lost[:20]} of {len(rows)} were lost")
        self._truth(collector, truth, seconds)
        self._samples(folder)
        if not all(self.ordered.values()):
            self.fail(f"orders never came: {self.ordered}")
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

    def _samples(self, folder: Path) -> None:
        """Every sample is in the history, or was given up and the county knows of it."""
        with closing(sqlite3.connect(folder / "collector" / "history.db")) as db:
            found = set(
                db.execute("SELECT name, at_ms FROM poll JOIN device ON device.no = poll.device")
            )
        missing = sum(not points <= found for rows in self.samples.values() for points in rows)
        if missing > min(self.thinned_rows, self.gaps):
            self.fail(
                f"{missing} sample rows are in no history; {self.thinned_rows} were given up, "
                f"gap records of {self.gaps} samples came"
            )

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
