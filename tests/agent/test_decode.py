"""Profiles to queries, raw values to readings; the shipped profiles."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import ber
from agent.decode import compile_query, decode, scaled, text, uptime_ticks
from agent.query import Query, SnmpResult, TableValues
from config.io.load import DATA
from config.io.toml import build, read_document
from config.profile import Metric, MetricType, Profile, Table, When
from tests.agent.fake import Bench, FakeAgent, Objects
from wire.observation import Outcome

SHIPPED = sorted((DATA / "profiles").glob("*.toml"))


def shipped(name: str) -> Profile:
    return build(Profile, read_document(DATA / "profiles" / f"{name}.toml"))


def arcs(dotted: str) -> tuple[int, ...]:
    return tuple(map(int, dotted.split(".")))


def look(query: Query, found: Objects) -> SnmpResult:
    return Bench(query).look(FakeAgent(found).answer)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_profile_compiles_and_is_named_after_its_file(path: Path) -> None:
    profile = build(Profile, read_document(path))
    query = compile_query([profile])
    assert profile.id == path.stem
    assert len(query.scalars) == len(set(query.scalars))
    nothing = look(query, {})
    assert nothing.complete or nothing.reason == "emptyView"


def test_profiles_share_their_scalars() -> None:
    query = compile_query([shipped("generic"), shipped("interfaces")])
    assert len(query.scalars) == 4
    assert query.uptime == 0
    result = look(query, {arcs("1.3.6.1.2.1.1.3.0"): (ber.TIME_TICKS, 4_294_967_295)})
    assert uptime_ticks(result) == 4_294_967_295
    assert [(rows.profile, rows.columns) for rows in decode(result) if not rows.table] == [
        ("generic", [[42_949_672.95]]),
        ("interfaces", [[42_949_672.95]]),
    ]


UPS = "1.3.6.1.2.1.33.1"


def test_a_ups_on_its_battery() -> None:
    found: Objects = {
        arcs(f"{UPS}.1.2.0"): (ber.OCTET_STRING, "山特 C3K".encode("gb18030")),
        arcs(f"{UPS}.2.1.0"): (ber.INTEGER, 3),
        arcs(f"{UPS}.2.2.0"): (ber.INTEGER, 95),
        arcs(f"{UPS}.2.5.0"): (ber.INTEGER, 481),
        arcs(f"{UPS}.4.1.0"): (ber.INTEGER, 5),
        arcs(f"{UPS}.3.3.1.3.1"): (ber.INTEGER, 0),
    }
    scalars, inputs, outputs, alarms = decode(look(compile_query([shipped("ups")]), found))
    read = {m.name: column[0] for m, column in zip(scalars.metrics, scalars.columns, strict=True)}
    assert read["ups_battery_status"] == 3
    assert read["ups_battery_voltage"] == 48.1
    assert read["ups_output_source"] == 5
    assert read["ups_minutes_remaining"] is None
    assert scalars.texts == {"ups_manufacturer": [None], "ups_model": ["山特 C3K"]}
    assert inputs.instances == ("1",)
    assert inputs.columns == [[None], [0]]
    assert (outputs.instances, outputs.columns) == ((), [[], []])
    assert alarms.instances == ()


IF = "1.3.6.1.2.1.2.2.1"
IFX = "1.3.6.1.2.1.31.1.1.1"


def test_interfaces_are_named_and_one_switched_off_is_no_fault() -> None:
    found: Objects = {}
    for index, name, admin, oper in ((1, b"ge0", 1, 1), (2, b"ge1", 1, 2), (7, b"ge2", 2, 2)):
        found[arcs(f"{IFX}.1.{index}")] = (ber.OCTET_STRING, name)
        found[arcs(f"{IF}.7.{index}")] = (ber.INTEGER, admin)
        found[arcs(f"{IF}.8.{index}")] = (ber.INTEGER, oper)
        found[arcs(f"{IFX}.6.{index}")] = (ber.COUNTER64, 2**63 + index)
    _, rows = decode(look(compile_query([shipped("interfaces")]), found))
    assert rows.instances == ("ge0", "ge1", "ge2")
    columns = {m.name: column for m, column in zip(rows.metrics, rows.columns, strict=True)}
    assert columns["if_link"] == [1, 2, 0]
    assert columns["if_in"] == [2**63 + 1, 2**63 + 2, 2**63 + 7]
    hint = next(m.alarm for m in rows.metrics if m.name == "if_link")
    assert hint is not None
    assert [value in hint.values for value in columns["if_link"]] == [False, True, False]


def test_rows_without_a_name_of_their_own_get_their_index() -> None:
    found: Objects = {}
    for index, name in ((1, b"same"), (2, b"same"), (3, b""), (4, b"own")):
        found[arcs(f"{IFX}.1.{index}")] = (ber.OCTET_STRING, name)
    found[arcs(f"{IF}.8.5")] = (ber.INTEGER, 1)
    _, rows = decode(look(compile_query([shipped("interfaces")]), found))
    assert rows.instances == ("same#1", "same#2", "3", "own", "5")


SENSOR = "1.3.6.1.2.1.99.1.1.1"


def test_only_thermometers_and_hygrometers_in_order_are_read() -> None:
    found: Objects = {arcs("1.3.6.1.2.1.47.1.1.1.1.7.1"): (ber.OCTET_STRING, b"chassis")}
    rows = (
        (2, "room", 8, 9, 1, 235, 1),
        (3, "humid", 9, 9, 0, 61, 1),
        (4, "chip", 8, 8, 0, 41250, 1),
        (5, "broken", 8, 9, 0, 0, 3),
        (6, "fan", 10, 9, 0, 3000, 1),
        (7, "kilo", 8, 10, 0, 1, 1),
    )
    for index, name, kind, scale, precision, value, status in rows:
        found[arcs(f"1.3.6.1.2.1.47.1.1.1.1.7.{index}")] = (ber.OCTET_STRING, name.encode())
        for column, number in enumerate((kind, scale, precision, value, status), 1):
            found[arcs(f"{SENSOR}.{column}.{index}")] = (ber.INTEGER, number)
    (read,) = decode(look(compile_query([shipped("sensors")]), found))
    assert read.instances == ("room", "humid", "chip", "broken", "kilo")
    assert dict(zip((m.name for m in read.metrics), read.columns, strict=True)) == {
        "temperature": [23.5, None, 41.25, None, 1000],
        "humidity": [None, 61, None, None, None],
        "sensor_status": [1, 1, 1, 3, 1],
    }


def test_a_value_of_the_wrong_type_is_no_number() -> None:
    metric = Metric(name="m", oid="1.3.6.1.4.1.1.0")
    query = compile_query([Profile(id="p", title="p", scalars=(metric,))])
    for tag, raw in ((ber.OCTET_STRING, b"17"), (ber.NULL, None), (ber.IP_ADDRESS, b"abcd")):
        (rows,) = decode(look(query, {arcs("1.3.6.1.4.1.1.0"): (tag, raw)}))
        assert rows.columns == [[None]]


def test_what_was_not_measured_has_no_readings() -> None:
    bench = Bench(compile_query([shipped("generic")]))
    result = SnmpResult(bench.device, Outcome.NO_ANSWER)
    assert decode(result) == []
    assert uptime_ticks(result) is None


def test_a_table_read_in_part_says_so_and_the_scalars_beside_it_do_not() -> None:
    bench = Bench(compile_query([shipped("interfaces")]))
    result = bench.look(lambda data: FakeAgent({}).answer(data) if bench.asked < 2 else None)
    scalars, table = decode(result)
    assert (scalars.complete, table.complete, table.reason) == (True, False, "timeout")


def test_a_condition_on_a_cell_that_is_missing_cannot_be_told() -> None:
    metric = Metric(
        name="m",
        oid="1.3.6.1.4.1.1.1",
        when=(When(oid="1.3.6.1.4.1.1.2", equals=(1,)),),
        otherwise=0,
    )
    query = compile_query(
        [Profile(id="p", title="p", tables=(Table(name="t", columns=(metric,)),))]
    )
    result = SnmpResult(Bench(query).device, Outcome.MEASURED)
    result.tables = [TableValues(2, ((1,), (2,), (3,)), (5, 1, 5, 2, 5, None), b"\2" * 6)]
    (rows,) = decode(result)
    assert rows.columns == [[5, 0, None]]


def test_the_mark_of_a_discontinuity_is_kept_beside_the_rows() -> None:
    column = Metric(name="c", oid="1.3.6.1.4.1.1.1", type=MetricType.COUNTER32)
    table = Table(name="t", discontinuity="1.3.6.1.4.1.1.2", columns=(column,))
    query = compile_query([Profile(id="p", title="p", tables=(table,))])
    found: Objects = {
        arcs("1.3.6.1.4.1.1.1.1"): (ber.COUNTER32, 9),
        arcs("1.3.6.1.4.1.1.2.1"): (ber.TIME_TICKS, 4),
    }
    (rows,) = decode(look(query, found))
    assert (rows.columns, rows.epochs) == ([[9]], [4])


@pytest.mark.parametrize(
    ("tag", "raw", "said"),
    [
        (ber.OCTET_STRING, b"plain\0\0", "plain"),
        (ber.OCTET_STRING, "两行\r\n文字".encode(), "两行 文字"),
        (ber.OCTET_STRING, "光缆".encode("gb18030"), "光缆"),
        (ber.OCTET_STRING, b"\x00\x1b\x21\xff\x01", "00:1b:21:ff:01"),
        (ber.OCTET_STRING, b"\x1b[31mred", "1b:5b:33:31:6d:72:65:64"),
        (ber.IP_ADDRESS, b"\x7f\0\0\1", "127.0.0.1"),
        (ber.OID, b"\x2b\x06\x01", "1.3.6.1"),
        (ber.INTEGER, 5, "5"),
        (ber.NO_SUCH_OBJECT, None, None),
    ],
)
def test_texts(tag: int, raw: bytes | int | None, said: str | None) -> None:
    assert text(tag, raw) == said


@given(st.binary(max_size=400))
def test_any_octets_make_one_printable_line(octets: bytes) -> None:
    said = text(ber.OCTET_STRING, octets)
    assert said is not None
    assert said.isprintable()
    assert len(said) <= 255


def test_scales_are_exact_where_they_can_be() -> None:
    assert [scaled(3, 0.1), scaled(235, 0.1), scaled(7, 0.01), scaled(2, 8.0)] == [
        0.3,
        23.5,
        0.07,
        16.0,
    ]


def test_a_number_that_stands_for_none_and_a_plant_of_the_other_polarity() -> None:
    base = "1.3.6.1.4.1.6302.2.1.2"
    found: Objects = {
        arcs(f"{base}.2.0"): (ber.INTEGER, -53_520),
        arcs(f"{base}.5.2.0"): (ber.INTEGER, -30_000),
        arcs(f"{base}.5.3.0"): (ber.INTEGER, 2_147_483_647),
        arcs(f"{base}.9.0"): (ber.INTEGER, 8),
    }
    scalars = decode(look(compile_query([shipped("netsure")]), found))[0]
    read = {m.name: column[0] for m, column in zip(scalars.metrics, scalars.columns, strict=True)}
    assert read["dc_voltage"] == 53.52
    assert read["dc_battery_current"] == -30.0
    assert read["dc_battery_charge"] is None
    assert read["dc_battery_mode"] == 8
