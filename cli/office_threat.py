"""``wanglou office threat``: what may hit the county from outside, typed or out of a CAP file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError

from cli import office_run, office_text
from escalation.cap import MOST_BYTES, Alert, CapError, best_info, parse
from escalation.feed import threat_id
from escalation.words import moment
from wire.notice import ThreatWord

TOWN_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Typed:
    """What stood on the command line; lists as a,b,c."""

    what: str
    towns: str
    operators: str
    systems: str
    spread: bool


def word_of(typed: Typed, from_ms: int | None = None) -> ThreatWord:
    """The threat in words of the wire; ends the command with code 2 where it is none."""
    try:
        return ThreatWord(
            what=typed.what,
            towns=_ids(typed.towns),
            operators=_ids(typed.operators),
            systems=_ids(typed.systems),
            spread=typed.spread,
            from_ms=from_ms,
        )
    except ValidationError as problem:
        fail(f"外部威胁写法有误 / not a valid threat: {office_text.wrong(problem)}")


def _ids(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def fail(sentence: str) -> NoReturn:
    office_run.fail(sentence)


def read_cap(path: Path) -> Alert:
    """The message in the file; ends the command with code 2 where it is none."""
    try:
        with path.open("rb") as file:
            return parse(file.read(MOST_BYTES + 1))
    except OSError as problem:
        fail(f"读不了文件 / cannot read the file: {problem}")
    except CapError as problem:
        fail(f"拒收 / refused: {path}: {problem}")


def said_by_cap(alert: Alert) -> str:
    """What the message says, for a person to judge."""
    lines = [
        f"{alert.sender}  {alert.identifier}",
        f"{moment(alert.sent_ms).zh}  {alert.status}  {alert.kind}  {alert.scope}",
    ]
    for info in alert.infos:
        lines.append(f"  {info.headline or info.event}（{info.event}，{info.severity}）")
        if info.expires_ms is not None:
            lines.append(f"  有效至 until {moment(info.expires_ms).zh}")
        for area in info.areas:
            codes = " ".join(value for _, value in area.codes)
            lines.append(f"  {area.name} {codes}".rstrip())
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The threat that a message proposes: its id, source, term and words; a person signs it."""

    target: str
    source: str
    valid_s: int
    word: ThreatWord


def propose(alert: Alert, county: str, typed: Typed, *, now_ms: int) -> Proposal:
    """What the message proposes here at ``now_ms`` (of the county's tree: a drill's runs faster).

    What was typed goes first. Ends with code 2 by name.
    """
    info = best_info(alert.infos)
    if alert.status != "Actual":
        fail(f"不是正式预警（{alert.status}），不登记 / not in earnest ({alert.status})")
    if info is None or alert.kind not in {"Alert", "Update"}:
        fail(f"不含预警内容（{alert.kind}） / holds no warning ({alert.kind})")
    codes = [value for one in alert.infos for area in one.areas for _, value in area.codes]
    towns = typed.towns or ",".join(towns_in(codes, county))
    if not (towns or typed.operators or typed.systems):
        fail(
            "预警中没有可识别的乡镇代码，请用 --towns 指定 / it names no code of ours: use --towns"
        )
    until = info.expires_ms
    left = 43_200 if until is None else (until - now_ms) // 1000
    if left < 60:
        fail("预警已过期 / the warning is over")
    what = typed.what or info.headline[:200] or info.event or alert.identifier
    filled = Typed(what, towns, typed.operators, typed.systems, typed.spread)
    return Proposal(
        threat_id(alert.sender, alert.identifier),
        f"cap:{alert.sender},{alert.identifier}"[:200],
        min(left, 604_800),
        word_of(filled, info.onset_ms),
    )


def towns_in(codes: list[str], county: str) -> list[str]:
    """Town codes of ours among ``codes``; the county's own where one covers all of it."""
    found: dict[str, None] = {}
    for code in codes:
        if code.startswith(county) and len(code) >= TOWN_DIGITS and code[6:9] != "000":
            found[code[:TOWN_DIGITS]] = None
        elif code.isdigit() and county.startswith(code[:6].rstrip("0") or "-"):
            found[county] = None
    return list(found)
