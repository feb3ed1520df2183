"""What must hold, judged from what was written: the agents' rows, the county's inputs and journal,
what the office showed. The first thing that does not hold ends the run.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from collector import world as worlds
from collector.app import INBOX
from collector.io.journal import chained, verify
from collector.io.restore import restore
from collector.model import HISTORY
from collector.state import AgentState, Blind, Status
from tests.sim.known import Evidence, Known, Written
from tests.sim.office_judge import OfficeJudge
from transport.io.outbox import Row, Thinned, lane_info

if TYPE_CHECKING:
    from collector.app import Collector
    from collector.base import World
    from tests.sim.run import Simulation
    from tests.sim.truth import Truth

ON_THE_WAY: Final = 64
"""Rows of a lane that may be applied and not yet acknowledged: its window."""

AFFECTED: Final = frozenset({"partial", "full"})
SPOKE: Final = frozenset({"measured", "refused"})


def identity(machine: str) -> str:
    """Whose identity a machine has: a clone's name is its agent's and a tilde more."""
    return machine.partition("~")[0]


class Checker:
    """One run's judge. ``fail`` is told of the first violation."""

    def __init__(
        self, scratch: Path, fail: Callable[[str], None], note: Callable[..., None]
    ) -> None:
        self._scratch = scratch
        self._fail = fail
        self._note = note
        self.counts: Counter[str] = Counter()
        self.known = Known()
        self.office = OfficeJudge(self.fail, self.counts)
        self.rows: dict[str, list[Written]] = {}
        self.cloned: set[str] = set()
        self.rolled_back: set[str] = set()
        self.samples: dict[str, list[set[tuple[str, int]]]] = {}
        self.thinned_rows = 0
        self.gaps = 0
        self.committing = False
        self.frozen = False

    def fail(self, text: str) -> None:
        if not self.frozen:
            self.frozen = True
            self._fail(text)

    # ── Agents ───────────────────────────────────────────────────────────────────────────────────

    def appended(self, agent: str, batches: dict[str, list[Row]], *, sure: bool) -> None:
        """The outbox of machine ``agent`` was given rows; a clone's may be lost or not."""
        sure &= agent == identity(agent)
        beside = f"{identity(agent)}~" in self.cloned
        for row in batches.get("state", ()):
            self.rows.setdefault(agent, []).append(Written(row.body, sure, beside))
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

    def clone(self, agent: str, *, here: bool) -> None:
        """A second machine has the agent's identity, or is gone again.

        It begins an epoch of its own; what the first one has on its way then is numbered anew, and
        may come again if its acknowledgement was lost.
        """
        self.rows.setdefault(f"{agent}~", [])
        (self.cloned.add if here else self.cloned.discard)(f"{agent}~")
        applied = self.known.applied.get(agent, set())
        rows = self.rows.get(agent, [])
        for at, row in enumerate(rows):
            row.copied |= at not in applied or at > len(rows) - ON_THE_WAY

    def copied(self, agent: str, bodies: set[bytes]) -> int:
        """Rows that stood in an outbox when it was copied; where the copy ends."""
        rows = self.rows.get(agent, [])
        for row in rows:
            row.copied |= row.body in bodies
        return len(rows)

    def outbox_back(self, agent: str, end: int, *, whole: bool) -> None:
        """An old copy was put back: what was written after it and not applied yet may be lost.

        Where the ``whole`` machine is an old one nothing on it says so: until the collector does,
        it gives the same numbers again, and what waits under them is taken for what was applied.
        """
        if whole:
            self.rolled_back.add(agent)
        applied = self.known.applied.get(agent, set())
        for at, row in enumerate(self.rows.get(agent, [])):
            row.sure &= at < end or at in applied
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

    def store_lost(self, copy: Known | None, *, samples: bool) -> None:
        """The county's store is gone, or again what it was at a ``copy`` (FAULTS F21)."""
        before, after = self.known, deepcopy(copy) or Known()
        for machine, places in before.applied.items():
            for place in places - after.applied.get(machine, set()):
                self._unsure(machine, place)
        self.office.store_lost(before, after)
        self.known = after
        if samples:
            self.samples.clear()

    def _unsure(self, machine: str, place: int) -> None:
        """This row may be lost, or another one that says the same and was meant."""
        rows = self.rows[machine]
        if not rows[place].sure:
            body = rows[place].body
            applied = self.known.applied.get(machine, set())
            places = (at for at, row in enumerate(rows) if row.sure and row.body == body)
            place = next((at for at in places if at not in applied), place)
        rows[place].sure = False

    def collector_began(self, collector: Collector) -> None:
        self.committed(collector)

    def committed(self, collector: Collector) -> None:
        """A turn is committed: read what it wrote, and hold the World against it."""
        self.counts["turns"] += 1
        self._read(collector.store.db, collector.world)
        self._judge(collector)

    def _read(self, db: sqlite3.Connection, world: World) -> None:
        """The inputs and journal rows that are new in the store."""
        known = self.known
        for n, kind, blob in db.execute(
            "SELECT n, kind, blob FROM input WHERE n > ? ORDER BY n", (known.inputs,)
        ).fetchall():
            if n != known.inputs + 1:
                self.fail(f"inputs {known.inputs + 1} to {n - 1} are missing")
            known.inputs = n
            if kind == "received":
                self._received(n, blob, world)
            elif kind == "command":
                self.counts["commands"] += 1
                self.office.commanded(known, orjson.loads(blob)["command"]["id"])
        told = 0
        for row in db.execute(
            "SELECT n, at_ms, kind, json, prev, hash FROM journal WHERE n > ? ORDER BY n",
            (known.journal[0],),
        ).fetchall():
            n, at_ms, kind, text, prev, digest = row
            if (n - 1, prev) != known.journal or chained(n, at_ms, kind, text, prev).hash != digest:
                self.fail(f"journal row {n} does not follow {known.journal}")
            known.journal = (n, digest)
            told += self._journalled(at_ms, kind, orjson.loads(text))
        self._lane(db, told)

    def _lane(self, db: sqlite3.Connection, told: int) -> None:
        """A notice in the journal is a row of the outbox, and nothing else is."""
        try:
            info = lane_info(db, "notice.office")
        except KeyError:
            if told:
                self.fail(f"{told} notices in the journal, none in the outbox")
            return
        epoch, highest = self.known.lane_at
        if epoch in {0, info.epoch} and info.highest != highest + told:
            self.fail(f"{told} notices journalled, {info.highest - highest} in the outbox")
        self.known.lane_at = (info.epoch, info.highest)

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
        machines = [name for name in self.rows if identity(name) == agent]
        found = {name: self._found(name, lane, body) for name in machines}
        fresh = {name: places for name, (_, places) in found.items() if places}
        if not any(places for places, _ in found.values()):
            self.fail(f"{agent}: input {n} was never said")
        elif again:
            if fresh and len(machines) == 1 and agent not in self.rolled_back:
                self.fail(f"{agent}: input {n}, row {fresh}, is stepped over and was never applied")
            for name, places in fresh.items():
                self.counts["stepped over after a rollback"] += name in self.rolled_back
                self.rows[name][places[0]].sure = False
            return
        elif fresh:
            name, places = next(iter(fresh.items()))
            self.known.applied.setdefault(name, set()).add(places[0])
            self.known.next[name, lane] = max(self.known.next[name, lane], places[0] + 1)
            self.counts[f"applied {lane}"] += 1
        elif any(self.rows[name][at].copied for name, (at_, _) in found.items() for at in at_):
            self.counts["again from a copy"] += 1
        else:
            self.fail(f"{agent}: input {n}, row {found} of lane {lane}, is applied twice or late")
        if lane != HISTORY:
            for item in orjson.loads(body)["items"]:
                self._item(n, agent, item)

    def _found(self, name: str, lane: str, body: bytes) -> tuple[list[int], list[int]]:
        """Where a machine's rows have that body, and where it was not applied and is in turn."""
        rows, after = self.rows[name], self.known.next[name, lane]
        applied = self.known.applied.get(name, set())
        found = [at for at, one in enumerate(rows) if one.body == body]
        fresh = [at for at in found if at not in applied]
        in_turn = [at for at in fresh if at >= after]
        return found, in_turn or [at for at in fresh if rows[at].copied]

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
                for device, evidence in self.known.evidence.items():
                    if device.startswith(f"{operator}-") and device not in missed:
                        evidence.spoken = n

    def _looked(self, n: int, device: str, method: str, outcome: str) -> None:
        evidence = self.known.evidence.setdefault(device, Evidence())
        if outcome != "could_not_look":
            evidence.spoken = n
            evidence.looks[method] = (outcome, n)

    def _measured(self, n: int, device: str, value: float | None) -> None:
        evidence = self.known.evidence.setdefault(device, Evidence())
        evidence.spoken = n
        evidence.mains = (value, n)

    def _journalled(self, at_ms: int, kind: str, data: dict[str, Any]) -> int:
        known = self.known
        if kind == "alarm":
            self._alarm(data)
        elif kind == "gap":
            self.counts["gaps named"] += 1
            known.number, known.behind = max(known.number, data["to"]), 0
        elif kind == "numbers":
            self.counts["number jumps"] += 1
            known.number = data["above"]
        elif kind == "cloned":
            self.counts["clones named"] += 1
        if kind != "notice":
            return 0
        self.counts[f"notice {data['kind']}"] += 1
        self._note("notice", f"{data['number']} {data['kind']}")
        self.office.journalled(known, data["number"], at_ms)
        return 1

    def _alarm(self, data: dict[str, Any]) -> None:
        """An alarm is cleared by what was measured since it was raised, by nothing else."""
        key = (data["device"], data["type"])
        self.counts[data["word"]] += 1
        if data["word"] == "raised":
            self.known.raised[key] = self.known.inputs
            return
        evidence = self.known.evidence.get(data["device"], Evidence())
        raised = self.known.raised.pop(key, 0)
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
                # The first word of it may come before the store knows that its agent looks at all.
                since = self.known.inputs if device in self.known.met else 0
                self.known.unknown.setdefault(device, since)
            elif device in self.known.unknown:
                since = self.known.unknown.pop(device)
                spoken = self.known.evidence.get(device, Evidence()).spoken
                if not spoken or spoken < since:
                    self.fail(f"{device} became known and nobody spoke of it since input {since}")
        self.known.met.update(state.devices)
        blind = {
            world.county.sources[agent].operator
            for agent, row in state.agents.items()
            if row.blind is not Blind.SEES
        }
        for operator, network in state.operators.items():
            before = self.known.impact.get(operator)
            if network.impact == "none" and before in AFFECTED and operator in blind:
                self.fail(f"{operator} was {before} and is none while nobody sees it")
            self.known.impact[operator] = network.impact
        for agent, source in state.agents.items():
            self._holder(agent, source)

    def _holder(self, agent: str, row: AgentState) -> None:
        """Of two processes with one identity one is refused by name (FAULTS F14)."""
        lives = self.known.holders.setdefault(agent, [])
        if not row.life or row.life == (lives[-1] if lives else 0):
            return
        former = row.lives.get(lives[-1]) if lives else None
        if former is not None and former.refused_ms is not None:
            self.known.refused.add(lives[-1])
        elif row.life in lives and row.life not in self.known.refused:
            self.fail(f"{agent} is life {row.life} again, and {lives[-1]} was not refused")
        lives.append(row.life)

    def collector_over(self, collector: Collector | None) -> None:
        """A collector's life is over: what it committed is there, and folds to what it was."""
        try:
            self._over(collector)
        except sqlite3.DatabaseError as error:
            self.fail(f"the store cannot be read after the collector's end: {error}")

    def _over(self, collector: Collector | None) -> None:
        if not self.known.inputs:
            return  # a store begun anew, and not even its tables are there
        with closing(self._copy(collector)) as db:
            last = db.execute("SELECT coalesce(max(n), 0) FROM input").fetchone()[0]
            journal, inputs = self.known.journal, self.known.inputs
            head = db.execute("SELECT hash FROM journal WHERE n = ?", (journal[0],)).fetchone()
            if last < inputs or (journal[0] and (not head or head[0] != journal[1])):
                self.fail(f"a committed turn was lost: input {last}, seen {inputs}")
            if collector is None or last != inputs or self.committing:
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
                sizes[f"{machine.name}'s items"] = (len(agent.writer.items), 20_000)
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
            applied = self.known.applied.get(agent, set())
            lost = [at for at, row in enumerate(rows) if row.sure and at not in applied]
            # Of rows that say the same another one may have been taken for the one that came.
            spare = Counter(
                self.rows[name][at].body
                for name, places in self.known.applied.items()
                for at in places
                if identity(name) == identity(agent) and not self.rows[name][at].sure
            )
            spare.subtract(rows[at].body for at in lost)
            lost = [at for at in lost if spare[rows[at].body] < 0]
            if lost and lost != [len(rows) - 1]:  # the last one may be on its way
                self.fail(f"{agent}: rows {lost[:20]} of {len(rows)} were lost")
        self._truth(collector, truth, seconds)
        self._samples(folder)
        pending = max(hop.pending for hop in collector._hops.values())
        self.office.finish(self.known, folder / "office" / "office.db", pending)
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
