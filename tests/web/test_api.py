"""The JSON interface over a real server: figures, filters, refusals, orders, limits."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from urllib.parse import quote

import aiohttp
import openpyxl
import pytest
from pydantic import TypeAdapter
from rich.console import Console

from cli import status_page
from collector.explanation import Explanation
from collector.web import then
from collector.web.api import ROUTES
from collector.web.export import rows, workbook
from collector.web.index import Index, Moment
from collector.web.lists import DeviceQuery
from collector.web.model import DeviceAnswer, Page, SiteRow, Summary, WarningAnswer
from collector.web.server import serving
from collector.web.source import SiteState, State
from collector.would import Would
from config.settings import WebSettings
from tests.web.county import COUNTY, HOSTILE, TREE, Stage, verdict
from transport.sign import SigningKey, sign
from wire.alarm import AlarmAction, AlarmVerb
from wire.notice import Bilingual, Command, Signed, Verb


async def get(client: aiohttp.ClientSession, path: str, status: int = 200) -> Any:
    async with client.get(path) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def body(client: aiohttp.ClientSession, path: str) -> bytes:
    async with client.get(path) as response:
        return await response.read()


async def test_calm_county(client: aiohttp.ClientSession) -> None:
    home = Summary.model_validate(await get(client, "/api/v1/summary"))
    assert (home.devices.ok, home.devices.not_commissioned, home.devices.down) == (999, 1, 0)
    assert home.sites.ok == 334
    assert home.drill
    assert home.warning is None
    assert not home.not_ok
    assert {cell.state for cell in home.cells} == {State.OK}
    assert len(home.cells) == 60


async def test_power_cut_is_seen_in_every_figure(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    stage.power_cut()
    home = Summary.model_validate(await get(client, "/api/v1/summary"))
    down = [name for name, site in stage.held.sites.items() if site.state is State.DOWN]
    assert home.sites.down == len(down) > 20
    assert home.devices.down == 3 * len(down)
    assert home.hidden == 2 * len(down)
    assert (home.causes.faults, home.causes.devices) == (len(down), 3 * len(down))
    assert [one.hides for one in home.causes.first] == [2] * 5
    assert {one.device[-1] for one in home.causes.first} == {"r"}
    assert set(down) <= set(home.not_ok)
    cell = {(one.operator, one.town): one for one in home.cells}
    assert cell["cmcc", "140522105"].state is State.DOWN
    assert cell["cmcc", "140522105"].affected
    assert cell["ctcc", "140522100"].state is State.UNKNOWN
    assert cell["cmcc", "140522100"].state is State.OK
    ctcc = next(one for one in home.operators if one.id == "ctcc")
    assert ctcc.impact == "unknown"
    assert ctcc.silent_since_ms
    assert home.warning
    assert home.warning.draft.warning_name.zh == "情形2"
    assert not home.warning.draft.literal_level


async def test_an_issued_warning_stands_when_nothing_is_affected_any_more(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    stage.power_cut()
    before = Summary.model_validate(await get(client, "/api/v1/summary")).warning
    assert before is not None
    assert "目前研判" not in (await body(client, "/text?lang=zh")).decode()
    stage.change(verdict=verdict("none", "none", {}))
    home = await get(client, "/api/v1/summary")
    after = Summary.model_validate(home).warning
    assert after is not None
    assert (after.scenario_name, after.level_name) == (before.scenario_name, before.level_name)
    assert (after.scenario_name.zh, after.draft.warning_name.zh) == ("情形2", "无")
    said = (await body(client, "/text?lang=zh")).decode()
    assert f"预警 草案 / 情形2 / {before.level_name.zh}" in said
    assert "目前研判 无 / 无" in said
    out = StringIO()
    Console(file=out, width=100).print(status_page.page(home))
    assert "情形2" in out.getvalue()
    assert "目前研判 as judged now: 无 · 无" in out.getvalue()


async def test_an_unchanged_board_costs_no_body(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    async with client.get("/api/v1/summary") as first:
        tag = first.headers["ETag"]
        assert int(first.headers["X-Wanglou-Now"]) >= stage.start_ms
    async with client.get("/api/v1/summary", headers={"If-None-Match": tag}) as again:
        assert again.status == 304
    stage.device("cmcc-0000-r", State.DOWN)
    async with client.get("/api/v1/summary", headers={"If-None-Match": tag}) as changed:
        assert changed.status == 200


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("", 1000),
        ("q=凤城镇", 72),
        ("q=凤城镇 电源", 24),
        ("q=CMCC-0000", 3),
        ("town=140522100&operator=cmcc", 18),
        ("operator=cmcc,tower&state=ok", 501),
        ("state=not_commissioned", 1),
        ("state=down,unknown,alarm", 0),
        ("site=cmcc-0000", 3),
        ("q=nowhere", 0),
    ],
)
async def test_device_filters(client: aiohttp.ClientSession, query: str, total: int) -> None:
    page = await get(client, f"/api/v1/devices?{query}&limit=7")
    assert page["total"] == total
    assert len(page["items"]) == min(7, total)


async def test_devices_are_worst_first_and_causes_before_what_they_hide(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    stage.power_cut()
    page = await get(client, "/api/v1/devices?limit=200")
    states = [(item["state"], item["cause"] is not None) for item in page["items"]]
    order = {("down", False): 0, ("down", True): 1, ("alarm", False): 2, ("unknown", False): 3}
    assert [order[one] for one in states] == sorted(order[one] for one in states)
    assert page["items"][0]["hides"] == 2
    cause = page["items"][0]["id"]
    hidden = await get(client, f"/api/v1/devices?cause={cause}")
    assert hidden["total"] == 2


async def test_pages_do_not_overlap(client: aiohttp.ClientSession) -> None:
    first = await get(client, "/api/v1/sites?sort=name&limit=200")
    second = await get(client, "/api/v1/sites?sort=name&limit=200&offset=200")
    names = [SiteRow.model_validate(item).id for item in first["items"] + second["items"]]
    assert len(names) == len(set(names)) == Page.model_validate(first).total == 334


async def test_one_device(stage: Stage, client: aiohttp.ClientSession) -> None:
    stage.power_cut()
    cause = next(one.cause for one in stage.held.devices.values() if one.cause)
    answer = DeviceAnswer.model_validate(await get(client, f"/api/v1/devices/{cause}"))
    assert answer.device.state is State.DOWN
    assert answer.children_total == 2
    assert {child.state for child in answer.children} == {State.DOWN}
    assert answer.transitions[0].after is State.DOWN
    assert answer.readings[0].text == HOSTILE
    assert answer.alarms[0].type == "device-unreachable"
    child = DeviceAnswer.model_validate(
        await get(client, f"/api/v1/devices/{answer.children[0].id}")
    )
    assert child.device.cause == cause
    assert child.cause_name == answer.device.name


async def test_series(client: aiohttp.ClientSession) -> None:
    answer = await get(client, "/api/v1/devices/cmcc-0000-r/series?hours=24")
    assert len(answer["at_ms"]) == len(answer["lines"][0]["values"]) <= 1500
    assert None in answer["lines"][0]["values"]


async def test_warning_says_why(stage: Stage, client: aiohttp.ClientSession) -> None:
    stage.power_cut()
    answer = WarningAnswer.model_validate_json(await body(client, "/api/v1/warning"))
    assert answer.warning
    assert [step.verb for step in answer.warning.steps] == [Verb.PROPOSE, Verb.WITHDRAW]
    assert answer.warning.steps[0].role_names[0].zh == "办公室值班员"
    assert [name.zh for name in answer.unknown] == ["电信", "扩散性"]
    assert answer.judgement[0].id == "4.4.2(3)"
    assert answer.warning_range
    assert answer.warning_range[1].zh == "情形1"
    assert answer.evidence
    assert answer.sites[0].state is State.DOWN
    assert answer.notices[0].acked_ms is None


async def test_why_is_a_tree_and_what_is_missing_for_more(client: aiohttp.ClientSession) -> None:
    for _ in range(2):  # the second one from memory
        found = Explanation.model_validate_json(await body(client, "/api/v1/why/warning"))
    assert found.why.parts[0].id == "W3"
    assert found.nearer[0].id == "scenario2"
    assert found.nearer[0].any_of[0].changes[0].en == "1 more operator partly affected"
    assert found.why_not[0].id == "scenario2"


async def test_why_it_was_so_at_a_moment(stage: Stage, client: aiohttp.ClientSession) -> None:
    then_ms = stage.now_ms() - 3_600_000
    iso = datetime.fromtimestamp(then_ms / 1000, UTC).isoformat()
    for word in (str(then_ms), iso):
        raw = await body(client, f"/api/v1/why/warning?at={quote(word)}")
        found = Explanation.model_validate_json(raw)
        assert (found.at_ms // 1000, found.why.parts[0].id) == (then_ms // 1000, "W3")


async def test_one_moment_is_read_at_a_time(
    stage: Stage, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes long is told of and gone on with; it is there when it is asked for again."""
    done, begun = asyncio.Event(), list[str]()

    async def slow(target: str, _at_ms: int) -> Explanation | None:
        begun.append(target)
        await done.wait()
        return await Stage.why(stage, target)

    monkeypatch.setattr(stage, "why_then", slow)
    monkeypatch.setattr(then, "WAIT_S", 0.01)
    first, other = "/api/v1/why/warning?at=-1m", "/api/v1/why/cmcc-0000-r?at=-1m"
    assert (await get(client, first, 503))["error"] == "reading"
    assert (await get(client, other, 503))["error"] == "busy"
    done.set()
    monkeypatch.setattr(then, "WAIT_S", 60)
    for path in (first, other):
        assert await get(client, path)
    assert begun[0] == "warning"
    assert begun[-1] == "cmcc-0000-r"


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/api/v1/devices?limit=0", 400, "bad_query"),
        ("/api/v1/devices?limit=100000", 400, "bad_query"),
        ("/api/v1/devices?colour=red", 400, "bad_query"),
        ("/api/v1/devices?state=dead", 400, "bad_query"),
        ("/api/v1/devices/nobody", 404, "no_such_device"),
        ("/api/v1/devices/nobody/series", 404, "no_such_device"),
        ("/api/v1/sites/nowhere", 404, "no_such_site"),
        ("/api/v1/why/nobody", 404, "no_such_thing"),
        ("/api/v1/why/nobody?at=-1m", 404, "no_such_thing"),
        ("/api/v1/why/warning?at=noon", 400, "bad_moment"),
        ("/api/v1/why/warning?at=9999999999999", 400, "not_come"),
        ("/api/v1/why/warning?at=99999999999999999999", 400, "not_come"),
        ("/api/v1/why/warning?at=-2d", 404, "no_moment"),
        ("/api/v1/nothing", 404, "http"),
        ("/static/../server.py", 404, "http"),
        ("/static/nothing.js", 404, "no_such_file"),
    ],
)
async def test_refused_in_words(
    client: aiohttp.ClientSession, path: str, status: int, error: str
) -> None:
    said = await get(client, path, status)
    assert said["error"] == error
    assert said["text"]["zh"]


