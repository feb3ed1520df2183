"""A small county for the desk's tests: the shipped plan and policy, four people, two systems."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from config.io.load import load_policy
from config.io.plan import load_plan
from config.register import Register, Town
from escalation.appoint import charter_of
from escalation.charter import Charter, Member
from escalation.situation import BlindSource, OperatorFact, Situation
from wire.notice import STATING, Attested, Command, DeviceFact, PolicyLine, SiteFact, Verb, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

T0 = 1_795_413_900_000
"""2026-11-23 14:05 in the county."""

MINUTE = 60_000
RANK = ("none", "scenario3", "scenario2", "scenario1")
OPERATORS = ("cmcc", "cucc", "ctcc", "tower")
TOWNS = {"140522100": "凤城镇", "140522101": "北留镇"}

PEOPLE = (
    Member("zhang", "张三", "县指挥部办公室", ("duty",), "zhang"),
    Member("li", "李四", "县工业和信息化局", ("director", "deputy"), "li"),
    Member("wang", "王五", "县政府", ("commander",), "wang"),
    Member(
        "zhao", "赵六", "县指挥部办公室", ("duty",), "zhao", date(2025, 1, 1), date(2026, 6, 30)
    ),
)


@cache
def charter(*recipients: str) -> Charter:
    towns = tuple(Town(code=code, name=name) for code, name in TOWNS.items())
    register = Register(county="140522", towns=towns, sites=(), devices=())
    made = charter_of(
        load_plan(),
        load_policy(),
        register,
        county="140522",
        tree="live",
        recipients=recipients or ("office",),
    )
    return replace(made, people=PEOPLE)


def verdict(
    warning: str = "none",
    level: str = "none",
    *,
    operators: Mapping[str, str] | None = None,
    systems: Mapping[str, str] | None = None,
    spread: str = "no",
    worst: tuple[str, str] | None = None,
    best: tuple[str, str] | None = None,
    pending: bool | None = None,
    literal: tuple[bool, bool] = (True, True),
    rules: tuple[str, ...] = (),
    clauses: tuple[str, ...] = (),
) -> Verdict:
    low, high = best or (warning, level), worst or (warning, level)
    return Verdict(
        operators=dict.fromkeys(OPERATORS, "none") | dict(operators or {}),
        systems={"egov": "none", "call120": "none"} | dict(systems or {}),
        spread=spread,
        warning=warning,
        level=level,
        warning_range=(low[0], high[0]),
        level_range=(low[1], high[1]),
        pending=(low != high) if pending is None else pending,
        literal_warning=literal[0],
        literal_level=literal[1],
        rules=rules,
        clauses=clauses,
    )


def site(number: int, state: str = "out", *, operator: str = "cmcc", key: bool = False) -> SiteFact:
    return SiteFact(
        site=f"s{number:03d}",
        name=f"凤城{number}号站",
        operator=operator,
        town="140522100",
        state=state,
        since_ms=T0,
        cause="市电中断" if state == "at_risk" else "",
        key_unit=key,
    )


def device(number: int, state: str = "down", *, operator: str = "cmcc") -> DeviceFact:
    return DeviceFact(
        device=f"d{number:03d}",
        name=f"基站设备{number}",
        site=f"s{number:03d}",
        operator=operator,
        state=state,
        since_ms=T0,
    )


def situation(
    said: Verdict,
    *,
    at_ms: int = T0,
    sites: tuple[SiteFact, ...] = (),
    devices: tuple[DeviceFact, ...] = (),
    blind: tuple[BlindSource, ...] = (),
    evidence: tuple[str, ...] = (),
) -> Situation:
    facts = tuple(
        OperatorFact(
            operator=name,
            name=name,
            state=state,
            sites=23,
            sites_out=sum(s.operator == name and s.state == "out" for s in sites),
            sites_unknown=sum(s.operator == name and s.state == "unknown" for s in sites),
            towns_affected=("140522100",) if state in ("partial", "full") else (),
        )
        for name, state in said.operators.items()
    )
    wrong = bool(sites or devices)
    return Situation(
        at_ms=at_ms,
        verdict=said,
        operators=facts,
        system_names={"egov": "电子政务外网", "call120": "120 急救调度系统"},
        town_names=TOWNS,
        sites=sites,
        devices=devices,
        blind=blind,
        policy=(PolicyLine(path="operator.partial_share.raise_share", value="0.05", src="prop"),),
        evidence=evidence,
        since_ms=T0 if wrong else None,
        config_hash="c0ffee",
    )


def silent(
    agent: str = "cucc-noc", operator: str = "cucc", *, phone: str | None = "4226000"
) -> BlindSource:
    return BlindSource(agent, operator, operator, T0, phone, 40)


ORDERS = tuple(verb for verb in Verb if verb is not Verb.ALARM)
"""Orders that stand for themselves: one on alarms carries the word on them."""


def order(
    verb: Verb,
    target: str,
    account: str,
    *,
    ident: str = "",
    reason: str = "",
    at_ms: int = T0,
    said: Attested | None = None,
    valid_s: int | None = None,
) -> Command:
    """An order as ``account`` would sign it; attest without ``said`` takes back."""
    attests = verb in STATING
    state = said or (Attested.WITHDRAWN if attests else None)
    return Command(
        id=ident or f"c-{verb}-{target}-{account}",
        county="140522",
        tree="live",
        account=account,
        verb=verb,
        target=target,
        reason=reason,
        state=state,
        source="联通公司值班室王工" if said else "",
        valid_s=valid_s,
        at_ms=at_ms,
    )


CALM = situation(verdict())
PARTIAL = situation(
    verdict("scenario3", "none", operators={"cmcc": "partial"}, rules=("W3",), clauses=("3.3(3)",)),
    sites=(site(1), site(2)),
    devices=(device(1), device(2), device(3, "snmp_fault")),
)
FULL = situation(
    verdict(
        "scenario2",
        "II",
        operators={"cmcc": "full"},
        literal=(False, True),
        rules=("G2-operator-full", "L2"),
        clauses=("3.3(2)", "4.4.2(1)"),
    ),
    sites=(site(1, key=True), *(site(number) for number in range(2, 23))),
    devices=tuple(device(number) for number in range(1, 23)),
)
