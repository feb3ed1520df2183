"""Handlers of ``/api/v1`` and the one table that says where they stand.

A handler reads one board, does bounded work, and answers; only ``Source`` methods are awaited.
What is the same for everybody is encoded once per revision; the entity tag is the revision, so an
unchanged board costs an asker 304 and no body.
"""

from __future__ import annotations

import asyncio
import functools
import gzip
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Final, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.analysis_sheets import Report
from collector.explanation import Explanation
from collector.period import last, period
from collector.web import details, lists
from collector.web import summary as home
from collector.web.assets import takes_gzip
from collector.web.events import Hub
from collector.web.export import rows, workbook
from collector.web.guard import Bucket, RefusedRequest
from collector.web.index import Index, Moment
from collector.web.model import (
    AlarmItem,
    Change,
    DeviceAnswer,
    DeviceRow,
    DrillKey,
    DrillKeys,
    Health,
    MaintenanceAnswer,
    OutcomeAnswer,
    Page,
    PeopleAnswer,
    SeriesAnswer,
    SiteAnswer,
    SiteRow,
    SiteSpots,
    Summary,
    WarningAnswer,
)
from collector.web.openapi import JSON, Shape, document
from collector.web.source import Outcome, Source
from collector.web.then import Reader, WhyQuery, meant
from collector.workbook import workbook as analysis_book
from wire.codec import explain
from wire.notice import Signed

Handle = Callable[["Api", web.Request], Awaitable[web.StreamResponse]]
Q = TypeVar("Q", bound=BaseModel)

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ORDERS_PER_S: Final = 20.0
LOOKS_PER_S: Final = 5.0
LOOK_EVERY_S: Final = 5.0
"""Real seconds between two looks at one device that the pages may ask for."""

WHY_WARNING: Final = "warning"
HOUR_MS: Final = 3_600_000
PACK_OVER: Final = 1400
"""Bytes of an answer that fit one packet; longer ones are compressed."""


class SeriesQuery(BaseModel):
    """``hours`` of history up to now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hours: Annotated[int, Field(ge=1, le=168)] = 24


class ReportQuery(BaseModel):
    """``form``: json, or md (Markdown)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Literal["json", "md"] = "json"


class AnalysisQuery(BaseModel):
    """``day``: one in the period; without it the last period that is over."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    period: Literal["day", "week", "month"] = "day"
    day: date | None = None


@dataclass(slots=True)
class Api:
    """What the handlers share."""

    source: Source
    hub: Hub
    instance: str
    index: Index = field(init=False)
    moment: Moment = field(init=False)
    orders: Bucket = field(default_factory=lambda: Bucket(ORDERS_PER_S, 40))
    looks: Bucket = field(default_factory=lambda: Bucket(LOOKS_PER_S, 10))
    looked: dict[str, float] = field(default_factory=dict)
    reader: Reader = field(default_factory=Reader)
    exporting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    def __post_init__(self) -> None:
        board = self.source.board()
        self.index = Index(board.static)
        self.moment = Moment(board, self.index)

    def now(self) -> Moment:
        """The newest board's moment; the index is kept until the configuration changes."""
        board = self.source.board()
        if board is not self.moment.board:
            if board.static is not self.index.static:
                self.index = Index(board.static)
            self.moment = Moment(board, self.index)
        return self.moment


def asked(request: web.Request, query: type[Q]) -> Q:
    """The query string as a model. Raises RefusedRequest 400."""
    try:
        return query.model_validate(dict(request.query))
    except ValidationError as error:
        raise RefusedRequest(400, "bad_query", "查询参数不对", explain(error)) from error


def shared(
    api: Api, request: web.Request, key: str, make: Callable[[Moment], BaseModel]
) -> web.Response:
    """An answer that is the same for everybody: made once per revision."""
    moment = api.now()
    tag = f'"{api.instance}-{moment.board.revision}"'
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=stamped(api) | {"ETag": tag})
    if key not in moment.cache:
        moment.cache[key] = make(moment).model_dump_json().encode()
    body = moment.cache[key]
    headers = stamped(api) | {"ETag": tag}
    if len(body) > PACK_OVER and takes_gzip(request):
        packed = moment.cache.get(key + ".gz")
        if packed is None:
            packed = moment.cache[key + ".gz"] = gzip.compress(body, 5, mtime=0)
        body, headers["Content-Encoding"] = packed, "gzip"
    return web.Response(body=body, headers=headers, content_type=JSON)


