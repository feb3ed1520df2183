"""The closing report of a warning, with the names that the configuration gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from collector.county import County
from collector.world import charter
from escalation.report import Json, Line, report
from escalation.report_text import Names, markdown


class Closing(NamedTuple):
    """The report for machines and for people (Markdown)."""

    data: Json
    text: str


def closing(county: County, lines: Iterable[Line], warning: str) -> Closing:
    """From the journal's lines (``collector.io.journal.closing_lines``). KeyError: no such one."""
    site_of = {device.id: device.site for device in county.devices.values()}
    made = report(lines, warning, site_of)
    return Closing(made.to_json(), markdown(made, names(county)))


def names(county: County) -> Names:
    """What the county calls its operators, systems, sites, towns, agents and people."""
    tree = county.bundle.tree
    return Names(
        charter=charter(county),
        plan=county.plan.document.title,
        sites={s.id: (s.name, s.operator, s.town) for s in county.sites.values()},
        towns=county.town_names,
        agents={agent: source.operator for agent, source in county.sources.items()},
        drill=tree if tree.startswith("drill-") else "",
    )
