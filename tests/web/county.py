"""A generated county on a stage: a real ``Source`` whose board the tests change at will."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import TypeAdapter

from collector.analysis import analyse
from collector.analysis_sheets import Report, reported
from collector.consequence import Counts
from collector.county import UNREACHABLE
from collector.explain import explain
from collector.explanation import Explanation
from collector.period import Period
from collector.web.source import (
    Alarm,
    Board,
    CellState,
    Changed,
    Detail,
    DeviceState,
    Invented,
    Line,
    LogLine,
    NextStep,
    NoMoment,
    Note,
    NoticeState,
    Outcome,
    ReadingState,
    Said,
    Series,
    ShelfMark,
    SiteState,
    SourceState,
    State,
    Static,
    Transition,
    WarningState,
    WindowState,
    Words,
)
from config.register import Device, InformationSystem, Person, Register, Site, Town
from config.register import Source as Enrolled
from escalation.appoint import SPREAD
from escalation.charter import EnteredFact
from escalation.report import Line as Row
from escalation.situation import Threat
from tests.collector import small
from tests.collector.test_explain import one_operator_partly
from transport.sign import verify
from wire.alarm import AlarmAction, AlarmVerb
from wire.maintenance import Window
from wire.notice import (
    STATING,
    Attested,
    Bilingual,
    Command,
    NoticeKind,
    PolicyLine,
    PowerFact,
    Projected,
    Signed,
    Verb,
    Verdict,
)

TREE = "drill-web"
COUNTY = "140522"
HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>\' =1+1 {{7*7}}'
TOWNS = {
    "140522100": ("凤城镇", 560, 440), "140522101": ("北留镇", 760, 560),
    "140522102": ("润城镇", 690, 470), "140522103": ("町店镇", 640, 360),
    "140522104": ("芹池镇", 520, 250), "140522105": ("次营镇", 390, 470),
    "140522106": ("横河镇", 300, 680), "140522107": ("河北镇", 420, 590),
    "140522108": ("蟒河镇", 540, 720), "140522109": ("东冶镇", 690, 690),
    "140522110": ("演礼镇", 460, 380), "140522111": ("白桑镇", 610, 550),
    "140522201": ("寺头乡", 600, 200), "140522202": ("西河乡", 500, 470),
    "140522205": ("董封乡", 290, 530),
}  # fmt: skip
OPERATORS = {
    "cmcc": Bilingual(zh="移动", en="China Mobile"),
    "cucc": Bilingual(zh="联通", en="China Unicom"),
    "ctcc": Bilingual(zh="电信", en="China Telecom"),
    "tower": Bilingual(zh="铁塔", en="China Tower"),
}
KINDS = (
    ("r", "路由器", "router"),
    ("b", "基带单元", "baseband unit"),
    ("p", "电源", "power"),
)
PEOPLE = (
    Person(account="wang", name="王值班", organ="县工业和信息化局", roles=("office_duty",),
           key="wang"),
    Person(account="li", name="李主任", organ="县工业和信息化局", roles=("office_director",),
           key="li"),
    Person(account="zhao", name="赵工", organ="移动公司", roles=("technician",), key="zhao"),
)  # fmt: skip
WORDS = Words(
    operators=OPERATORS,
    scenarios={
        "scenario1": Bilingual(zh="情形1", en="scenario 1"),
        "scenario2": Bilingual(zh="情形2", en="scenario 2"),
        "scenario3": Bilingual(zh="情形3", en="scenario 3"),
    },
    levels={
        "I": Bilingual(zh="Ⅰ级响应", en="level I"),
        "II": Bilingual(zh="Ⅱ级响应", en="level II"),
    },
    roles={
        "office_duty": Bilingual(zh="办公室值班员", en="duty officer"),
        "office_director": Bilingual(zh="办公室主任", en="office director"),
        "technician": Bilingual(zh="技术人员", en="technician"),
    },
    facts={
        "spread": SPREAD,
        "hq_level": EnteredFact(
            Bilingual(zh="县指挥部认为应当启动的响应级别", en="level the headquarters holds due"),
            ("I", "II"),
        ),
    },
    rules={
        "s2-rest": Bilingual(
            zh="有影响而不在情形3之内", en="there is impact and it is not inside scenario 3"
        )
    },
    clauses={
        "3.3(2)": "1家以上基础电信运营企业全部业务或2个以上重要信息系统受到影响，且具有扩散性。",
        "4.4.2(3)": "县通信网络指挥部认为其他需要启动Ⅱ级响应的情况。",
    },
    judgement={"s2-rest": "4.4.2(3)"},
    remarks=(
        Bilingual(
            zh="预案修订已于 2025-06-28 到期（7.2）",
            en="the plan's own revision was due on 2025-06-28 (7.2)",
        ),
    ),
)
DOWN = Bilingual(zh="ICMP 与 SNMP 均无应答", en="neither ICMP nor SNMP answers")
HIDDEN = Bilingual(zh="上级设备不可达", en="its parent cannot be reached")
MAINS = Bilingual(zh="市电中断，电池供电，余 94 分钟", en="mains lost, on battery, 94 min left")
SILENT = Bilingual(zh="采集代理无声，状态未知", en="the agent is silent: not known")


def register(devices: int) -> Register:
    """A county with 3 devices per site, sites spread evenly over towns and operators."""
    cells = itertools.cycle(itertools.product(TOWNS, OPERATORS))
    sites, boxes = [], []
    for number, (town, operator) in zip(range(math.ceil(devices / 3)), cells, strict=False):
        site = f"{operator}-{number:04d}"
        sites.append(
            Site(id=site, name=f"{TOWNS[town][0]}{number:04d}基站", operator=operator, town=town,
                 key_unit=number % 37 == 0, hub=number < 60)
        )  # fmt: skip
        parent = (f"{site}-r",)
        for kind, name, _ in KINDS:
            boxes.append(
                Device(id=f"{site}-{kind}", name=f"{TOWNS[town][0]}{number:04d}{name}", site=site,
                       parents=() if kind == "r" else parent, main=kind == "b")
            )  # fmt: skip
    boxes = boxes[:devices]
    boxes[7] = boxes[7].model_copy(update={"name": HOSTILE})
    return Register(
        county=COUNTY,
        towns=tuple(Town(code=code, name=town[0]) for code, town in TOWNS.items()),
        sites=tuple(sites),
        devices=tuple(boxes),
        systems=(
            InformationSystem(id="egov", name="电子政务外网", devices=(boxes[0].id,)),
            InformationSystem(id="catv", name="广电网络", devices=(boxes[3].id,)),
        ),
        people=PEOPLE,
        sources=tuple(Enrolled(agent=f"{name}-noc", operator=name) for name in OPERATORS),
        hash="0" * 64,
    )


def calm(devices: int, at_ms: int) -> Board:
    """Everything is normal, but for one device that has never answered."""
    held = register(devices)
    static = Static(
        register=held,
        name=Bilingual(zh="阳城县", en="Yangcheng"),
        words=WORDS,
        positions={code: (x, y) for code, (_, x, y) in TOWNS.items()},
        config_hash="c0ffee" + "0" * 58,
    )
    since = at_ms - 86_400_000
    states = {device.id: DeviceState(State.OK, since) for device in held.devices}
    last = held.devices[-1].id
    states[last] = DeviceState(State.NOT_COMMISSIONED, since)
    return Board(
        revision=1,
        at_ms=at_ms,
        county=COUNTY,
        tree=TREE,
        static=static,
        devices=states,
        sites={site.id: SiteState(State.OK, since) for site in held.sites},
        operators={name: CellState("none", since) for name in OPERATORS},
        systems={system.id: CellState("none", since) for system in held.systems},
        sources=tuple(
            SourceState(source.agent, source.operator, at_ms - 4000) for source in held.sources
        ),
        verdict=verdict("none", "none", {}),
    )


def verdict(warning: str, level: str, operators: dict[str, str]) -> Verdict:
    nothing = warning == "none"
    return Verdict(
        operators=dict.fromkeys(OPERATORS, "none") | operators,
        systems={"egov": "none", "catv": "none"},
        spread="no" if nothing else "unknown",
        warning=warning,
        level=level,
        warning_range=(warning, warning if nothing else "scenario1"),
        level_range=(level, level if nothing else "I"),
        pending=not nothing,
        literal_warning=nothing,
        literal_level=nothing,
        rules=() if nothing else ("s2-rest",),
        clauses=() if nothing else ("3.3(2)", "4.4.2(3)"),
    )


@dataclass
class Stage:
    """A ``Source`` that plays what it is told."""

    devices: int = 1000
    start_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    scale: float = 1.0
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    commands: list[tuple[Command, str]] = field(default_factory=list)
    actions: list[tuple[AlarmAction, str]] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    listeners: list[Callable[[Changed], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = {person.key: Ed25519PrivateKey.generate() for person in PEOPLE}
        self.held = replace(calm(self.devices, self.start_ms), seen=self.seen)

    # what Source asks for

    def board(self) -> Board:
        return self.held

    def now_ms(self) -> int:
        return int(time.time() * 1000)

    def seen(self, device: str) -> int | None:
        """Normal ones were seen a moment ago, the others when it happened."""
        here = self.held.devices[device]
        if here.state is State.NOT_COMMISSIONED:
            return None
        return self.now_ms() - 4000 if here.state is State.OK else here.since_ms

    def subscribe(self, callback: Callable[[Changed], None]) -> Callable[[], None]:
        self.listeners.append(callback)
        return lambda: self.listeners.remove(callback)

    async def detail(self, device: str) -> Detail:
        now = self.now_ms()
        here = self.held.devices[device].state
        return Detail(
            transitions=(
                Transition(now - 600_000, State.OK, here, DOWN),
                Transition(now - 90_000_000, State.NOT_COMMISSIONED, State.OK),
            ),
            readings=(
                ReadingState("sysName", "", None, "", now - 4000, HOSTILE),
                ReadingState("sysDescr", "", None, "", now - 4000, HOSTILE),
                ReadingState("upsBatteryRemaining", "", 94.0, "min", now - 4000),
                ReadingState("ifOperStatus", "GigabitEthernet0/0/1", 1.0, "", now - 4000, "up(1)"),
            ),
        )

    async def series(self, _device: str, from_ms: int, to_ms: int) -> Series:
        step = max(60_000, (to_ms - from_ms) // 1400)
        stamps = tuple(range(from_ms, to_ms, step))
        hours = [stamp / 3_600_000 for stamp in stamps]
        hole = range(len(stamps) // 2, len(stamps) // 2 + 60)
        return Series(
            stamps,
            (
                Line("rtt", "", "ms", tuple(
                    None if at in hole else 3 + math.sin(hour) + (at * 7919 % 11) / 9
                    for at, hour in enumerate(hours))),
                Line("battery", "", "V", tuple(53.5 + math.cos(hour / 3) for hour in hours)),
                Line("ifInOctets", "GigabitEthernet0/0/1", "By/s", tuple(
                    max(0.0, 4e6 + 3.5e6 * math.sin(hour / 3)) for hour in hours)),
            ),
        )  # fmt: skip

    async def command(self, signed: Signed) -> Outcome:
        command = Command.model_validate_json(verify(signed, "command", self._trusted()))
        self.commands.append((command, signed.key))
        if command.verb is Verb.THREAT:
            self._threaten(command)
        elif command.verb in STATING:
            self._state(command)
        else:
            self._log(command)
        text = Bilingual(zh="已执行并记录", en="carried out and recorded")
        return Outcome(accepted=True, word="done", text=text)

    def _state(self, command: Command) -> None:
        """What a person stated stands on the board, or is taken back."""
        said = None
        if command.state != Attested.WITHDRAWN:
            until = command.at_ms + (command.valid_s or 7200) * 1000
            said = Said(str(command.state), command.source, command.account, command.at_ms, until)
        if command.verb is Verb.FACT:
            entered = {k: v for k, v in self.held.entered.items() if k != command.target}
            self.change(entered=entered | ({command.target: said} if said else {}))
            return
        one = self.held.operators[command.target]
        self.change(operators={**self.held.operators, command.target: replace(one, attested=said)})

    async def alarm_action(self, signed: Signed) -> Outcome:
        raw = verify(signed, "alarm_action", self._trusted())
        action = TypeAdapter(AlarmAction).validate_json(raw)
        self.actions.append((action, signed.key))
        note = Note(action.at_ms, action.account, action.verb.value, action.text)
        alarms = tuple(
            _noted(alarm, action, note) if alarm.id in action.alarms else alarm
            for alarm in self.held.alarms
        )
        shelf = tuple(one.shelved for one in alarms if one.shelved is not None)
        windows = self.held.windows()
        if action.window is not None:
            windows = (*windows, _shown(action.window, action.account))
        kept = tuple(one for one in windows if one.id != action.target)
        self.change(alarms=alarms, shelf=shelf, windows=lambda: kept)
        return Outcome(accepted=True, word="done", text=Bilingual(zh="已记录", en="recorded"))

    async def report(self, warning: str) -> tuple[dict[str, Any], str] | None:
        if warning not in self.held.reports:
            return None
        return {"v": 1, "warning": warning}, f"# 预警 {warning} 结案报告\n"

    async def why(self, target: str) -> Explanation | None:
        """Of a county of its own, in which one operator is partly out."""
        known = {site.id for site in self.held.static.register.sites} | set(self.held.devices)
        if target != "warning" and target not in known:
            return None
        hand = one_operator_partly()
        return explain(hand.world, hand.now, target if target == "warning" else "cmcc-d1")

    async def why_then(self, target: str, at_ms: int) -> Explanation | None:
        """As of then; nothing is retained of more than a day ago."""
        now_ms = self.now_ms()
        if at_ms < now_ms - 86_400_000:
            said = Bilingual(zh="那时的输入不在库中", en="inputs are retained for one day")
            raise NoMoment(said)
        found = await self.why(target)
        return found and found.model_copy(update={"at_ms": at_ms})

    async def analysis(self, asked: Period) -> Report:
        """Of a county of its own: three outages, one of them after the mains."""
        county, at_ms = small.county(), asked.from_ms + 3_600_000
        lines = [
            _row(at_ms + n * 60_000, device, kind, word, at_ms)
            for n, (device, kind, word) in enumerate(
                (
                    ("cmcc-d1", "mains-failure", "raised"),
                    ("cmcc-d1", UNREACHABLE, "raised"),
                    ("cucc-d2", UNREACHABLE, "raised"),
                    ("cmcc-d1", UNREACHABLE, "cleared"),
                    ("cucc-d2", UNREACHABLE, "cleared"),
                    ("ctcc-d3", UNREACHABLE, "raised"),
                )
            )
        ]
        made = analyse(county, lines, asked, asked.from_ms, asked.to_ms)
        return reported(county, made, "阳城县")

    async def look_now(self, device: str) -> Outcome:
        self.looks.append(device)
        text = Bilingual(zh="已请采集代理立即探测", en="the agent was asked to look")
        return Outcome(accepted=True, word="asked", text=text)

    def invented_people(self) -> tuple[Invented, ...]:
        return tuple(
            Invented(person.account, person.key, self.pem(person.key)) for person in PEOPLE
        )

    # what tests ask for

    def pem(self, key: str) -> str:
        return (
            self.keys[key].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        )

    def change(self, changed: Changed = None, **fields: Any) -> None:
        """A new board with these fields; listeners are told."""
        revision = self.held.revision + 1
        self.held = replace(self.held, revision=revision, at_ms=self.now_ms(), **fields)
        for listener in self.listeners:
            listener(changed)

    def device(self, name: str, state: State, why: Bilingual = DOWN) -> None:
        """One device changes its state."""
        here = DeviceState(state, self.now_ms(), why)
        self.change(frozenset({name}), devices=dict(self.held.devices) | {name: here})

    def power_cut(self, towns: Iterable[str] = ("140522105", "140522107")) -> None:
        """Two towns lose power: sites out, children hidden, a warning drafted; one agent silent."""
        now, board = self.now_ms(), self.held
        boxes, sites, alarms = dict(board.devices), dict(board.sites), list[Alarm]()
        cells: dict[tuple[str, str], CellState] = {}
        for number, site in enumerate(board.static.register.sites):
            if site.operator == "ctcc" and site.town not in towns:
                sites[site.id] = SiteState(State.UNKNOWN, now - 300_000, SILENT)
                for kind in "rbp":
                    if f"{site.id}-{kind}" in boxes:
                        boxes[f"{site.id}-{kind}"] = DeviceState(
                            State.UNKNOWN, now - 300_000, SILENT
                        )
            if site.town not in towns or site.operator == "ctcc":
                continue
            if number % 4 == 3:
                sites[site.id] = SiteState(State.ALARM, now - 900_000, MAINS, at_risk=True)
                alarms.append(_alarm(site.id, "p", now - 900_000, "mains-failure"))
                boxes[f"{site.id}-p"] = DeviceState(State.ALARM, now - 900_000, MAINS)
                continue
            cells[site.operator, site.town] = CellState("partial", now - 600_000, affected=True)
            sites[site.id] = SiteState(State.DOWN, now - 600_000, DOWN)
            alarms.append(_alarm(site.id, "r", now - 600_000, "device-unreachable"))
            for kind in "rbp":
                boxes[f"{site.id}-{kind}"] = DeviceState(
                    State.DOWN,
                    now - 600_000,
                    DOWN if kind == "r" else HIDDEN,
                    cause=None if kind == "r" else f"{site.id}-r",
                    word="down" if kind == "r" else "hidden",
                )
        self.change(
            devices=boxes,
            sites=sites,
            cells=cells,
            alarms=tuple(alarms),
            operators={
                "cmcc": CellState("partial", now - 540_000, affected=True),
                "cucc": CellState("partial", now - 520_000, affected=True),
                "ctcc": CellState("unknown", now - 300_000),
                "tower": CellState("none", now - 86_400_000),
            },
            counts=lambda: Counts(faults=24, devices=72, sites=24, operators=2, systems=0),
            sources=tuple(
                replace(source, silent_since_ms=now - 300_000)
                if source.operator == "ctcc"
                else replace(source)
                for source in board.sources
            ),
            verdict=verdict(
                "scenario2", "II", {"cmcc": "partial", "cucc": "partial", "ctcc": "unknown"}
            ),
            evidence=(
                "第1阶段 19:02 起：次营镇 移动、联通",
                "第2阶段 19:09 起（扩散）：新增 河北镇 移动",
                "最近30分钟扩散阶段 1 个，需 2 个；可见单元 76 %，需 90 %：尚不能断定",
            ),
            policy=(
                PolicyLine(path="spread.min_growth_steps", value="2", src="prop"),
                PolicyLine(path="cell.share_out", value="0.20", src="prop"),
            ),
            warning=_warning(now, "drafted"),
            notices=(
                NoticeState(
                    "n-0002", 2, NoticeKind.WARNING_DRAFT, now - 500_000, "office",
                    Bilingual(zh="预警草案：情形2", en="warning draft: scenario 2"),
                    Bilingual(
                        zh="发生了什么：次营镇、河北镇市电中断。\n尚不清楚：电信、扩散性。\n"
                        "现在要做：研判并提请。",
                        en="What happened: power lost in two towns.\nNot known: ctcc, spread.\n"
                        "Now: judge and propose.",
                    ),
                    warning_id="w-1", receipted_ms=now - 499_000,
                ),
                NoticeState(
                    "n-0001", 1, NoticeKind.INCIDENT, now - 560_000, "office",
                    Bilingual(zh="事件：次营镇多站中断", en="incident: sites down in Ciying"),
                    Bilingual(zh="次营镇多站中断。", en="Several sites are down in Ciying."),
                    warning_id="w-1", receipted_ms=now - 559_000, acked_ms=now - 400_000,
                    acked_by="wang",
                ),
            ),
        )  # fmt: skip

    def ahead(self) -> None:
        """Mains are lost in one town: batteries run down, a threat stands, another is proposed."""
        now, board = self.now_ms(), self.held
        hit = [s.id for s in board.static.register.sites if s.town == "140522105"][:6]
        lost = {
            name: SiteState(State.ALARM, now - 900_000, MAINS, at_risk=True, power=_power(now, n))
            for n, name in enumerate(hit)
        }
        projected = Projected(
            warning="scenario2", level="II", spread="yes",
            operators={"cmcc": "partial", "cucc": "partial"}, systems={"egov": "full"},
            by_then=("cmcc",), at_ms=now + 2_400_000, low_ms=now + 2_100_000,
            high_ms=now + 2_880_000, sites=6, behind=9, threats=("storm",),
        )  # fmt: skip
        step = NextStep(Verb.PROPOSE, "w-1", ("office_duty",), projected=True)
        drafted = _warning(now, "drafted")
        self.change(
            sites=dict(board.sites) | lost,
            verdict=verdict("none", "none", {}).model_copy(update={"projected": projected}),
            warning=replace(drafted, level="none", steps=(*drafted.steps, step)),
            threats=(
                _threat(now, "storm", "暴雨红色预警"),
                _threat(now, "cap-1", "大风橙色预警", account="", entered=False),
            ),
        )

    def _threaten(self, command: Command) -> None:
        """A person entered a threat, or took one back."""
        rest = tuple(one for one in self.held.threats if one.id != command.target)
        if command.threat is None:
            self.change(threats=rest)
            return
        made = replace(
            _threat(self.now_ms(), command.target, command.threat.what),
            account=command.account, source=command.source, towns=command.threat.towns,
            operators=command.threat.operators,
        )  # fmt: skip
        self.change(threats=(*rest, made))

    def _log(self, command: Command) -> None:
        board = self.held
        if command.verb is Verb.ACK:
            self.change(
                notices=tuple(
                    replace(one, acked_ms=self.now_ms(), acked_by=command.account)
                    if one.id == command.target
                    else one
                    for one in board.notices
                )
            )
            return
        assert board.warning is not None
        state = {"propose": "proposed", "issue": "issued"}.get(command.verb.value, "ended")
        line = LogLine(
            self.now_ms(),
            Bilingual(zh=f"指令 {command.verb}", en=f"order {command.verb}"),
            command.account,
            command.reason,
        )
        warning = replace(
            _warning(self.now_ms(), state), log=(*board.warning.log, line), since_ms=self.now_ms()
        )
        self.change(warning=warning)

    def _trusted(self) -> dict[str, Ed25519PublicKey]:
        return {name: key.public_key() for name, key in self.keys.items()}


def _power(now: int, number: int) -> PowerFact:
    """One of each ground, and one of which nobody knows."""
    grounds = ("ups", "slope", "capacity", "fuel")
    if number >= len(grounds):
        return PowerFact(lost_ms=now - 900_000, generator=number > len(grounds), people=1)
    at = now + (number + 2) * 1_200_000
    return PowerFact(
        lost_ms=now - 900_000, dark_ms=at, low_ms=at - 300_000, high_ms=at + 480_000,
        ground=grounds[number], over_s=840, generator=grounds[number] == "fuel",
        keys=int(number == 0), people=1200 * (3 - number),
    )  # fmt: skip


def _threat(
    now: int, name: str, what: str, *, account: str = "wang", entered: bool = True
) -> Threat:
    return Threat(
        id=name, what=what, source="县气象局" if entered else "cap:weather@example.cn,7",
        account=account, degree="partial", at_ms=now - 600_000, until_ms=now + 7_200_000,
        towns=("140522105",), spread=True, entered=entered, areas="次营镇",
    )  # fmt: skip


def _warning(now: int, state: str) -> WarningState:
    names = {
        "drafted": Bilingual(zh="草案", en="drafted"),
        "proposed": Bilingual(zh="已提请", en="proposed"),
        "issued": Bilingual(zh="已发布", en="issued"),
        "ended": Bilingual(zh="已结束", en="ended"),
    }
    steps = {
        "drafted": (
            NextStep(Verb.PROPOSE, "w-1", ("office_duty", "office_director")),
            NextStep(Verb.WITHDRAW, "w-1", ("office_director",)),
        ),
        "proposed": (
            NextStep(Verb.ISSUE, "w-1", ("office_director",)),
            NextStep(Verb.WITHDRAW, "w-1", ("office_director",)),
        ),
        "issued": (NextStep(Verb.LIFT, "w-1", ("office_director",)),),
    }
    drafted = LogLine(now - 500_000, Bilingual(zh="起草 情形2", en="drafted scenario 2"))
    return WarningState(
        "w-1", state, names[state], now - 500_000, "scenario2", "II", None,
        steps.get(state, ()), (drafted,),
    )  # fmt: skip


def _alarm(site: str, kind: str, at: int, alarm_type: str) -> Alarm:
    mains = alarm_type == "mains-failure"
    return Alarm(
        id=f"{site}-{kind}|{alarm_type}|",
        device=f"{site}-{kind}",
        site=site,
        type=alarm_type,
        title=Bilingual(zh="交流输入停电告警", en="mains failure")
        if mains
        else Bilingual(zh="设备不可达", en="device unreachable"),
        severity="major" if mains else "critical",
        raised_ms=at,
        text=MAINS if mains else DOWN,
    )


def _noted(alarm: Alarm, action: AlarmAction, note: Note) -> Alarm:
    alarm = replace(alarm, notes=(*alarm.notes, note))
    if action.verb is AlarmVerb.ASSIGN:
        return replace(alarm, assignee=action.assignee)
    if action.verb is AlarmVerb.NOTE:
        return alarm
    if action.verb is AlarmVerb.SHELVE:
        until = action.at_ms + (action.valid_s or 86_400) * 1000
        mark = ShelfMark(alarm.id, action.name, action.text, action.account, until)
        return replace(alarm, shelved=mark)
    if action.verb is AlarmVerb.UNSHELVE:
        return replace(alarm, shelved=None)
    closed = note if action.verb is AlarmVerb.CLOSE else None
    return replace(alarm, acked=note if action.verb is AlarmVerb.ACK else None, closed=closed)


def _shown(window: Window, account: str) -> WindowState:
    named = tuple(Bilingual(zh=text, en=text) for text in window.targets)
    return WindowState(
        window.id, window.name, window.reason, account, named, window.rrule, open=True,
        begins_ms=window.start_ms, ends_ms=window.end_ms, devices=12, wrong=2,
    )  # fmt: skip


def _row(at_ms: int, device: str, kind: str, word: str, since_ms: int) -> Row:
    """An alarm in the journal."""
    data = {"device": device, "type": kind, "qualifier": "", "word": word, "since_ms": since_ms}
    return Row(at_ms, "alarm", data)