def answer(api: Api, request: web.Request, model: BaseModel) -> web.Response:
    """One asker's answer."""
    body, headers = model.model_dump_json().encode(), stamped(api)
    if len(body) > PACK_OVER and takes_gzip(request):
        body, headers["Content-Encoding"] = gzip.compress(body, 5, mtime=0), "gzip"
    return web.Response(body=body, headers=headers, content_type=JSON)


def stamped(api: Api) -> dict[str, str]:
    return {
        "X-Wanglou-Now": str(api.source.now_ms()),
        "X-Wanglou-Scale": f"{api.source.scale:g}",
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
    }


def known_device(api: Api, request: web.Request) -> str:
    """The device that the path names. Raises RefusedRequest 404."""
    name = request.match_info["device"]
    if name not in api.now().index.devices:
        raise RefusedRequest(404, "no_such_device", "登记册中没有此设备", "no such device")
    return name


async def get_summary(api: Api, request: web.Request) -> web.Response:
    return shared(api, request, "summary", home.summary)


async def get_spots(api: Api, request: web.Request) -> web.Response:
    tag = f'"{api.instance}-{api.now().board.static.config_hash[:16]}"'
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=stamped(api) | {"ETag": tag})
    response = answer(api, request, home.spots(api.index))
    response.headers["ETag"] = tag
    return response


async def get_devices(api: Api, request: web.Request) -> web.Response:
    moment, query = api.now(), asked(request, lists.DeviceQuery)
    found = lists.devices(moment, query)
    return answer(api, request, lists.page(moment, query, found, lists.device_row))


async def get_sites(api: Api, request: web.Request) -> web.Response:
    moment, query = api.now(), asked(request, lists.SiteQuery)
    return answer(
        api, request, lists.page(moment, query, lists.sites(moment, query), lists.site_row)
    )


async def get_alarms(api: Api, request: web.Request) -> web.Response:
    moment, query = api.now(), asked(request, lists.AlarmQuery)
    found = lists.alarms(moment, query)
    return answer(api, request, lists.page(moment, query, found, lists.alarm_item))


async def get_maintenance(api: Api, request: web.Request) -> web.Response:
    return shared(api, request, "maintenance", lists.maintenance)


async def get_device(api: Api, request: web.Request) -> web.Response:
    name = known_device(api, request)
    detail = await api.source.detail(name)
    return answer(api, request, details.device(api.now(), name, detail))


async def get_site(api: Api, request: web.Request) -> web.Response:
    name = request.match_info["site"]
    if name not in api.now().index.sites:
        raise RefusedRequest(404, "no_such_site", "登记册中没有此站点", "no such site")
    return answer(api, request, details.site(api.now(), name))


async def get_series(api: Api, request: web.Request) -> web.Response:
    name, query = known_device(api, request), asked(request, SeriesQuery)
    to_ms = api.source.now_ms()
    from_ms = max(0, to_ms - query.hours * HOUR_MS)
    found = await api.source.series(name, from_ms, to_ms)
    return answer(api, request, details.series(name, from_ms, to_ms, found))


async def get_warning(api: Api, request: web.Request) -> web.Response:
    return shared(api, request, "warning", details.warning)


async def get_report(api: Api, request: web.Request) -> web.Response:
    """A warning's closing report; ``form=md`` gives Markdown."""
    query = asked(request, ReportQuery)
    found = await api.source.report(request.match_info["warning"])
    if found is None:
        raise RefusedRequest(404, "no_such_warning", "没有此编号的预警", "no such warning")
    if query.form == "md":
        return web.Response(text=found[1], headers=stamped(api), content_type="text/plain")
    body = json.dumps(found[0], ensure_ascii=False)
    return web.Response(text=body, headers=stamped(api), content_type=JSON)


async def _analysed(api: Api, request: web.Request) -> Report:
    """The analysis that was asked for; one at a time, because it reads the journal."""
    query = asked(request, AnalysisQuery)
    if api.exporting.locked():
        raise RefusedRequest(503, "busy", "正在统计，请稍后再试", "another one is being made")
    async with api.exporting:
        day = query.day or last(query.period, api.source.now_ms())
        return await api.source.analysis(period(query.period, day))


async def get_analysis(api: Api, request: web.Request) -> web.Response:
    """The regular analysis with its tables."""
    body = json.dumps((await _analysed(api, request)).to_json(), ensure_ascii=False)
    return web.Response(text=body, headers=stamped(api), content_type=JSON)


