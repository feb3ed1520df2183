"""Targets as people write them, and the sentences for what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.io.targets import expand
from agent.targets import MAX_TARGETS, TargetError, parse


@pytest.mark.parametrize(
    ("text", "addresses", "port"),
    [
        ("10.0.0.1", ["10.0.0.1"], None),
        ("10.0.0.1:1161", ["10.0.0.1"], 1161),
        ("10.0.0.254-10.0.1.1", ["10.0.0.254", "10.0.0.255", "10.0.1.0", "10.0.1.1"], None),
        ("10.0.0.9-11:162", ["10.0.0.9", "10.0.0.10", "10.0.0.11"], 162),
        ("10.0.0.0/30", ["10.0.0.1", "10.0.0.2"], None),
        ("10.0.0.0/31", ["10.0.0.0", "10.0.0.1"], None),
        ("10.0.0.7/32", ["10.0.0.7"], None),
        ("2001:db8::1", ["2001:db8::1"], None),
        ("[2001:db8::1]:1161", ["2001:db8::1"], 1161),
        ("2001:db8::fe-2001:db8::100", ["2001:db8::fe", "2001:db8::ff", "2001:db8::100"], None),
        ("2001:db8::/126", ["2001:db8::1", "2001:db8::2", "2001:db8::3"], None),
    ],
)
def test_addresses(text: str, addresses: list[str], port: int | None) -> None:
    hosts = parse(text)
    assert list(hosts.addresses()) == addresses
    assert hosts.count == len(addresses)
    assert hosts.port == port


@pytest.mark.parametrize("text", ["ups-1", "a.b.example.", "x_y.example:161", "fe80::1%eth0"])
def test_names_stay_names(text: str) -> None:
    hosts = parse(text)
    assert hosts.name == text.removesuffix(":161")
    assert hosts.count == 1


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("10.0.0", "is no address, name, range or network"),
        ("10.0.0.256", "is no address, name, range or network"),
        ("a b", "is no address, name, range or network"),
        ("", "is no address, name, range or network"),
        ("-x.example", "is no address, name, range or network"),
        ("a..b", "is no address, name, range or network"),
        ("10.0.0.1:0", "must be 1 to 65535"),
        ("10.0.0.1:65536", "must be 1 to 65535"),
        ("10.0.0.5/24", "did you mean 10.0.0.0/24?"),
        ("10.0.0.0/33", "is no network"),
        ("10.0.0.9-10.0.0.8", "must come after its beginning"),
        ("10.0.0.9-::1", "must come after its beginning"),
        ("10.0.0.9-300", "the end of 10.0.0.9-300 is no address"),
        ("10.0.0.0-10.15.255.255", ""),
        ("10.0.0.0-10.16.0.0", "has 1048577 addresses, 1048576 at most"),
        ("10.0.0.0/8", "has 16777214 addresses, 1048576 at most"),
        ("2001:db8::/32", "addresses, 1048576 at most"),
    ],
)
def test_what_is_no_target_is_told_in_one_sentence(text: str, part: str) -> None:
    if not part:
        assert parse(text).count == MAX_TARGETS
        return
    with pytest.raises(TargetError) as told:
        parse(text)
    assert part in str(told.value)
    assert "\n" not in str(told.value)


def test_files_names_and_repetitions(tmp_path: Path) -> None:
    file = tmp_path / "targets"
    file.write_text("\ufeff# all of them\n127.0.0.1  # this one\n\n127.0.0.3:99\nlocalhost\n")
    found = expand([f"@{file}", "127.0.0.1-127.0.0.2"])
    assert [(one.name, one.address, one.port) for one in found][:2] == [
        ("127.0.0.1", "127.0.0.1", None),
        ("127.0.0.3:99", "127.0.0.3", 99),
    ]
    assert found[-1].address == "127.0.0.2"
    assert len({(one.address, one.port) for one in found}) == len(found)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(TargetError) as told:
        expand(["1.2.3", "127.0.0.1", f"@{tmp_path}/none", "name.invalid", "10.0.0.0/8"])
    lines = str(told.value).split("\n")
    assert len(lines) == 4
    assert lines[2] == "查不到 name.invalid 的地址 / name.invalid has no address"


def test_the_whole_is_limited_too() -> None:
    with pytest.raises(TargetError, match="more than 1048576 targets"):
        expand(["10.0.0.0-10.15.255.255", "11.0.0.1"])
