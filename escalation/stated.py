"""What people state, in words: the answer to the order, and the notice when its term is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from escalation import attest, facts
from escalation.facts import FACT, View
from escalation.page import Rendered, case_line, finish
from escalation.words import EMPTY, Both, join, moment, sentence, sentences
from wire.notice import Attested, Command, Verb


def answer(view: View, command: Command, who: Both, rest: Sequence[Both]) -> Rendered:
    """What a person stated, with source and term; or that it was taken back."""
    back = command.state == Attested.WITHDRAWN
    title, done, todo = _taken_back(view, command) if back else _said(view, command)
    reason = Both(f"理由：{command.reason}", f"reason: {command.reason}")
    return finish(
        Both(f"决定：{title.zh}", f"Decision: {title.en}"),
        sentences(
            [
                Both(f"{who.zh}{done.zh}", f"{who.en} {done.en}"),
                reason if command.reason else EMPTY,
            ]
        ),
        facts.unknowns(view),
        sentence(todo),
        list(rest),
        footer=EMPTY,
    )


def _said(view: View, command: Command) -> tuple[Both, Both, Both]:
    """Title, deed, and what to do now."""
    assert command.state is not None
    source = command.source
    at = moment(attest.until(view.charter.clocks, view.now_ms, command))
    if command.verb is Verb.FACT:
        fact = facts.entered_fact(view, command.target, command.state)
        return (
            Both(f"研判事项：{fact.zh}", f"fact entered: {fact.en}"),
            Both(
                f"登记研判事项“{fact.zh}”，据{source}，至{at.zh}有效",
                f"entered “{fact.en}”, by {source}, until {at.en}",
            ),
            Both("到期前请再次研判登记", "judge and enter it again before it expires"),
        )
    name, state = facts.network_name(view, command.target), facts.STATES[command.state]
    return (
        Both(f"电话核实：{name.zh}{state.zh}", f"attested: {name.en} {state.en}"),
        Both(
            f"登记：{name.zh}{state.zh}，据{source}电话核实，至{at.zh}有效",
            f"entered: {name.en} {state.en}, attested by telephone by {source}, until {at.en}",
        ),
        Both(
            "到期前请再次核实；恢复监测后以测得状态为准",
            "telephone again before it expires; once measured, what is measured stands",
        ),
    )


def _taken_back(view: View, command: Command) -> tuple[Both, Both, Both]:
    """Title, deed, and what to do now."""
    if command.verb is Verb.FACT:
        name = _name(view, FACT + command.target)
        return (
            Both(f"撤回研判事项：{name.zh}", f"fact withdrawn: {name.en}"),
            Both(f"撤回登记的研判事项“{name.zh}”", f"withdrew the fact “{name.en}”"),
            Both("此后只按监测判断", "from now on what is measured decides alone"),
        )
    name = _name(view, command.target)
    return (
        Both(f"撤回电话核实：{name.zh}", f"attested state withdrawn: {name.en}"),
        Both(f"撤回对{name.zh}的电话核实", f"withdrew what was attested of {name.en}"),
        Both("恢复为监测所得状态：不明的请再次核实", "what is unknown now: telephone again"),
    )


def _name(view: View, key: str) -> Both:
    """The name of an operator, a system, or (``fact:…``) a fact."""
    if not key.startswith(FACT):
        return facts.network_name(view, key)
    known = view.charter.facts.get(key.removeprefix(FACT))
    return facts.both(known.name) if known else Both(key, key)


def lapsed(view: View, keys: Collection[str]) -> Rendered:
    """What people stated has expired: unknown again until somebody asks, or it is seen."""
    names = join([_name(view, key) for key in keys], "、", ", ")
    return finish(
        Both(
            f"电话核实到期，请再次核实：{names.zh}",
            f"Attested state expired, please telephone again: {names.en}",
        ),
        sentence(
            Both(
                f"{names.zh}的核实登记已到期，不再作为依据",
                f"what was attested of {names.en} has expired and counts no more",
            )
        ),
        facts.unknowns(view),
        sentence(
            Both("请再次电话核实并登记", "please telephone again and enter what you are told")
        ),
        [case_line(view)],
    )
