"""A notice that fits a payload: its lists are cut before it is signed, and it says so.

A notice that cannot be carried would hold up every later one. Lists stand worst first, so what is
cut is the least; the pages and ``wanglou status`` have all of it.
"""

from __future__ import annotations

from typing import Final

from wire.codec import pack
from wire.notice import Notice

MOST_CHARS: Final = 900_000
"""Below the limit of a signed payload (``wire.notice.Signed``)."""

MOST_BYTES: Final = 180_000
"""Deflated; below the limit of a payload with the escapes of JSON within JSON."""


def fitting(notice: Notice) -> Notice:
    """The notice itself, or one with shorter lists of devices and sites and a word about it."""
    cut = notice
    while not _fits(cut) and (cut.devices or cut.sites):
        devices, sites = len(cut.devices), len(cut.sites)
        if devices >= sites:
            devices //= 2
        else:
            sites //= 2
        said = (
            f"清单过长，本通知只列出站点 {sites}/{len(notice.sites)} 个、"
            f"设备 {devices}/{len(notice.devices)} 台，其余见值守页面"
        )
        cut = notice.model_copy(
            update={
                "devices": notice.devices[:devices],
                "sites": notice.sites[:sites],
                "evidence": (*notice.evidence, said),
            }
        )
    return cut


def _fits(notice: Notice) -> bool:
    text = notice.model_dump_json()
    return len(text) <= MOST_CHARS and len(pack(text.encode())) <= MOST_BYTES