async def get_analysis_book(api: Api, request: web.Request) -> web.Response:
    """The same as .xlsx."""
    report = await _analysed(api, request)
    body = await asyncio.to_thread(analysis_book, report)
    headers = {
        "Content-Disposition": 'attachment; filename="wanglou-analysis.xlsx"',
        "Cache-Control": "no-store",
    }
    return web.Response(body=body, headers=headers, content_type=XLSX)


async def get_why(api: Api, request: web.Request) -> web.Response:
    """Why it is judged so, or was; the warning's of now is worked out once per revision."""
    target, moment = request.match_info["target"], api.now()
    query = asked(request, WhyQuery)
    at_ms = meant(query, api.source.now_ms())
    if at_ms is not None:
        make = functools.partial(api.source.why_then, target, at_ms)
        then = await api.reader.ask((target, query.at), at_ms, make)
        if then is None:
            raise RefusedRequest(404, "no_such_thing", "没有此名称", "nothing has this name")
        return answer(api, request, then)
    body = moment.cache.get("why") if target == WHY_WARNING else None
    if body is None:
        found = await api.source.why(target)
        if found is None:
            raise RefusedRequest(404, "no_such_thing", "没有此名称", "nothing has this name")
        body = found.model_dump_json().encode()
    if target == WHY_WARNING:
        moment.cache["why"] = body
    headers = stamped(api)
    if len(body) > PACK_OVER and takes_gzip(request):
        body, headers["Content-Encoding"] = gzip.compress(body, 5, mtime=0), "gzip"
    return web.Response(body=body, headers=headers, content_type=JSON)


async def get_people(api: Api, request: web.Request) -> web.Response:
    return shared(api, request, "people", details.people)


async def get_drill_keys(api: Api, request: web.Request) -> web.Response:
    """The invented people's keys, and only in a drill's tree, whatever the source offers."""
    drill = api.now().board.tree.startswith("drill-")
    people = api.source.invented_people() if drill else ()
    return answer(
        api,
        request,
        DrillKeys(
            keys=tuple(DrillKey(account=one.account, key=one.key, pem=one.pem) for one in people)
        ),
    )


async def get_events(api: Api, request: web.Request) -> web.StreamResponse:
    return await api.hub.stream(request)


async def get_openapi(api: Api, _request: web.Request) -> web.Response:
    moment = api.now()
    if "openapi" not in moment.cache:
        moment.cache["openapi"] = json.dumps(document(ROUTES)).encode()
    return web.Response(body=moment.cache["openapi"], content_type=JSON, headers=stamped(api))


async def get_health(api: Api, request: web.Request) -> web.Response:
    board = api.source.board()
    age = max(0, api.source.now_ms() - board.at_ms)
    return answer(api, request, Health(revision=board.revision, board_age_ms=age))


def exporter(query: type[lists.Query], name: str) -> Handle:
    """The handler that gives a list as .xlsx, one at a time, off the loop."""

    async def export(api: Api, request: web.Request) -> web.Response:
        wanted = asked(request, query)
        if api.exporting.locked():
            raise RefusedRequest(503, "busy", "正在导出，请稍后再试", "another export is running")
        moment = api.now()
        async with api.exporting:
            lines = await rows(moment, wanted)
            body = await asyncio.to_thread(workbook, moment.board, wanted, name, lines)
        headers = {
            "Content-Disposition": f'attachment; filename="wanglou-{name}.xlsx"',
            "Cache-Control": "no-store",
        }
        return web.Response(body=body, headers=headers, content_type=XLSX)

    return export


async def signed(api: Api, request: web.Request, context: str) -> Signed:
    """The signed order in the body. Raises RefusedRequest 400 or 429."""
    if not api.orders.take(time.monotonic()):
        raise RefusedRequest(429, "too_fast", "请求太快，请稍后", "too many orders")
    try:
        order = Signed.model_validate_json(await request.read())
    except ValidationError as error:
        raise RefusedRequest(400, "bad_order", "指令格式不对", explain(error)) from error
    if order.context != context:
        raise RefusedRequest(400, "bad_context", "签名用途不对", f"context must be {context}")
    return order


def outcome(api: Api, request: web.Request, found: Outcome) -> web.Response:
    said = OutcomeAnswer(accepted=found.accepted, word=found.word, text=found.text)
    return answer(api, request, said)


async def post_command(api: Api, request: web.Request) -> web.Response:
    order = await signed(api, request, "command")
    return outcome(api, request, await api.source.command(order))


async def post_alarm_action(api: Api, request: web.Request) -> web.Response:
    order = await signed(api, request, "alarm_action")
    return outcome(api, request, await api.source.alarm_action(order))


