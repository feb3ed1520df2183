"""What the processes wrote, read by somebody who knows none of their rules: SQLite and JSON alone.

The judge holds four histories against each other: what the devices said, what the collector put
into its input table, what its journal says it sent, what the office client stored.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

Numbers = dict[str, dict[str, list[int]]]
"""By device and lane: the numbers in the order in which they were applied."""

_CUT: Final = b"\n"
_UNWRITTEN: Final = 2
"""Words of a device that its agent may hold when it is killed: one heard, one on its way."""


def applied(path: Path) -> Numbers:
    """What the collector applied, by device."""
    found: Numbers = {}
    for head, body in _received(path):
        for item in body["items"]:
            if item.get("t") == "reading" and item.get("metric") == "number":
                lanes = found.setdefault(item["device"], {})
                lanes.setdefault(head["lane"], []).append(int(item["value"]))
    return found


def latest(path: Path) -> dict[str, int]:
    """The greatest number of each device that was applied, also as how everything stands."""
    found: dict[str, int] = {}
    for _, body in _received(path):
        for item in body["items"]:
            if item.get("metric") != "number":
                continue
            if item["t"] == "reading":
                said = [(item["device"], item["value"])]
            else:
                said = list(zip(item["device"], item["value"], strict=True))
            for device, value in said:
                found[device] = max(found.get(device, 0), int(value))
    return found


def _received(path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Head and body of every row that an agent sent and that was applied, in order."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        for (blob,) in db.execute("SELECT blob FROM input WHERE kind = 'received' ORDER BY n"):
            head, _, body = bytes(blob).partition(_CUT)
            yield json.loads(head), json.loads(body)


def rows(path: Path) -> dict[tuple[str, str, int], list[int]]:
    """The sequence numbers applied, by sender, lane and epoch, in order."""
    found: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for head, _ in _received(path):
        found[head["sender"], head["lane"], head["epoch"]].append(head["seq"])
    return dict(found)


def told(path: Path) -> list[int]:
    """The numbers of the notices in the collector's journal, in order."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT json FROM journal WHERE kind = 'notice' ORDER BY n")
        return [int(json.loads(text)["number"]) for (text,) in rows]


def heard(path: Path) -> list[int]:
    """The numbers of the notices that the office client stored, in the order of arrival."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return [number for (number,) in db.execute("SELECT number FROM notice ORDER BY no")]


def chain_faults(path: Path) -> list[str]:
    """Rows of the journal whose hash does not follow from the row before (SHA-256)."""
    faults, prev = [], None
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        for n, before, digest in db.execute("SELECT n, prev, hash FROM journal ORDER BY n"):
            if prev is not None and before != prev:
                faults.append(f"journal row {n} does not follow the one before")
            if len(digest) != len(hashlib.sha256().hexdigest()):
                faults.append(f"journal row {n} has no hash")
            prev = digest
    return faults


def judge(
    said: Mapping[str, Sequence[tuple[int, float]]],
    got: Numbers,
    kills: Mapping[str, Sequence[float]],
) -> list[str]:
    """Faults in words: numbers lost, doubled or out of order.

    ``said`` by device; ``kills`` by device: the moments by which its agent was dead. A device's
    last words before one may never have reached its agent's disk, as long as no later one did: an
    agent writes them in order. A device says its number until it has the next one, its last one for
    ever: an agent started anew meanwhile says it once more, in a row of its own.
    """
    faults = []
    for device, words in said.items():
        lanes = got.get(device, {})
        known = Counter(number for numbers in lanes.values() for number in numbers)
        last = words[-1][0] if words else 0
        faults += [
            f"{device}: {number} applied {times} times"
            for number, times in known.items()
            if number != last and times > 1 + _starts(words, number, kills.get(device, ()))
        ]
        for lane, numbers in lanes.items():
            if turns := _turns(numbers):
                faults.append(f"{device}, lane {lane}: out of order: {turns}")
        for number, at in words:
            if number not in known and not _unwritten(words, at, kills.get(device, ()), known):
                faults.append(f"{device}: {number} lost")
    return faults


def _starts(words: Sequence[tuple[int, float]], number: int, kills: Sequence[float]) -> int:
    """How many agents were killed, so that others were started, while this was the number."""
    began = next((at for one, at in words if one == number), 0.0)
    ended = next((at for one, at in words if one > number), began)
    return sum(began <= kill <= ended for kill in kills)


def _unwritten(
    words: Sequence[tuple[int, float]], at: float, kills: Sequence[float], known: Mapping[int, int]
) -> bool:
    """Whether what was said at ``at`` was among the last words before the agent's next kill."""
    end = min((kill for kill in kills if kill >= at), default=None)
    if end is None:
        return False
    rest = [number for number, moment in words if at <= moment <= end]
    return len(rest) <= _UNWRITTEN and not any(number in known for number in rest)


def _turns(numbers: Sequence[int]) -> list[tuple[int, int]]:
    return [(a, b) for a, b in pairwise(numbers) if b < a][:5]


def row_faults(found: Mapping[tuple[str, str, int], Sequence[int]]) -> list[str]:
    """Rows of a lane and epoch that were applied twice, out of order or with one left out."""
    return [
        f"{sender} {lane} epoch {epoch}: rows {list(seqs)[:3]}… are not one after another"
        for (sender, lane, epoch), seqs in found.items()
        if list(seqs) != list(range(seqs[0], seqs[0] + len(seqs)))
    ]


def notice_faults(sent: Sequence[int], stored: Sequence[int]) -> list[str]:
    """Notices that the office has not, has twice, or has in another order."""
    if list(sent) == list(stored):
        return []
    missing, extra = sorted(set(sent) - set(stored)), sorted(set(stored) - set(sent))
    return [f"notices sent {len(sent)}, stored {len(stored)}; missing {missing}, extra {extra}"]
