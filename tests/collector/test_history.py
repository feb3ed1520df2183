from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.io.history import (
    History,
    HistoryDown,
    HistoryRefused,
    InfluxHistory,
    SqliteHistory,
)
from collector.line import MOST_MS, escape, identifier, lines, plain, quoted, unfit
from tests.peers import Influx, influxd
from wire.observation import Block

T0 = 1_800_000_000_000
NASTY = ("", "ge-0/0/1", "a b,c=d", "q\"u'o", "end\\", "%5C", "管理口", "tab\there\nline")


def block(instances: tuple[str, ...] = NASTY, *, at_ms: int = T0, bump: float = 0.0) -> Block:
    count = len(instances)
    return Block(
        profile="if-mib",
        metrics=("in-rate", "oper-status"),
        device=("cmcc-d1",) * count,
        instance=instances,
        at_ms=(at_ms,) * count,
        columns=(
            tuple(n + 0.5 + bump for n in range(count)),
            tuple(None if n % 2 else n for n in range(count)),
        ),
    )


def test_a_line_per_row_with_its_escapes() -> None:
    assert list(lines(block(("", "a b,c=d", "end\\")))) == [
        "if-mib,device=cmcc-d1 in-rate=0.5,oper-status=0.0 1800000000000000000",
        r"if-mib,device=cmcc-d1,instance=a\ b\,c\=d in-rate=1.5 1800000000000000000",
        "if-mib,device=cmcc-d1,instance=end%5C in-rate=2.5,oper-status=2.0 1800000000000000000",
    ]


def test_rows_without_a_value_or_a_possible_stamp_are_no_lines() -> None:
    empty = Block(
        profile="p",
        metrics=("m",),
        device=("d", "d"),
        instance=("", ""),
        at_ms=(1, MOST_MS + 1),
        columns=((None, 5),),
    )
    assert list(lines(empty)) == []
    assert unfit(empty) == 1


@given(st.text(max_size=40), st.text(max_size=40))
def test_stored_names_stay_apart_and_on_one_line(one: str, other: str) -> None:
    assert (plain(one) == plain(other)) is (one == other)
    assert not set(escape(one)) & set("\n\r\x00")
    assert not escape(one).endswith("\\")
    assert quoted(one).count("\n") == 0
    assert identifier(one).count("\n") == 0


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    with influxd(tmp_path_factory.mktemp("influx")) as running:
        yield running


Make = Callable[[], History]


@pytest.fixture(params=["sqlite", pytest.param("influx", marks=pytest.mark.peers)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "sqlite":
        return lambda: SqliteHistory(tmp_path / "history.db")
    running: Influx = request.getfixturevalue("influx")
    return lambda: InfluxHistory(running.url, tmp_path.name)


async def test_what_is_written_is_read_back_exactly(make: Make) -> None:
    history = make()
    assert await history.write([block(), block(at_ms=T0 + 30_000, bump=10)]) == 2 * len(NASTY)
    await history.write([block()])  # the same once more leaves no doubles
    for n, instance in enumerate(NASTY):
        found = await history.series("cmcc-d1", "in-rate", instance, T0, T0 + 30_000)
        assert found == [(T0, n + 0.5), (T0 + 30_000, n + 10.5)], instance
    assert await history.series("cmcc-d1", "oper-status", NASTY[1], T0, T0) == []
    assert await history.series("cmcc-d1", "in-rate", "", T0 + 1, T0 + 2) == []
    assert await history.series("nobody", "in-rate", "", T0, T0) == []
    assert await history.series("cmcc-d1", "x", "", T0, T0) == []
    await history.close()


async def test_ints_and_floats_of_one_metric_live_together(make: Make) -> None:
    history = make()
    for n, value in enumerate((1, 1.5, 2)):
        await history.write(
            [
                Block(
                    profile="p",
                    metrics=("m",),
                    device=("d",),
                    instance=("",),
                    at_ms=(T0 + n,),
                    columns=((value,),),
                )
            ]
        )
    assert await history.series("d", "m", "", T0, T0 + 9) == [(T0, 1), (T0 + 1, 1.5), (T0 + 2, 2)]
    await history.close()


async def test_what_was_written_survives_the_writer(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "history.db")
    await history.write([block()])
    await history.close()
    again = SqliteHistory(tmp_path / "history.db")
    await again.write([block(at_ms=T0 + 1)])
    assert len(await again.series("cmcc-d1", "in-rate", "", T0, T0 + 1)) == 2
    await again.close()


@pytest.mark.peers
async def test_influx_killed_is_down_and_back_with_all_it_said_it_had(tmp_path: Path) -> None:
    with ExitStack() as stack:
        running = stack.enter_context(influxd(tmp_path))
        history = InfluxHistory(running.url, "wanglou")
        await history.write([block()])
        running.kill()
        with pytest.raises(HistoryDown):
            await history.write([block(at_ms=T0 + 1)])
        with pytest.raises(HistoryDown):
            await history.series("cmcc-d1", "in-rate", "", T0, T0 + 1)
        running.start()
        await history.write([block(at_ms=T0 + 1)])
        assert len(await history.series("cmcc-d1", "in-rate", "", T0, T0 + 1)) == 2
        await history.close()


@pytest.mark.peers
async def test_what_influx_will_never_take_is_refused_for_good(influx: Influx) -> None:
    history = InfluxHistory(influx.url, "types")
    await history._post(b"m,device=d v=1i 1")
    with pytest.raises(HistoryRefused, match="type"):
        await history._post(b"m,device=d v=1.5 2")
    await history.close()


@pytest.mark.peers
async def test_poison_points_are_named_and_the_rest_is_written(influx: Influx) -> None:
    history = InfluxHistory(influx.url, "poison")
    await history._post(f"p,device=d3 bad=1i {T0}000000".encode())

    def one(metric: str, device: str) -> Block:
        return Block(
            profile="p",
            metrics=(metric,),
            device=(device,),
            instance=("",),
            at_ms=(T0,),
            columns=((1.5,),),
        )

    blocks = [one("good", f"d{n}") for n in range(200)]
    blocks[77] = one("bad", "d77")
    blocks[178] = one("bad", "d178")
    with pytest.raises(HistoryRefused, match="type") as refused:
        await history.write(blocks)
    assert sorted(refused.value.rows) == [f"p,device=d{n} bad=1.5 {T0}000000" for n in (178, 77)]
    for n in (0, 76, 78, 199):
        assert await history.series(f"d{n}", "good", "", T0, T0) == [(T0, 1.5)]
    await history.close()


@pytest.mark.parametrize(
    ("code", "imported"),
    [
        ("import collector.app, collector.io.configured", False),
        (
            """
import asyncio
from collector.io.history import InfluxHistory
async def main():
    await InfluxHistory("http://127.0.0.1:9", "x").close()
asyncio.run(main())
""",
            True,
        ),
    ],
)
def test_the_library_comes_only_with_an_influxdb_and_without_a_word(
    code: str, *, imported: bool
) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            f"{code}\nimport sys\nprint('aioinflux' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{imported}\n", "")


async def test_old_samples_go_from_the_embedded_history(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "history.db")
    await history.write([block(), block(at_ms=T0 + 30_000, bump=10)])
    await history.forget(T0 + 1)
    for n, instance in enumerate(NASTY):
        found = await history.series("cmcc-d1", "in-rate", instance, T0, T0 + 30_000)
        assert found == [(T0 + 30_000, n + 10.5)], instance
    await history.forget(T0 + 30_001)
    assert await history.series("cmcc-d1", "in-rate", NASTY[0], T0, T0 + 30_000) == []
    await history.close()
