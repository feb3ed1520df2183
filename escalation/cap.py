"""CAP 1.2 read (OASIS Standard, 1 July 2010): what a weather or flood service says, as data.

Strict where it protects us (no document type, no entities, bounded size, depth and number of
elements; the one namespace), lenient where messages differ (unknown elements are stepped over).
Pure: bytes in, values out. Nothing here is believed: ``escalation.threat`` and the policy decide
what a message does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from xml.parsers import expat

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
MOST_BYTES: Final = 512 * 1024
MOST_ELEMENTS: Final = 5000
MOST_DEPTH: Final = 12
MOST_TEXT: Final = 20_000
MOST_INFOS: Final = 20
MOST_AREAS: Final = 500
LAST_MS: Final = 4_102_444_800_000

_ONCE: Final = ("identifier", "sender", "sent", "status", "msgType", "scope", "references", "note")
_INFO: Final = (
    *("language", "event", "urgency", "severity", "certainty", "effective", "onset", "expires"),
    *("senderName", "headline", "description", "instruction"),
)


class CapError(ValueError):
    """The message is refused; the text says why."""


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the world: its name, and its codes (valueName, value)."""

    name: str
    codes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Info:
    """One ``info`` element. Stamps are ms UTC, None where the message has none."""

    event: str
    severity: str
    urgency: str = ""
    certainty: str = ""
    language: str = ""
    headline: str = ""
    description: str = ""
    sender_name: str = ""
    effective_ms: int | None = None
    onset_ms: int | None = None
    expires_ms: int | None = None
    areas: tuple[Area, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One message; ``references`` are (sender, identifier) of those that it is about."""

    identifier: str
    sender: str
    sent_ms: int
    status: str
    kind: str
    scope: str
    references: tuple[tuple[str, str], ...] = ()
    infos: tuple[Info, ...] = ()


@dataclass(slots=True)
class _Open:
    """An element that is being read: its name, text, fields and children."""

    name: str
    text: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    infos: list[Info] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    codes: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0


class _Reader:
    """expat's callbacks over a stack of open elements."""

    def __init__(self) -> None:
        self.stack: list[_Open] = []
        self.alert: _Open | None = None
        self.elements = 0

    def begin(self, name: str, _attributes: Mapping[str, str]) -> None:
        self.elements += 1
        if self.elements > MOST_ELEMENTS or len(self.stack) >= MOST_DEPTH:
            raise CapError("元素太多或嵌套太深 / too many elements, or too deep")
        space, _, local = name.rpartition(" ")
        if not self.stack and (space, local) != (NAMESPACE, "alert"):
            raise CapError(f"不是 CAP 1.2 预警 / is no CAP 1.2 alert: {local[:40]} in {space[:60]}")
        self.stack.append(_Open(local if space == NAMESPACE else ""))

    def text(self, data: str) -> None:
        if self.stack:
            top = self.stack[-1]
            top.size += len(data)
            if top.size > MOST_TEXT:
                raise CapError("文字太长 / a text is too long")
            top.text.append(data)

    def end(self, _name: str) -> None:
        here = self.stack.pop()
        if not self.stack:
            self.alert = here
            return
        above, said = self.stack[-1], line("".join(here.text))
        if here.name == "info":
            if len(above.infos) < MOST_INFOS:
                above.infos.append(_info(here))
        elif here.name == "area":
            if len(above.areas) < MOST_AREAS:
                above.areas.append(Area(here.fields.get("areaDesc", ""), tuple(here.codes)))
        elif here.name == "geocode":
            above.codes.append((here.fields.get("valueName", ""), here.fields.get("value", "")))
        elif here.name:
            above.fields.setdefault(here.name, said)


def parse(raw: bytes) -> Alert:
    """The message in ``raw``. Raises CapError."""
    if len(raw) > MOST_BYTES:
        raise CapError(f"太大 / too large: {len(raw)} bytes")
    reader, parser = _Reader(), expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.buffer_text = True
    try:
        parser.Parse(raw, True)  # noqa: FBT003  expat's own: that was all of it
    except CapError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as fault:  # also an encoding of nobody's
        raise CapError(f"不是完好的 XML / is no sound XML: {fault}") from fault
    if reader.alert is None:
        raise CapError("没有内容 / has no content")
    return _alert(reader.alert)


def _refuse(*_: object) -> int:
    raise CapError("含 DTD 或实体，拒收 / has a document type or entities: refused")


def _alert(here: _Open) -> Alert:
    said = {name: here.fields.get(name, "") for name in _ONCE}
    missing = [n for n in ("identifier", "sender", "sent", "status", "msgType") if not said[n]]
    if missing:
        raise CapError(f"缺少 / lacks: {', '.join(missing)}")
    sent = stamp(said["sent"])
    if sent is None:
        raise CapError(f"发送时间不对 / is no time: {said['sent'][:40]}")
    return Alert(
        identifier=said["identifier"][:200],
        sender=said["sender"][:200],
        sent_ms=sent,
        status=said["status"],
        kind=said["msgType"],
        scope=said["scope"],
        references=references(said["references"]),
        infos=tuple(here.infos),
    )


def _info(here: _Open) -> Info:
    said = {name: here.fields.get(name, "") for name in _INFO}
    return Info(
        event=said["event"][:200],
        severity=said["severity"][:40],
        urgency=said["urgency"][:40],
        certainty=said["certainty"][:40],
        language=said["language"][:40],
        headline=said["headline"][:300],
        description=said["description"][:4000],
        sender_name=said["senderName"][:200],
        effective_ms=stamp(said["effective"]),
        onset_ms=stamp(said["onset"]),
        expires_ms=stamp(said["expires"]),
        areas=tuple(here.areas),
    )


def line(text: str) -> str:
    """The text on one line, without anything that does not print."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def references(text: str) -> tuple[tuple[str, str], ...]:
    """``sender,identifier,sent`` triples, blanks between them; what is none is left out."""
    found = []
    for part in text.split()[:200]:
        pieces = part.split(",")
        if len(pieces) >= 3:
            found.append((pieces[0], ",".join(pieces[1:-1])))
    return tuple(found)


def stamp(text: str) -> int | None:
    """A CAP dateTime (with its offset) as ms UTC; None where it is none, or after 2100."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    ms = round(at.timestamp() * 1000)
    return ms if 0 <= ms <= LAST_MS else None


def towns_of(areas: Iterable[Area], county: str, towns: Mapping[str, str]) -> tuple[str, ...]:
    """The towns (code to name) that the areas cover, by geocode, else by name.

    A code of the county, of its city or province (fewer digits, as GB/T 2260 nests them) covers
    all towns; a longer one than a town's is in that town. A name covers a town when it holds the
    town's name, the county when it holds none of them and ``county`` is its name.
    """
    found: dict[str, None] = {}
    for area in areas:
        codes = [value.strip() for _, value in area.codes]
        hit = [code for code in towns if any(_covers(one, code) for one in codes)]
        if not hit:
            hit = [code for code, name in towns.items() if name in area.name]
        if not hit and county and county in area.name:
            hit = list(towns)
        found |= dict.fromkeys(hit)
    return tuple(code for code in towns if code in found)


def _covers(code: str, town: str) -> bool:
    """Whether one of the two codes lies in the other (GB/T 2260 and its extension to 12 digits)."""
    if not (code.isascii() and code.isdigit()):
        return False
    if len(code) == 12 and code.endswith("000"):
        code = code[:9]
    if len(code) == 9 and code.endswith("000"):
        code = code[:6]
    while (len(code) == 6 and code.endswith("00")) or (len(code) == 4 and code.endswith("00")):
        code = code[:-2]
    return len(code) >= 2 and (town.startswith(code) or code.startswith(town))


def best_info(infos: Sequence[Info]) -> Info | None:
    """The Chinese one where there are several languages, else the first."""
    chinese = [one for one in infos if one.language.lower().startswith("zh")]
    return next(iter(chinese or infos), None)
