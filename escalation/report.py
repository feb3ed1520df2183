"""The closing report of a warning, from the decision journal alone: pure, and the same every time.

What was seen, drafted, proposed, issued, attested and lifted, when and by whom; how long it took;
whom it touched; where nobody could see; what was told and receipted (PLAN section 5: what the
investigation report of 5.2 begins with). ``escalation.report_text`` says it in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

KINDS: Final = (
    *("incident", "draft", "warning", "command", "notice", "reminder", "receipt", "attested"),
    *("impact", "spread", "source", "store_anew", "threat"),
)
"""The journal's kinds that a report reads from the beginning, and ``ALARM`` in its time."""

ALARM: Final = "alarm"

OUT: Final = "device-unreachable"
MAINS: Final = "mains-failure"
ENDED: Final = frozenset({"lifted", "withdrawn"})
WORSE: Final = ("none", "absent", "unknown", "partial", "full")


class Line(NamedTuple):
    """A row of the journal."""

    at_ms: int
    kind: str
    data: Json


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the warning machine, and the reason that came with the order."""

    at_ms: int
    event: str
    state: str
    by: str
    scenario: str
    level: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A person's order and what became of it."""

    at_ms: int
    account: str
    verb: str
    target: str
    outcome: str
    reason: str


@dataclass(slots=True)
class Span:
    """From when to when (None: still so at the end) something was as it was.

    ``kind`` of what is spoken of: operator, system, agent, site; ``word`` the worst that it was.
    """

    kind: str
    id: str
    word: str
    from_ms: int
    to_ms: int | None = None
    causes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person stated (``event``: said, withdrawn, superseded, expired)."""

    at_ms: int
    event: str
    id: str
    state: str
    source: str
    by: str
    until_ms: int


@dataclass(slots=True)
class Outside:
    """A threat from outside that stood in the time of the report, as it was last said.

    ``event`` is how it came (entered, or proposed by a feed) and ``by`` whom; ``ended`` how it
    ceased (withdrawn, cancelled, expired) at ``ended_ms``, empty: it stood still at the end.
    """

    at_ms: int
    event: str
    id: str
    what: str
    source: str
    by: str
    degree: str
    operators: list[str]
    systems: list[str]
    towns: list[str]
    spread: bool
    from_ms: int
    until_ms: int
    ended: str = ""
    ended_ms: int | None = None
    ended_by: str = ""


@dataclass(slots=True)
class Told:
    """A notice, and when it was receipted by a machine and acknowledged by a person."""

    at_ms: int
    id: str
    kind: str
    subject: str
    receipted_ms: int | None = None
    acked_ms: int | None = None
    acked_by: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One warning from the first thing seen to its end; ``to_ms`` None: it is still open."""

    warning: str
    incident: str
    state: str
    from_ms: int
    to_ms: int | None
    first_seen_ms: int
    steps: tuple[Step, ...]
    orders: tuple[Order, ...]
    networks: tuple[Span, ...]
    sites: tuple[Span, ...]
    blind: tuple[Span, ...]
    statements: tuple[Statement, ...]
    threats: tuple[Outside, ...]
    spread: tuple[tuple[int, str, str], ...]
    notices: tuple[Told, ...]
    reminders: int

    def to_json(self) -> Json:
        """For machines; stamps are milliseconds UTC."""
        return {"v": 1} | asdict(self)


def warnings(lines: Iterable[Line]) -> list[str]:
    """The warnings of a journal, oldest first."""
    return list(dict.fromkeys(one.data["id"] for one in lines if one.kind == "warning"))


