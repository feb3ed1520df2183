"""Invented people of the simulated county: accounts, organs and roles in the plan's words."""

from __future__ import annotations

from typing import Final

from config.register import Person

PEOPLE: Final = (
    Person(account="duty", name="值班员甲", organ="县指挥部办公室", roles=("duty",), key="duty"),
    Person(account="duty2", name="值班员乙", organ="县指挥部办公室", roles=("duty",), key="duty2"),
    Person(
        account="director",
        name="办公室主任丙",
        organ="县指挥部办公室",
        roles=("director", "deputy"),
        key="director",
    ),
    Person(account="deputy", name="副总指挥丁", organ="县指挥部", roles=("deputy",), key="deputy"),
    Person(
        account="commander",
        name="总指挥戊",
        organ="县指挥部",
        roles=("commander",),
        key="commander",
    ),
)
"""Nobody: duty officers, the office's director, deputy commander, commander."""