async def test_spreadsheet_has_every_filtered_row_and_no_formula(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    stage.power_cut()
    async with client.get("/api/v1/export/devices.xlsx?operator=cmcc") as response:
        assert "attachment" in response.headers["Content-Disposition"]
        book = openpyxl.load_workbook(io.BytesIO(await response.read()))
    sheet = book["devices"]
    page = await get(client, "/api/v1/devices?operator=cmcc&limit=1")
    assert sheet.max_row == page["total"] + 1
    assert "中断 down" in {row[2].value for row in sheet.iter_rows()}
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "inlineStr"}
    assert "operator" in str(book["about"]["B4"].value)


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "@SUM(1)", "bad\x07bell", HOSTILE])
async def test_spreadsheet_cells_are_text(name: str) -> None:
    stage = Stage(devices=12)
    held = stage.held.static.register
    device = held.devices[0].model_copy(update={"name": name})
    stage.change(
        static=stage.held.static.__class__(
            register=held.model_copy(update={"devices": (device,)}),
            name=stage.held.static.name,
        )
    )
    moment = Moment(stage.held, Index(stage.held.static))
    query = DeviceQuery()
    made = workbook(stage.held, query, "devices", await rows(moment, query))
    book = openpyxl.load_workbook(io.BytesIO(made))
    cell = book["devices"]["B2"]
    assert cell.data_type == "s"
    assert cell.value == name.replace("\x07", "�")