def report(lines: Iterable[Line], warning: str, site_of: Mapping[str, str]) -> Report:
    """The report on ``warning`` from the journal's ``KINDS``, in order. KeyError: no such one.

    ``site_of`` maps a device to its site.
    """
    rows = list(lines)
    steps = [one for one in rows if one.kind == "warning" and one.data["id"] == warning]
    from_ms, to_ms = span(rows, warning)
    incident, _ = _incident(rows, steps[0].at_ms)
    inside = [one for one in rows if from_ms <= one.at_ms and (to_ms is None or one.at_ms <= to_ms)]
    sites = _sites(inside, site_of)
    networks = _networks(rows, from_ms, to_ms)
    begun = [one.from_ms for one in (*sites, *networks)]
    return Report(
        warning=warning,
        incident=incident,
        state=steps[-1].data["to"],
        from_ms=from_ms,
        to_ms=to_ms,
        first_seen_ms=min([from_ms, *begun]),
        steps=_steps(inside, warning),
        orders=_orders(inside, warning),
        networks=networks,
        sites=sites,
        blind=_blind(rows, from_ms, to_ms),
        statements=_statements(inside),
        threats=_threats(rows, from_ms, to_ms),
        spread=tuple(
            (one.at_ms, one.data["word"], one.data["why"]) for one in inside if one.kind == "spread"
        ),
        notices=_notices(rows, from_ms, to_ms),
        reminders=sum(one.kind == "reminder" for one in inside),
    )


def span(lines: Iterable[Line], warning: str) -> tuple[int, int | None]:
    """From when to when (None: open still) a report reads. KeyError: no such warning."""
    rows = list(lines)
    steps = [one for one in rows if one.kind == "warning" and one.data["id"] == warning]
    if not steps:
        raise KeyError(warning)
    last = steps[-1]
    _, from_ms = _incident(rows, steps[0].at_ms)
    return from_ms, last.at_ms if last.data["to"] in ENDED else None


def _incident(rows: list[Line], drafted_ms: int) -> tuple[str, int]:
    """The incident that was open when the warning was drafted, and when it began."""
    found = ("", drafted_ms)
    for one in rows:
        if one.kind == "incident" and one.at_ms <= drafted_ms and one.data["event"] == "opened":
            found = (one.data["id"], one.at_ms)
    return found


def _steps(rows: list[Line], warning: str) -> tuple[Step, ...]:
    reasons = {
        (one.at_ms, one.data["command"]["account"]): one.data["command"]["reason"]
        for one in rows
        if one.kind == "command" and one.data["outcome"] == "accepted"
    }
    return tuple(
        Step(
            one.at_ms,
            one.data["event"],
            one.data["to"],
            one.data["by"],
            one.data["scenario"],
            one.data["level"],
            reasons.get((one.at_ms, one.data["by"]), ""),
        )
        for one in rows
        if one.kind == "warning" and one.data["id"] == warning
    )


def _orders(rows: list[Line], warning: str) -> tuple[Order, ...]:
    """Every order while the warning was open, refused ones too; of other warnings none."""
    found = []
    for one in rows:
        if one.kind != "command":
            continue
        said = one.data["command"]
        if said["target"].startswith("W-") and said["target"] != warning:
            continue
        found.append(
            Order(
                one.at_ms,
                said["account"],
                said["verb"],
                said["target"],
                one.data["outcome"],
                said["reason"],
            )
        )
    return tuple(found)


def _networks(rows: list[Line], from_ms: int, to_ms: int | None) -> tuple[Span, ...]:
    """Operators and systems that were affected, each with the worst that it was."""
    open_: dict[tuple[str, str], Span] = {}
    found = []
    for one in rows:
        if one.kind != "impact" or (to_ms is not None and one.at_ms > to_ms):
            continue
        key, word = (one.data["of"], one.data["id"]), one.data["word"]
        span = open_.get(key)
        if word in {"partial", "full"}:
            if span is None:
                span = open_[key] = Span(*key, word=word, from_ms=one.at_ms)
                found.append(span)
            span.word = max(span.word, word, key=WORSE.index)
        elif span is not None:
            span.to_ms = one.at_ms
            del open_[key]
    return tuple(one for one in found if one.to_ms is None or one.to_ms >= from_ms)


def _sites(rows: list[Line], site_of: Mapping[str, str]) -> tuple[Span, ...]:
    """Sites with a device that gave no answer, or without mains; causes in order of appearance."""
    spans: dict[str, Span] = {}
    bad: dict[str, set[tuple[str, str]]] = {}
    for one in rows:
        if one.kind != "alarm" or one.data["type"] not in {OUT, MAINS}:
            continue
        device, kind = one.data["device"], one.data["type"]
        site = site_of.get(device, device)
        held = bad.setdefault(site, set())
        if one.data["word"] == "raised":
            span = spans.setdefault(site, Span("site", site, kind, one.data["since_ms"]))
            span.from_ms = min(span.from_ms, one.data["since_ms"])
            span.to_ms, span.word = None, OUT if OUT in {kind, span.word} else MAINS
            if kind not in span.causes:
                span.causes.append(kind)
            held.add((device, kind))
        elif one.data["word"] == "cleared" and site in spans:
            held.discard((device, kind))
            if not held:
                spans[site].to_ms = one.at_ms
    return tuple(sorted(spans.values(), key=lambda one: (one.from_ms, one.id)))


