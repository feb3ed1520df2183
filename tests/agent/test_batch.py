"""Looks taken together come to the same as looks taken one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import ber
from agent.batch import Batch, Taken
from agent.decode import compile_query, decode, uptime_ticks
from agent.lanes import REFRESH_MS, StateLane
from agent.query import Access, Query, SnmpLook, SnmpResult, TableValues
from agent.samples import SampleLane
from agent.track import Track
from config.inventory import SnmpVersion
from config.profile import Metric, MetricType, Profile, Table
from wire.observation import Outcome, Reading

S = 1_000_000_000
LEAST_S = 0.6
MIB = "1.3.6.1.4.1.9."
DEVICE = Profile(
    id="device",
    title="d",
    scalars=(
        Metric(name="uptime", oid="1.3.6.1.2.1.1.3.0", type=MetricType.TICKS, scale=0.01),
        Metric(name="level", oid=MIB + "1.0", watched=True, report_delta=2.0),
        Metric(name="load", oid=MIB + "2.0", scale=0.1, watched=True),
        Metric(name="words", oid=MIB + "3.0", type=MetricType.TEXT),
        Metric(name="packets", oid=MIB + "4.0", type=MetricType.COUNTER32, watched=True),
    ),
    tables=(
        Table(
            name="ports",
            label=MIB + "5",
            discontinuity=MIB + "6",
            speed=MIB + "10",
            columns=(
                Metric(name="oper", oid=MIB + "7", watched=True),
                Metric(
                    name="octets",
                    oid=MIB + "8",
                    type=MetricType.COUNTER64,
                    unit="bit/s",
                    scale=8.0,
                ),
                Metric(name="errors", oid=MIB + "9", type=MetricType.COUNTER32, watched=True),
            ),
        ),
    ),
)
OTHER = Profile(id="other", title="o", scalars=(Metric(name="plain", oid=MIB + "1.0"),))
SCALAR = DEVICE.model_copy(update={"id": "scalar", "tables": ()})
QUERIES = tuple(compile_query(some) for some in ([DEVICE], [OTHER], [SCALAR], [SCALAR, OTHER]))
"""Scalars and a table, a scalar, scalars, scalars of two profiles that share one."""
INDEXES = [tuple((row,) for row in range(count)) for count in range(4)]

SCALARS = st.tuples(
    st.sampled_from(
        [
            (ber.TIME_TICKS, 100),
            (ber.TIME_TICKS, 50_000),
            (ber.TIME_TICKS, 50_000_000),
            (ber.NO_SUCH_OBJECT, None),
        ]
    ),
    st.sampled_from([(ber.GAUGE32, value) for value in (0, 1, 5, 70)] + [(ber.OID, b"\x2b")]),
    st.sampled_from([(ber.INTEGER, -3), (ber.INTEGER, 4), (ber.NO_SUCH_OBJECT, None)]),
    st.just((ber.OCTET_STRING, b"words")),
    st.sampled_from([(ber.COUNTER32, value) for value in (0, 7, 2**32 - 1)] + [(ber.INTEGER, -1)]),
)
ROW = st.tuples(
    st.sampled_from([(ber.OCTET_STRING, name) for name in (b"a", b"b", b"")]),
    st.sampled_from([(ber.TIME_TICKS, 0)] * 5 + [(ber.TIME_TICKS, 9)]),
    st.sampled_from([(ber.INTEGER, 1), (ber.INTEGER, 2), (ber.NULL, None)]),
    st.sampled_from([(ber.COUNTER64, value) for value in (0, 10**6, 2**64 - 1)]),
    st.sampled_from([(ber.COUNTER32, value) for value in (0, 3, 2**32 - 2)] + [(0, None)]),
    st.sampled_from([(ber.GAUGE32, value) for value in (0, 1, 1000)] + [(0, None)]),
)
TABLE = st.one_of(st.just(None), st.lists(ROW, max_size=3))
"""None: the same as the look before."""

LOOK = st.tuples(
    st.integers(0, 3),
    st.sampled_from([0, 0, 0, 1, 2, 2, 2, 3]),
    st.one_of(st.none(), SCALARS),
    TABLE,
    st.booleans(),
    st.integers(0, 400),
)
Cells = list[tuple[int, Any]]


def look_of(device: int, query: Query) -> SnmpLook:
    return SnmpLook(f"d{device}", "127.0.0.1", 161, Access(SnmpVersion.V2C, b"x"), query)


def table_of(rows: list[Cells], *, complete: bool) -> TableValues:
    flat = [cell for row in rows for cell in row]
    return TableValues(
        6,
        INDEXES[len(rows)],
        [value for _, value in flat],
        bytes(tag for tag, _ in flat),
        complete,
        "" if complete else "timeout",
    )


def results(script: list[Any]) -> list[SnmpResult]:
    """The looks of a script, a few seconds after one another."""
    looks = {(d, q): look_of(d, QUERIES[q]) for d in range(4) for q in range(len(QUERIES))}
    scalars: Cells = [(ber.TIME_TICKS, 100), *[(ber.GAUGE32, 1)] * 2, (ber.OCTET_STRING, b"w")]
    scalars.append((ber.COUNTER32, 5))
    rows: list[Cells] = []
    found, at_ns = [], S
    for device, query, new_scalars, new_rows, whole, pause in script:
        at_ns += pause * S // 4
        scalars = list(new_scalars or scalars)
        rows = rows if new_rows is None else new_rows
        asked = scalars[1:2] if query == 1 else scalars
        tables = [table_of(rows, complete=whole)] if query == 0 else []
        found.append(
            SnmpResult(
                looks[device, query],
                Outcome.MEASURED,
                "" if whole else "timeout",
                at_ns=at_ns,
                complete=whole,
                scalars=[value for _, value in asked],
                tags=bytes(tag for tag, _ in asked),
                tables=tables,
            )
        )
    return found


def taken(result: SnmpResult, tracks: dict[str, Track]) -> Taken:
    device = result.look.device
    return Taken(
        device, tracks.setdefault(device, Track(least_s=LEAST_S)), result, result.at_ns // 10**6
    )


def samples(lane: SampleLane) -> Counter[tuple[Any, ...]]:
    rows: Counter[tuple[Any, ...]] = Counter()
    for body, _ in lane.take():
        for block in orjson.loads(body)["blocks"]:
            keys = zip(block["device"], block["instance"], block["at_ms"], strict=True)
            for key, *values in zip(keys, *block["columns"], strict=True):
                rows[(block["profile"], tuple(block["metrics"]), *key, *values)] += 1
    return rows


def told(readings: list[Reading]) -> Counter[Reading]:
    return Counter(readings)


@settings(max_examples=200, deadline=None)
@given(st.lists(LOOK, max_size=25), st.lists(st.integers(1, 12), min_size=1))
def test_together_as_one_by_one(script: list[Any], sizes: list[int]) -> None:
    looks = results(script)
    state, sample = StateLane(), SampleLane()
    batch, tracks = Batch(state, sample), dict[str, Track]()
    plain_state, plain_sample = StateLane(), SampleLane()
    plain_tracks: dict[str, Track] = {}
    begin = number = 0
    while begin < len(looks):
        part = looks[begin : begin + sizes[number % len(sizes)]]
        begin += len(part)
        number += 1
        mono_ms = number * REFRESH_MS // 3
        found, again = batch.take([taken(one, tracks) for one in part], mono_ms)
        expected: list[Reading] = []
        restarted: list[str] = []
        for one in part:
            rows = decode(one)
            device, track, _, at_ms = taken(one, plain_tracks)
            if track.rates.apply(rows, one.at_ns, uptime_ticks(one)):
                restarted.append(device)
            expected += plain_state.readings(device, rows, at_ms, mono_ms)
            plain_sample.add(device, rows, at_ms)
        assert told(found) == told(expected)
        assert again == restarted
        assert samples(sample) == samples(plain_sample)


def test_what_stays_the_same_is_taken_together() -> None:
    """The property above would hold too if nothing ever were steady."""
    script: list[Any] = [(device, 0, None, None, True, 1) for _ in range(3) for device in range(4)]
    script[0] = (0, 0, None, [[(4, b"a"), (67, 0), (2, 1), (70, 1), (65, 1), (66, 10)]], True, 1)
    sample = SampleLane()
    batch, tracks = Batch(StateLane(), sample), dict[str, Track]()
    looks = [taken(one, tracks) for one in results(script)]
    batch.take(looks, 0)
    assert batch.alone == 4
    assert batch.together == 8


def test_counts_of_scalars_are_kept_as_octets_and_come_back() -> None:
    fresh = [(ber.TIME_TICKS, 100), *[(ber.GAUGE32, 1)] * 2, (ber.OCTET_STRING, b"w")]
    looks = [
        (0, 2, [*fresh, (ber.COUNTER32, 2**32 - 1)], None, True, 8),
        (0, 2, [(ber.TIME_TICKS, 300), *fresh[1:], (ber.COUNTER32, 9)], None, True, 8),
        (0, 2, [(ber.TIME_TICKS, 500), *fresh[1:], (ber.COUNTER32, 29)], None, False, 8),
    ]
    sample = SampleLane()
    batch, track = Batch(StateLane(), sample), Track()
    rates, kept = [], []
    for result in results(looks):
        batch.take([Taken("d", track, result, 0)], 0)
        kept.append(track.kept is not None)
        rates.append(orjson.loads(sample.take()[0][0])["blocks"][0]["columns"][-1])
    assert kept == [True, True, False]
    assert rates == [[None], [5.0], [10.0]]
