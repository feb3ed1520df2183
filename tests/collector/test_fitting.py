from __future__ import annotations

import random

import pytest

from collector.fitting import fitting
from tests.collector.small import T0
from transport.io.outbox_rows import Row, packed
from wire.notice import Bilingual, DeviceFact, Notice, NoticeKind, Signed, SiteFact


def notice(sites: int, devices: int) -> Notice:
    dice = random.Random(1)

    def noise(length: int) -> str:
        return "".join(chr(dice.randrange(0x4E00, 0x9FA5)) for _ in range(length))

    return Notice(
        id="N-1",
        number=1,
        county="140522",
        tree="live",
        notice_kind=NoticeKind.INCIDENT,
        at_ms=T0,
        recipient="office",
        subject=Bilingual(zh="事件", en="incident"),
        text=Bilingual(zh="事件", en="incident"),
        sites=tuple(
            SiteFact(
                site=f"s{n}",
                name=noise(20),
                operator="cmcc",
                town="140522101",
                state="out",
                since_ms=T0,
                cause=noise(100),
            )
            for n in range(sites)
        ),
        devices=tuple(
            DeviceFact(
                device=f"d{n}",
                name=noise(20),
                site=f"s{n}",
                operator="cmcc",
                state="down",
                since_ms=T0,
                cause=noise(100),
            )
            for n in range(devices)
        ),
        evidence=("扩散性：未见",),
    )


def test_a_notice_that_fits_is_left_alone() -> None:
    small = notice(10, 20)
    assert fitting(small) is small


@pytest.mark.parametrize(("sites", "devices"), [(2000, 2000), (0, 3000), (3000, 0)])
def test_one_that_does_not_is_cut_from_the_end_and_says_so(sites: int, devices: int) -> None:
    whole = notice(sites, devices)
    cut = fitting(whole)
    assert cut.sites == whole.sites[: len(cut.sites)]
    assert cut.devices == whole.devices[: len(cut.devices)]
    assert len(cut.sites) + len(cut.devices) > 100
    assert f"/{sites}" in cut.evidence[-1]
    assert cut.evidence[:-1] == whole.evidence
    signed = Signed(context="notice", key="k", sig="", payload=cut.model_dump_json())
    packed(Row("notice", T0, signed.model_dump_json().encode()))  # fits a payload
