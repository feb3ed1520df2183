"""What each word of a rule story's expectation looks at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from escalation.pulse import Health
from wire.notice import Notice, NoticeKind

if TYPE_CHECKING:
    from drill.rule_run import Run

Lookup = Callable[["Run", Any, list[Notice]], Any]
"""What is there instead of what is wanted, or None where that is there; last: the new notices."""


def _of(get: Callable[[Run], Any]) -> Lookup:
    def look(run: Run, wanted: Any, _new: list[Notice]) -> Any:
        got = get(run)
        return None if got == wanted else got

    return look


def _set(get: Callable[[Run], Iterable[str]]) -> Lookup:
    def look(run: Run, wanted: Any, _new: list[Notice]) -> Any:
        got = tuple(get(run))
        return None if set(got) == set(wanted) else got

    return look


def _rows(get: Callable[[Run, str], str | int]) -> Lookup:
    def look(run: Run, wanted: Any, _new: list[Notice]) -> Any:
        got = {name: get(run, name) for name in wanted}
        return None if got == dict(wanted) else got

    return look


def _kinds(_run: Run, wanted: Any, new: list[Notice]) -> Any:
    got = Counter(one.notice_kind.value for one in new)
    return None if got == Counter(str(kind) for kind in wanted) else sorted(got.elements())


def _nothing(run: Run, _wanted: Any, new: list[Notice]) -> Any:
    return _kinds(run, (), new)


def _most(_run: Run, wanted: Any, new: list[Notice]) -> Any:
    return None if len(new) <= wanted else len(new)


def _told(run: Run, wanted: Any, _new: list[Notice]) -> Any:
    got = Counter(one.notice_kind for one in run.notices)
    counts = {kind: got[NoticeKind(kind)] for kind in wanted}
    return None if counts == dict(wanted) else counts


def _texts(new: list[Notice]) -> str:
    return "\n".join(
        text for one in new for both in (one.subject, one.text) for text in (both.zh, both.en)
    )


def _says(_run: Run, wanted: Any, new: list[Notice]) -> Any:
    missing = [word for word in wanted if word not in _texts(new)]
    return [one.subject.zh for one in new] if missing else None


def _never_says(_run: Run, wanted: Any, new: list[Notice]) -> Any:
    return [word for word in wanted if word in _texts(new)] or None


def _case(run: Run) -> str:
    case = run.world.desk.case
    return case.state.value if case else "none"


def _office(run: Run) -> str:
    run.pulse.due(run.now_ms)
    return "unknown" if run.pulse.health is Health.UNKNOWN else "live"


LOOKUPS: Final[dict[str, Lookup]] = {
    "warning": _of(lambda run: run.verdict.warning),
    "level": _of(lambda run: run.verdict.level),
    "warning_range": _of(lambda run: run.verdict.warning_range),
    "level_range": _of(lambda run: run.verdict.level_range),
    "literal_warning": _of(lambda run: run.verdict.literal_warning),
    "literal_level": _of(lambda run: run.verdict.literal_level),
    "pending": _of(lambda run: run.verdict.pending),
    "projected": _of(lambda run: ahead.warning if (ahead := run.verdict.projected) else "none"),
    "projected_level": _of(lambda run: ahead.level if (ahead := run.verdict.projected) else "none"),
    "drafted": _of(lambda run: case.draft.warning if (case := run.world.desk.case) else "none"),
    "rules": _set(lambda run: run.verdict.rules),
    "clauses": _set(lambda run: run.verdict.clauses),
    "spread": _of(lambda run: run.verdict.spread),
    "operators": _rows(lambda run, name: run.verdict.operators.get(name, "missing")),
    "systems": _rows(lambda run, name: run.verdict.systems.get(name, "missing")),
    "sites": _rows(lambda run, name: run.site_word(name)),
    "devices": _rows(lambda run, name: run.device_word(name)),
    "case": _of(_case),
    "notices": _kinds,
    "nothing": _nothing,
    "most": _most,
    "told": _told,
    "says": _says,
    "never_says": _never_says,
    "office": _of(_office),
    "refused": _rows(lambda run, name: run.world.agent(name).poisoned),
}
"""One for each word of ``Expect``."""