async def post_look(api: Api, request: web.Request) -> web.Response:
    """Look now: needs no key, so it is limited per device and in all."""
    name, now = known_device(api, request), time.monotonic()
    api.looked = {one: at for one, at in api.looked.items() if now - at < LOOK_EVERY_S}
    if name in api.looked or not api.looks.take(now):
        raise RefusedRequest(429, "too_fast", "刚刚探测过，请稍后", "looked a moment ago")
    api.looked[name] = now
    return outcome(api, request, await api.source.look_now(name))


@dataclass(frozen=True, slots=True)
class Route(Shape):
    """A shape with who answers it."""

    handle: Handle | None = None


def _get(
    path: str,
    says: str,
    handle: Handle,
    answers: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    media: str = JSON,
) -> Route:
    return Route("GET", path, says, query, None, answers, media, handle)


V1: Final = "/api/v1"
ROUTES: Final = (
    _get(f"{V1}/summary", "Home: counts, matrix, operators, systems", get_summary, Summary),
    _get(f"{V1}/spots", "Places of the sites on the schematic map", get_spots, SiteSpots),
    _get(f"{V1}/sites", "Sites", get_sites, Page[SiteRow], lists.SiteQuery),
    _get(f"{V1}/sites/{{site}}", "One site", get_site, SiteAnswer),
    _get(f"{V1}/devices", "Devices", get_devices, Page[DeviceRow], lists.DeviceQuery),
    _get(f"{V1}/devices/{{device}}", "One device", get_device, DeviceAnswer),
    _get(f"{V1}/devices/{{device}}/series", "Its history", get_series, SeriesAnswer, SeriesQuery),
    Route(
        "POST", f"{V1}/devices/{{device}}/look", "Look now", answer=OutcomeAnswer, handle=post_look
    ),
    _get(f"{V1}/alarms", "Alarms", get_alarms, Page[AlarmItem], lists.AlarmQuery),
    _get(
        f"{V1}/maintenance",
        "Maintenance windows, and what is shelved",
        get_maintenance,
        MaintenanceAnswer,
    ),
    Route(
        "POST",
        f"{V1}/alarm-actions",
        "Acknowledge, note, assign, close, shelve, purge, maintain; payload wire.alarm.AlarmAction",
        body=Signed,
        answer=OutcomeAnswer,
        handle=post_alarm_action,
    ),
    _get(
        f"{V1}/why/{{target}}",
        "Why the warning, or an operator, system, site or device, is judged so, or was then",
        get_why,
        Explanation,
        WhyQuery,
    ),
    _get(f"{V1}/warning", "The open warning and why", get_warning, WarningAnswer),
    _get(
        f"{V1}/reports/{{warning}}",
        "A warning's closing report, from the decision journal",
        get_report,
        query=ReportQuery,
    ),
    Route(
        "POST",
        f"{V1}/commands",
        "A person's order; payload wire.notice.Command",
        body=Signed,
        answer=OutcomeAnswer,
        handle=post_command,
    ),
    _get(f"{V1}/people", "Accounts, roles, key ids", get_people, PeopleAnswer),
    _get(f"{V1}/drill/keys", "A drill's invented people's keys", get_drill_keys, DrillKeys),
    _get(f"{V1}/events", "What changed", get_events, Change, media="text/event-stream"),
    _get(
        f"{V1}/export/devices.xlsx",
        "Devices as .xlsx",
        exporter(lists.DeviceQuery, "devices"),
        query=lists.DeviceQuery,
        media=XLSX,
    ),
    _get(
        f"{V1}/export/sites.xlsx",
        "Sites as .xlsx",
        exporter(lists.SiteQuery, "sites"),
        query=lists.SiteQuery,
        media=XLSX,
    ),
    _get(
        f"{V1}/export/alarms.xlsx",
        "Alarms as .xlsx",
        exporter(lists.AlarmQuery, "alarms"),
        query=lists.AlarmQuery,
        media=XLSX,
    ),
    _get(
        f"{V1}/analysis",
        "The regular analysis of a day, a week or a month",
        get_analysis,
        query=AnalysisQuery,
    ),
    _get(
        f"{V1}/export/analysis.xlsx",
        "The same as .xlsx",
        get_analysis_book,
        query=AnalysisQuery,
        media=XLSX,
    ),
    _get(f"{V1}/openapi.json", "This description", get_openapi),
    _get("/healthz", "The process answers", get_health, Health),
)