def _blind(rows: list[Line], from_ms: int, to_ms: int | None) -> tuple[Span, ...]:
    """When agents were not to be counted on."""
    open_: dict[str, Span] = {}
    found = []
    for one in rows:
        if one.kind != "source" or (to_ms is not None and one.at_ms > to_ms):
            continue
        agent, word = one.data["agent"], one.data["word"]
        if word == "heard":
            if span := open_.pop(agent, None):
                span.to_ms = one.at_ms
        elif agent not in open_:
            span = open_[agent] = Span("agent", agent, word, one.at_ms)
            found.append(span)
    return tuple(one for one in found if one.to_ms is None or one.to_ms >= from_ms)


def _statements(rows: list[Line]) -> tuple[Statement, ...]:
    return tuple(
        Statement(
            one.at_ms,
            one.data["event"],
            one.data["id"],
            one.data["state"],
            one.data["source"],
            one.data["by"],
            one.data["until_ms"],
        )
        for one in rows
        if one.kind == "attested"
    )


_SAID: Final = (
    *("id", "what", "source", "degree", "operators", "systems", "towns"),
    *("spread", "from_ms", "until_ms"),
)
"""What a row of a threat says of it."""


def _threats(rows: list[Line], from_ms: int, to_ms: int | None) -> tuple[Outside, ...]:
    """Threats that stood at any time of the report, in order of their coming."""
    standing: dict[str, Outside] = {}
    found: list[Outside] = []
    for one in rows:
        if one.kind != "threat" or (to_ms is not None and one.at_ms > to_ms):
            continue
        event, by, ident = one.data["event"], one.data["by"], one.data["id"]
        if event not in {"entered", "proposed"}:
            if known := standing.pop(ident, None):
                known.ended, known.ended_ms, known.ended_by = event, one.at_ms, by
            continue
        known = standing.pop(ident, None)
        new = Outside(one.at_ms, event, by=by, **{name: one.data[name] for name in _SAID})
        standing[ident] = new
        if known is not None and known.event == event:
            new.at_ms = known.at_ms
            found.remove(known)
        elif known is not None:
            known.ended, known.ended_ms, known.ended_by = event, one.at_ms, by
        found.append(new)
    return tuple(one for one in found if one.ended_ms is None or one.ended_ms >= from_ms)


def _notices(rows: list[Line], from_ms: int, to_ms: int | None) -> tuple[Told, ...]:
    """Notices in the time of the report. A receipt goes up to the office's n-th notice."""
    found: list[Told] = []
    lanes: dict[str, list[Told]] = {}  # what no receipt has reached yet
    passed: dict[str, int] = {}
    told: dict[str, Told] = {}
    for one in rows:
        match one.kind:
            case "store_anew":
                lanes, passed = {}, {}
            case "notice":
                data = one.data
                new = Told(one.at_ms, data["id"], data["kind"], data["subject"])
                found.append(new)
                told[new.id] = new
                for office in data["recipients"]:
                    lanes.setdefault(office, []).append(new)
            case "receipt":
                office, upto = one.data["office"], one.data["seq"]
                waiting, done = lanes.get(office, []), passed.get(office, 0)
                for reached in waiting[: max(0, upto - done)]:
                    reached.receipted_ms = reached.receipted_ms or one.at_ms
                lanes[office] = waiting[max(0, upto - done) :]
                passed[office] = max(done, upto)
            case "command" if one.data["outcome"] == "accepted":
                said = one.data["command"]
                if said["verb"] == "ack" and (notice := told.get(said["target"])):
                    notice.acked_ms, notice.acked_by = one.at_ms, said["account"]
    return tuple(
        one for one in found if from_ms <= one.at_ms and (to_ms is None or one.at_ms <= to_ms)
    )
