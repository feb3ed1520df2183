"""Targets of a command line to addresses: files are read, names resolved."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from agent.targets import MAX_TARGETS, Hosts, TargetError, parse


class Target(NamedTuple):
    """One device: as it was written (a range's members by address), numeric address, port."""

    name: str
    address: str
    port: int | None


def expand(words: Iterable[str]) -> list[Target]:
    """Every target in ``words``, each once, in order. Raises TargetError with all the faults."""
    found: dict[tuple[str, int | None], Target] = {}
    faults: list[str] = []
    for word in _words(words, faults):
        try:
            hosts = parse(word)
            if len(found) + hosts.count > MAX_TARGETS:
                faults.append(f"目标超过 {MAX_TARGETS} 个 / more than {MAX_TARGETS} targets")
                break
            for target in _resolved(hosts):
                found.setdefault((target.address, target.port), target)
        except TargetError as error:
            faults.append(str(error))
    if faults:
        raise TargetError("\n".join(faults))
    return list(found.values())


def _words(words: Iterable[str], faults: list[str]) -> Iterator[str]:
    """The words, and those in the files that ``@file`` names (# begins a comment)."""
    for word in words:
        if not word.startswith("@"):
            yield word
            continue
        try:
            text = Path(word[1:]).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            faults.append(f"读不了 {word[1:]} / cannot read {word[1:]}: {error}")
            continue
        for line in text.splitlines():
            entry = line.partition("#")[0].strip()
            if entry:
                yield entry


def _resolved(hosts: Hosts) -> Iterator[Target]:
    port = "" if hosts.port is None else f":{hosts.port}"
    if not hosts.name:
        for address in hosts.addresses():
            yield Target(address + port, address, hosts.port)
        return
    try:
        found = socket.getaddrinfo(hosts.name, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        raise TargetError(f"查不到 {hosts.name} 的地址 / {hosts.name} has no address") from None
    address = str(found[0][4][0])
    yield Target(hosts.text, address, hosts.port)