def order(stage: Stage, verb: Verb, target: str) -> Signed:
    command = Command(
        id="c-1", county=COUNTY, tree=TREE, account="wang", verb=verb, target=target,
        reason="研判", at_ms=stage.now_ms(),
    )  # fmt: skip
    return sign(command, "command", SigningKey("wang", stage.keys["wang"]))


async def post(client: aiohttp.ClientSession, path: str, body: bytes, **headers: str) -> Any:
    said = {"Content-Type": "application/json"} | headers
    async with client.post(path, data=body, headers=said) as response:
        return response.status, await response.json()


async def test_a_signed_order_reaches_the_collector(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    stage.power_cut()
    signed = order(stage, Verb.PROPOSE, "w-1").model_dump_json().encode()
    status, said = await post(client, "/api/v1/commands", signed)
    assert (status, said["accepted"]) == (200, True)
    assert stage.commands[0][0].verb is Verb.PROPOSE
    answer = await get(client, "/api/v1/warning")
    assert answer["warning"]["state"] == "proposed"
    assert answer["warning"]["log"][-1]["name"] == "王值班"


async def test_orders_that_are_refused(stage: Stage, client: aiohttp.ClientSession) -> None:
    signed = order(stage, Verb.PROPOSE, "w-1").model_dump_json().encode()
    assert (await post(client, "/api/v1/alarm-actions", signed))[0] == 400
    assert (await post(client, "/api/v1/commands", b"{}"))[0] == 400
    assert (await post(client, "/api/v1/commands", signed, Origin="http://evil.example"))[0] == 403
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert (await post(client, "/api/v1/commands", signed, **foreign))[0] == 403
    plain = {"Content-Type": "text/plain"}
    assert (await post(client, "/api/v1/commands", signed, **plain))[0] == 415
    assert (await post(client, "/api/v1/commands", b"x" * 200_000))[0] == 413
    async with client.get("/api/v1/commands") as response:
        assert response.status == 405
    assert not stage.commands


async def test_alarm_actions(stage: Stage, client: aiohttp.ClientSession) -> None:
    stage.power_cut()
    ids = tuple(alarm.id for alarm in stage.held.alarms[:3])
    action = AlarmAction(
        id="a-1", county=COUNTY, tree=TREE, account="zhao", verb=AlarmVerb.ACK, alarms=ids,
        text="已派人", at_ms=stage.now_ms(),
    )  # fmt: skip
    signed = sign(action, "alarm_action", SigningKey("zhao", stage.keys["zhao"]))
    status, said = await post(client, "/api/v1/alarm-actions", signed.model_dump_json().encode())
    assert (status, said["accepted"]) == (200, True)
    unacked = await get(client, "/api/v1/alarms?show=unacked")
    every = await get(client, "/api/v1/alarms")
    assert every["total"] - unacked["total"] == 3
    acked = next(item for item in every["items"] if item["id"] == ids[0])
    assert acked["acked"]["name"] == "赵工"


async def test_look_now_is_limited_per_device(stage: Stage, client: aiohttp.ClientSession) -> None:
    path = "/api/v1/devices/cmcc-0000-r/look"
    assert (await post(client, path, b"{}"))[0] == 200
    assert (await post(client, path, b"{}"))[0] == 429
    assert stage.looks == ["cmcc-0000-r"]


async def test_events_tell_what_changed(stage: Stage, client: aiohttp.ClientSession) -> None:
    async with client.get("/api/v1/events") as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert (await event(response))[0] == "hello"
        stage.device("cmcc-0000-r", State.DOWN)
        name, data = await event(response)
        assert (name, data["ids"]) == ("change", ["cmcc-0000-r"])
        assert data["revision"] == stage.held.revision
        stage.power_cut()
        assert (await event(response))[1]["ids"] is None


async def event(response: aiohttp.ClientResponse) -> tuple[str, Any]:
    name = ""
    async for line in response.content:
        if line.startswith(b"event: "):
            name = line[7:].decode().strip()
        if line.startswith(b"data: "):
            return name, json.loads(line[6:])
    raise AssertionError("the stream ended")


async def test_drill_keys_only_in_a_drill(stage: Stage, client: aiohttp.ClientSession) -> None:
    assert len((await get(client, "/api/v1/drill/keys"))["keys"]) == 3
    stage.change(tree="live")
    assert (await get(client, "/api/v1/drill/keys"))["keys"] == []


async def text(client: aiohttp.ClientSession, lang: str) -> str:
    async with client.get(f"/text?lang={lang}") as response:
        raw = await response.read()
    assert len(raw) < 10_000
    return raw.decode()


async def test_the_text_page_says_the_same_in_few_bytes(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    assert "无预警" in await text(client, "zh")
    stage.power_cut()
    chinese, english = await text(client, "zh"), await text(client, "en")
    for word in (
        "演练",
        "情形2",
        "研判提示",
        "故障 24 → 设备 72",
        "中断 72",
        "未知 213",
        "移动: 部分业务",
        "市电中断",
    ):
        assert word in chinese
    for word in ("scenario 2", "for judgement", "down 72", "China Mobile: partly affected"):
        assert word in english


async def test_the_text_page_is_small_and_inert_whatever_happens() -> None:
    stage = Stage(devices=3000)
    held = stage.held.static.register
    sites = tuple(site.model_copy(update={"name": HOSTILE * 2}) for site in held.sites)
    static = replace(stage.held.static, register=held.model_copy(update={"sites": sites}))
    stage.change(
        static=static,
        sites={site.id: SiteState(State.DOWN, 1, Bilingual(zh="&" * 200, en="")) for site in sites},
    )
    async with (
        serving(stage, WebSettings(port=0)) as url,
        aiohttp.ClientSession(base_url=url) as session,
    ):
        page = await text(session, "zh")
    assert "<script" not in page
    assert "<img" not in page
    assert "另有" in page or "…" in page


async def test_openapi_describes_every_route(client: aiohttp.ClientSession) -> None:
    described = await get(client, "/api/v1/openapi.json")
    assert set(described["paths"]) == {route.path for route in ROUTES}
    text = json.dumps(described)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in described["components"]["schemas"]
    devices = described["paths"]["/api/v1/devices"]["get"]["parameters"]
    assert {one["name"] for one in devices} >= {"q", "town", "operator", "state", "offset"}


async def test_health(client: aiohttp.ClientSession) -> None:
    assert (await get(client, "/healthz"))["ok"]


HEADERS = {"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"}


@pytest.mark.parametrize("path", ["/", "/text", "/api/v1/summary", "/static/no", "/api/v1/events"])
async def test_every_answer_has_the_headers(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as response:
        assert set(response.headers) >= HEADERS
        policy = response.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("192.0.2.7:8080", 200), ("[::1]:80", 200), ("evil.example", 421)],
)
async def test_another_host_name_is_refused(
    client: aiohttp.ClientSession, host: str, status: int
) -> None:
    async with client.get("/api/v1/summary", headers={"Host": host}) as response:
        assert response.status == status


def test_answers_are_strictly_what_the_models_say() -> None:
    assert TypeAdapter(Summary).json_schema()["additionalProperties"] is False


def _screen(home: Summary) -> str:
    """The home of ``wanglou status --url`` as text."""
    out = StringIO()
    Console(file=out, width=120).print(status_page.page(home.model_dump(mode="json")))
    return out.getvalue()


async def test_an_operator_in_trial_is_marked(stage: Stage, client: aiohttp.ClientSession) -> None:
    sources = tuple(
        one.model_copy(update={"trial": one.operator == "cucc"})
        for one in stage.held.static.register.sources
    )
    register = stage.held.static.register.model_copy(update={"sources": sources})
    would = Would("partial", 20, 3, 1, 0, "scenario2", "none")
    cucc = replace(stage.held.operators["cucc"], impact="absent", would=would)
    stage.change(
        static=replace(stage.held.static, register=register),
        operators={**stage.held.operators, "cucc": cucc},
    )
    home = Summary.model_validate(await get(client, "/api/v1/summary"))
    assert {one.id for one in home.operators if one.trial} == {"cucc"}
    (shown,) = (one.would for one in home.operators if one.would)
    assert (shown.state, shown.out, shown.sites) == ("partial", 3, 20)
    assert shown.warning is not None
    assert shown.level is not None
    assert (shown.warning.zh, shown.level.zh) == ("情形2", "无需响应")
    assert "试运行 (部分" in (await body(client, "/text?lang=zh")).decode()
    assert "算得 部分 partial" in _screen(home)
