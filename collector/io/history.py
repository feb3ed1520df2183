"""Where samples go: InfluxDB, or a SQLite file when none is configured.

A side branch: it may be late, it never delays an alarm. The only module that knows aioinflux
(archived, so nothing else may); it is given bytes that ``collector.line`` encoded. A write that
returns is committed; equal points overwrite each other, so a repeated batch leaves no doubles.
"""

from __future__ import annotations

import asyncio
import importlib
import sqlite3
import struct
import warnings
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, ParamSpec, Protocol, TypeVar
from urllib.parse import urlsplit

import orjson

from collector.line import identifier, lines, quoted
from transport.io.sqlite import open_db, transaction
from wire.observation import Block

P = ParamSpec("P")
T = TypeVar("T")

Point = tuple[int, float]
"""Domain ms and value."""

BATCH_LINES: Final = 5000
_TIMEOUT_S: Final = 30.0

MOST_TRIES: Final = 100
"""Refusals by which the lines at fault are searched for by halves; InfluxDB takes the good ones of
a batch at once, so where there are more, nothing but their number is coarser."""


class HistoryDown(Exception):  # noqa: N818  it says how the history is
    """Nothing was committed for sure; the same write may be tried again."""


class HistoryRefused(Exception):  # noqa: N818  it says what the history did
    """The history will never take ``rows`` of this batch (as they were sent); it has the rest."""

    def __init__(self, why: str, rows: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.rows = rows


class History(Protocol):
    """What keeps samples and gives them back."""

    async def write(self, blocks: Sequence[Block]) -> int:
        """Commit the blocks; how many rows. Raises HistoryDown, HistoryRefused."""

    async def series(
        self, device: str, metric: str, instance: str, from_ms: int, to_ms: int
    ) -> list[Point]:
        """The values of one metric in [from_ms, to_ms], oldest first. Raises HistoryDown."""

    async def forget(self, before_ms: int) -> None:
        """Give up what is older, where that is ours to do. Raises HistoryDown."""

    async def close(self) -> None:
        """Give back what is held."""


def _library() -> Any:
    """aioinflux, imported when an InfluxDB is configured, without a word about pandas."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Pandas/Numpy", category=UserWarning)
        return importlib.import_module("aioinflux")


def _client_fault() -> type[Exception]:
    import aiohttp  # noqa: PLC0415  as above: whoever only reads settings need not wait for it

    return aiohttp.ClientError


class InfluxHistory:
    """InfluxDB 1.x (or what speaks its protocol). The database is created when it is missing."""

    def __init__(self, url: str, database: str) -> None:
        parts = urlsplit(url)
        library = _library()
        self._write_fault = library.InfluxDBWriteError
        self._down = (library.InfluxDBError, _client_fault(), OSError, TimeoutError)
        self._client = library.InfluxDBClient(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 8086,
            path=(parts.path.rstrip("/") or "") + "/",
            ssl=parts.scheme == "https",
            username=parts.username,
            password=parts.password,
            db=database,
            timeout=_TIMEOUT_S,
        )
        self._created = False

    async def write(self, blocks: Sequence[Block]) -> int:
        """Commit all lines but those that InfluxDB refuses for good, which are named."""
        made = [line for block in blocks for line in lines(block)]
        refused: list[str] = []
        why = ""
        tries = MOST_TRIES
        parts = [made[first : first + BATCH_LINES] for first in range(0, len(made), BATCH_LINES)]
        while parts:
            part = parts.pop()
            try:
                await self._post("\n".join(part).encode())
            except HistoryRefused as error:
                tries, why = tries - 1, str(error)
                if len(part) == 1 or tries < 0:
                    refused += part
                else:
                    middle = len(part) // 2
                    parts += [part[:middle], part[middle:]]
        if refused:
            raise HistoryRefused(why, refused)
        return len(made)

    async def _post(self, data: bytes) -> None:
        try:
            if not self._created:
                await self._client.create_database()
                self._created = True
            await self._client.write(data)
        except self._write_fault as error:
            if error.status == 404:
                self._created = False
            elif 400 <= error.status < 500 and error.status not in {401, 403, 429}:
                raise HistoryRefused(str(error)) from error
            raise HistoryDown(str(error)) from error
        except self._down as error:
            self._created = False
            raise HistoryDown(f"{type(error).__name__}: {error}") from error

    async def series(
        self, device: str, metric: str, instance: str, from_ms: int, to_ms: int
    ) -> list[Point]:
        field = identifier(metric)
        where = f"device = {quoted(device)} AND instance = {quoted(instance)}"
        try:
            answer = await self._client.query(
                f"SELECT {field} FROM /.+/ WHERE {where} "  # noqa: S608  quoted above
                f"AND time >= {from_ms}ms AND time <= {to_ms}ms",
                epoch="ms",
            )
        except self._down as error:
            raise HistoryDown(f"{type(error).__name__}: {error}") from error
        return sorted(_points(answer))

    async def forget(self, before_ms: int) -> None:
        """The database's own retention policy does it."""

    async def close(self) -> None:
        await self._client.close()


def _points(answer: dict[str, Any]) -> Iterable[Point]:
    for result in answer.get("results", ()):
        for series in result.get("series", ()):
            for at_ms, value in series["values"]:
                if value is not None:
                    yield int(at_ms), float(value)


SCHEMA: Final = """
CREATE TABLE device (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE layout (no INTEGER PRIMARY KEY, said TEXT NOT NULL UNIQUE);
CREATE TABLE poll (
    device INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    layout INTEGER NOT NULL,
    packed BLOB NOT NULL,
    PRIMARY KEY (device, at_ms, layout)
) WITHOUT ROWID;
"""

_NAN: Final = float("nan")


def _beside(path: Path) -> sqlite3.Connection:
    where = f"file:{path}?mode=ro"
    return sqlite3.connect(where, uri=True, isolation_level=None, check_same_thread=False)


class SqliteHistory:
    """``history.db``: one row per device poll, its values packed as doubles in a known layout.

    A layout is ``[profile, metrics, instances]``; NaN stands for no value. Work is done in a
    thread, one piece at a time.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """``read_only``: beside the process that writes it. Raises FileNotFoundError then."""
        if read_only and not path.exists():
            raise FileNotFoundError(path)
        self._db = (
            _beside(path) if read_only else open_db(path, [SCHEMA], set_damaged_aside=True).db
        )
        self._lock = asyncio.Lock()
        self._numbers: dict[tuple[str, str], int] = {}

    async def write(self, blocks: Sequence[Block]) -> int:
        return await self._alone(self._write, blocks)

    async def series(
        self, device: str, metric: str, instance: str, from_ms: int, to_ms: int
    ) -> list[Point]:
        return await self._alone(self._series, device, (metric, instance), (from_ms, to_ms))

    async def forget(self, before_ms: int) -> None:
        """Device by device, so that what is written meanwhile waits for one of them only."""
        for number in await self._alone(self._devices):
            await self._alone(self._forget, number, before_ms)

    def _devices(self) -> list[int]:
        return [number for (number,) in self._db.execute("SELECT no FROM device ORDER BY no")]

    def _forget(self, device: int, before_ms: int) -> None:
        with transaction(self._db):
            self._db.execute("DELETE FROM poll WHERE device = ? AND at_ms < ?", (device, before_ms))

    async def close(self) -> None:
        async with self._lock:
            self._db.close()

    async def _alone(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        async with self._lock:
            try:
                return await asyncio.to_thread(work, *given, **named)
            except sqlite3.OperationalError as error:
                raise HistoryDown(str(error)) from error

    def _write(self, blocks: Sequence[Block]) -> int:
        known = dict(self._numbers)
        try:
            with transaction(self._db):
                rows = [row for block in blocks for row in self._polls(block)]
                self._db.executemany("INSERT OR REPLACE INTO poll VALUES (?, ?, ?, ?)", rows)
        except BaseException:
            self._numbers = known
            raise
        return sum(len(block.device) for block in blocks)

    def _polls(self, block: Block) -> Iterable[tuple[int, int, int, bytes]]:
        polls: dict[tuple[str, int], tuple[list[str], list[float]]] = {}
        columns = zip(*block.columns, strict=True)
        for device, instance, at_ms, values in zip(
            block.device, block.instance, block.at_ms, columns, strict=True
        ):
            instances, packed = polls.setdefault((device, at_ms), ([], []))
            instances.append(instance)
            packed.extend(_NAN if value is None else float(value) for value in values)
        for (device, at_ms), (instances, packed) in polls.items():
            said = orjson.dumps([block.profile, block.metrics, instances]).decode()
            blob = zlib.compress(struct.pack(f"<{len(packed)}d", *packed), 1)
            yield self._number("device", device), at_ms, self._number("layout", said), blob

    def _number(self, table: str, text: str) -> int:
        """The number of a device or layout, given when it is new."""
        known = self._numbers.get((table, text))
        if known is None:
            column = "name" if table == "device" else "said"
            insert = f"INSERT INTO {table} ({column}) VALUES (?) ON CONFLICT DO NOTHING"  # noqa: S608
            self._db.execute(insert, (text,))
            select = f"SELECT no FROM {table} WHERE {column} = ?"  # noqa: S608  our own two names
            known = int(self._db.execute(select, (text,)).fetchone()[0])
            self._numbers[table, text] = known
        return known

    def _series(self, device: str, what: tuple[str, str], span: tuple[int, int]) -> list[Point]:
        places: dict[int, int | None] = {}
        found: list[Point] = []
        for at_ms, layout, said, packed in self._db.execute(
            "SELECT at_ms, layout, said, packed FROM poll"
            " JOIN device ON device.no = poll.device JOIN layout ON layout.no = poll.layout"
            " WHERE device.name = ? AND at_ms BETWEEN ? AND ? ORDER BY at_ms",
            (device, *span),
        ):
            if layout not in places:
                places[layout] = _place(said, what)
            place = places[layout]
            if place is not None:
                (value,) = struct.unpack_from("<d", zlib.decompress(packed), 8 * place)
                if value == value:  # noqa: PLR0124  NaN alone differs from itself
                    found.append((at_ms, value))
        return found


def _place(said: str, what: tuple[str, str]) -> int | None:
    """Where a metric of an instance stands in the packed values of a layout."""
    _, metrics, instances = orjson.loads(said)
    metric, instance = what
    if metric not in metrics or instance not in instances:
        return None
    return int(instances.index(instance) * len(metrics) + metrics.index(metric))
