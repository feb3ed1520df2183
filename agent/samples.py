"""The sample lane: every number, gathered in columns until it is taken. Pure.

``at_ms`` are domain stamps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from agent.decode import Number, Rows
from config.profile import Metric

VALUES_MOST: Final = 20_000
"""Numbers of one row at most."""

ECHO: Final = "icmp"
"""The profile under which ICMP's samples stand."""

ASKED: Final = "snmp"
"""The profile under which round trip and loss stand of devices that are asked by SNMP alone."""

ECHO_METRICS: Final = ("rtt_ms", "loss")
_ECHO_KEY: Final = (ECHO, "")
_ASKED_KEY: Final = (ASKED, "")

_BLOCKS_MOST: Final = 64
_INT_MOST: Final = 2**63


@dataclass(slots=True)
class _Columns:
    metrics: tuple[str, ...]
    device: list[str] = field(default_factory=list)
    instance: list[str] = field(default_factory=list)
    at_ms: list[int] = field(default_factory=list)
    columns: list[list[Number]] = field(default_factory=list)


class SampleLane:
    """Gathers numbers in columns until they are taken."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[str, str], _Columns] = {}
        self.values = 0

    def add(self, device: str, parts: Sequence[Rows], at_ms: int) -> None:
        """All numbers of a look."""
        for part in parts:
            if part.metrics and part.instances:
                names = tuple(metric.name for metric in part.metrics)
                key = (part.profile, part.table)
                self._extend(key, names, device, part.instances, part.columns, at_ms)

    def add_of(
        self,
        devices: Sequence[str],
        key: tuple[str, str],
        metrics: Sequence[Metric],
        names: Sequence[tuple[str, ...]],
        columns: Sequence[Sequence[Number]],
        at_ms: Sequence[int],
    ) -> None:
        """The numbers of many devices of one kind, as in ``StateLane.readings_of``."""
        block = self._block(key, tuple(metric.name for metric in metrics))
        for device, instances, at in zip(devices, names, at_ms, strict=True):
            if len(instances) == 1:
                block.device.append(device)
                block.at_ms.append(at)
            else:
                block.device += [device] * len(instances)
                block.at_ms += [at] * len(instances)
            block.instance += instances
        for kept, column in zip(block.columns, columns, strict=True):
            kept.extend(column)
        self.values += sum(map(len, columns))

    def add_rows(
        self,
        devices: Sequence[str],
        key: tuple[str, str],
        metrics: Sequence[Metric],
        columns: Sequence[Sequence[Number]],
        at_ms: Sequence[int],
    ) -> None:
        """The scalars of many devices of one kind."""
        if not metrics:
            return
        block = self._block(key, tuple([metric.name for metric in metrics]))
        block.device += devices
        block.at_ms += at_ms
        block.instance += [""] * len(devices)
        for kept, column in zip(block.columns, columns, strict=True):
            kept.extend(column)
        self.values += len(metrics) * len(devices)

    def add_echo(self, device: str, rtt_ms: float | None, loss: float | None, at_ms: int) -> None:
        """One ICMP look: median round trip in ms and the share of echoes lost."""
        self._add_way(_ECHO_KEY, device, rtt_ms, loss, at_ms)

    def add_asked(self, device: str, rtt_ns: int | None, loss: float, at_ms: int) -> None:
        """One SNMP look where ICMP is not asked: first round trip, share of requests repeated."""
        rtt_ms = None if rtt_ns is None else rtt_ns / 1e6
        self._add_way(_ASKED_KEY, device, rtt_ms, loss, at_ms)

    def _add_way(
        self,
        key: tuple[str, str],
        device: str,
        rtt_ms: float | None,
        loss: float | None,
        at_ms: int,
    ) -> None:
        """What a look tells of the way to the device."""
        block = self._block(key, ECHO_METRICS)
        block.device.append(device)
        block.instance.append("")
        block.at_ms.append(at_ms)
        rtts, losses = block.columns
        rtts.append(rtt_ms)
        losses.append(loss)
        self.values += 2

    def take(self) -> list[tuple[bytes, int]]:
        """The bodies of what was gathered (JSON and number of values), and begin anew."""
        blocks = [
            (dump, values)
            for (profile, _), columns in self._blocks.items()
            for dump, values in _split(profile, columns)
        ]
        self._blocks.clear()
        self.values = 0
        return list(_bodies(blocks))

    def _extend(
        self,
        key: tuple[str, str],
        names: tuple[str, ...],
        device: str,
        instances: Sequence[str],
        columns: Sequence[Sequence[Number]],
        at_ms: int,
    ) -> None:
        block = self._block(key, names)
        rows = len(instances)
        block.device += [device] * rows
        block.instance += instances
        block.at_ms += [at_ms] * rows
        for kept, column in zip(block.columns, columns, strict=True):
            kept.extend(column)
        self.values += rows * len(names)

    def _block(self, key: tuple[str, str], names: tuple[str, ...]) -> _Columns:
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = _Columns(names, columns=[[] for _ in names])
        return block


def _split(profile: str, block: _Columns) -> Iterator[tuple[dict[str, Any], int]]:
    """The block in pieces of at most VALUES_MOST numbers."""
    step = max(1, VALUES_MOST // len(block.metrics))
    for at in range(0, len(block.device), step):
        part = slice(at, at + step)
        dump = {
            "profile": profile,
            "metrics": block.metrics,
            "device": block.device[part],
            "instance": block.instance[part],
            "at_ms": block.at_ms[part],
            "columns": [column[part] for column in block.columns],
        }
        yield dump, len(block.metrics) * len(block.device[part])


def _bodies(blocks: Sequence[tuple[dict[str, Any], int]]) -> Iterator[tuple[bytes, int]]:
    """Bodies of at most VALUES_MOST numbers and 64 blocks; orjson writes NaN as null."""
    gathered: list[dict[str, Any]] = []
    values = 0
    for dump, count in blocks:
        if gathered and (values + count > VALUES_MOST or len(gathered) == _BLOCKS_MOST):
            yield _dumped(gathered), values
            gathered, values = [], 0
        gathered.append(dump)
        values += count
    if gathered:
        yield _dumped(gathered), values


def _dumped(blocks: list[dict[str, Any]]) -> bytes:
    """The body; numbers beyond 64 bits, which orjson refuses, as floats."""
    body = {"kind": "sample", "blocks": blocks}
    try:
        return orjson.dumps(body)
    except TypeError:
        for block in blocks:
            block["columns"] = [
                [float(n) if isinstance(n, int) and abs(n) >= _INT_MOST else n for n in column]
                for column in block["columns"]
            ]
        return orjson.dumps(body)
