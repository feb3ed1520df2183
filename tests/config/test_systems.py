"""How a system needs its devices: what the register must say of it, and how a table says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.check import check_register
from config.faults import Kind
from config.io.load import load_register
from config.io.plan import load_plan
from config.io.shipped import DATA
from config.register import InformationSystem, Needs
from tests.collector.small import register

TWO = ("cmcc-d1", "cmcc-d2")


@pytest.mark.parametrize(
    ("needs", "least", "shares", "faults"),
    [
        (Needs.ALL, None, (), 0),
        (Needs.K_OF_N, 1, (), 0),
        (Needs.K_OF_N, 2, (), 0),
        (Needs.K_OF_N, 3, (), 1),
        (Needs.K_OF_N, None, (), 1),
        (Needs.ANY, 1, (), 1),
        (Needs.WEIGHTED, None, (1.0, 2.0), 0),
        (Needs.WEIGHTED, None, (1.0,), 1),
        (Needs.WEIGHTED, 1, (), 2),
        (Needs.ALL, None, (1.0, 1.0), 1),
    ],
)
def test_what_belongs_to_a_need_and_what_does_not(
    needs: Needs, least: int | None, shares: tuple[float, ...], faults: int
) -> None:
    system = InformationSystem(
        id="egov", name="电子政务外网", devices=TWO, needs=needs, at_least=least, shares=shares
    )
    found = check_register(register(systems=(system,)))
    assert len([one for one in found if one.kind is not Kind.NOTE]) == faults, found


def test_a_table_says_it_in_words(tmp_path: Path) -> None:
    shipped = DATA / "register-example"
    for file in shipped.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "systems.csv").write_text(
        "系统编号,系统名称,依赖设备,依赖方式,至少,份额\n"
        "gov-net,电子政务外网,cm-fc-01-bbu;ct-fc-01-bbu,至少,1,\n"
        "catv,广电网络,cu-core-r1;cu-fc-01-bbu,加权,,3;1.5\n",
        encoding="utf-8",
    )
    made = load_register(tmp_path, plan=load_plan()).systems
    assert [(one.needs, one.at_least, one.shares) for one in made] == [
        (Needs.K_OF_N, 1, ()),
        (Needs.WEIGHTED, None, (3.0, 1.5)),
    ]
