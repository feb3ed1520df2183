"""A new county's plan file, begun from one that is there: its names put in place of the other's.

Pure: the text of a sound plan file and answers in, text out. The rules stay as they are in the
base, and every clause's words are marked as still to be held against the county's own paper:
nothing is invented, and ``wanglou plan check`` judges the result like any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from config.plan import UNCHECKED, OrganKind, Plan


@dataclass(frozen=True, slots=True)
class Answers:
    """``organs``: names by the base's organ ids; ``operators``: names by id, in their order."""

    id: str
    title: str
    number: str
    issuer: str
    issued: date
    organs: Mapping[str, str] = field(default_factory=dict)
    operators: Mapping[str, str] = field(default_factory=dict)


def seats(plan: Plan) -> dict[str, str]:
    """The organs that the interview asks for: headquarters, office, government; name by id."""
    asked = (OrganKind.HEADQUARTERS, OrganKind.OFFICE, OrganKind.GOVERNMENT)
    return {organ.id: organ.name for organ in plan.organs if organ.kind in asked}


def draft(text: str, base: Plan, answers: Answers) -> str:
    """``text`` of ``base`` as the plan of another county."""
    made = _document(text, answers)
    for organ in base.organs:
        name = answers.organs.get(organ.id, organ.name)
        if name != organ.name:
            made = made.replace(_quoted(organ.name), _quoted(name))
    made = made.replace('quote = "', f'quote = "{UNCHECKED}')
    made = re.sub(r', (?:phone|listed_as) = "[^"]*"', "", made)  # another county's annex
    if answers.operators:
        made = _operators(made, base, answers.operators)
    head = (
        f"# {answers.title}, begun from {base.id}: hold every clause marked {UNCHECKED}\n"
        "# against the paper, put its own words there, and let `wanglou plan check` judge it.\n\n"
    )
    first = re.search(r"^id = ", made, re.MULTILINE)
    assert first is not None  # the base is sound
    return head + made[first.start() :]


def _document(text: str, answers: Answers) -> str:
    made = re.sub(r'^id = ".*"$', f"id = {_quoted(answers.id)}", text, count=1, flags=re.MULTILINE)
    block = (
        "[document]\n"
        f"title = {_quoted(answers.title)}\n"
        f"number = {_quoted(answers.number)}\n"
        f"issuer = {_quoted(answers.issuer)}\n"
        f"issued = {answers.issued.isoformat()}\n\n"
    )
    made = re.sub(r"^\[document\]\n(?:[^\[\n].*\n|\n)*", lambda _: block, made, flags=re.MULTILINE)
    # What the base's paper has of oddities is not this one's.
    return re.sub(r"^\[\[remarks\]\]\n(?:[^\[\n].*\n|\n)*", "", made, flags=re.MULTILINE)


def _operators(text: str, base: Plan, wanted: Mapping[str, str]) -> str:
    """The operators' tables anew; what speaks of one that is not there goes with it."""
    organs = {operator.id: operator.organ for operator in base.operators}
    blocks = [
        f"[[operators]]\nid = {_quoted(name)}\n"
        f"name = {{ zh = {_quoted(said)}, en = {_quoted(name)} }}\n"
        f"organ = {_quoted(organs.get(name, f'{said}公司'))}\n\n"
        for name, said in wanted.items()
    ]
    table = r"^\[\[operators\]\]\n(?:[^\[\n].*\n|\n)*?(?=^(?:\[|#)|\Z)"
    first = re.search(table, text, re.MULTILINE)
    assert first is not None  # the base is sound
    rest = re.sub(table, "", text, flags=re.MULTILINE)
    made = rest[: first.start()] + "".join(blocks) + rest[first.start() :]
    for name, organ in organs.items():
        if name not in wanted:
            made = re.sub(rf"^ *{{ id = {_quoted(name)},.*\n", "", made, flags=re.MULTILINE)
            made = re.sub(rf"(?:, )?{re.escape(_quoted(organ))}(?=[,\]])", "", made)
            made = made.replace("[, ", "[")
    new = [name for name in wanted if name not in organs]
    rows = "".join(
        f"    {{ id = {_quoted(name)}, name = {_quoted(wanted[name] + '公司')}, "
        'kind = "operator", member = true },\n'
        for name in new
    )
    made = made.replace("organs = [\n", f"organs = [\n{rows}", 1)
    if base.counting is not None and base.counting.merged not in wanted:
        counting = r"^\[counting\]\n(?:[^\[\n].*\n|\n)*?(?=^(?:\[|#)|\Z)"
        made = re.sub(counting, "", made, flags=re.MULTILINE)
    return made


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False)
