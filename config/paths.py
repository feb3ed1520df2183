"""Paths up the dependency graph, as the register alone knows it (pure).

A device is reached through any one of its parents; one without parents is a root, reached
directly. Rings are allowed: the two ways round them are the two paths. What no path leads from to
a root hangs on nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence


def rooted(parents: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The devices from which some path leads up to a root; a parent not in the map is one."""
    children: dict[str, list[str]] = {}
    found: set[str] = set()
    for device, above in parents.items():
        for parent in above:
            children.setdefault(parent, []).append(device)
        if not above or any(parent not in parents for parent in above):
            found.add(device)
    ahead = list(found)
    while ahead:
        for child in children.get(ahead.pop(), ()):
            if child not in found:
                found.add(child)
                ahead.append(child)
    return frozenset(found)


def cut_off(
    parents: Mapping[str, Sequence[str]],
    children: Mapping[str, Sequence[str]],
    failed: Collection[str],
    gone: Callable[[str], bool],
) -> set[str]:
    """What loses its last path to a root when ``failed`` fail; those themselves are not in it.

    ``gone``: what interrupts paths already.
    """
    below: set[str] = set()
    ahead = list(failed)
    while ahead:
        for child in children.get(ahead.pop(), ()):
            if child not in below and child not in failed:
                below.add(child)
                ahead.append(child)
    standing = [
        device
        for device in below
        if any(p not in below and p not in failed and not gone(p) for p in parents[device])
    ]
    left = below.difference(standing)
    while standing:
        device = standing.pop()
        if gone(device):
            continue
        for child in children.get(device, ()):
            if child in left:
                left.discard(child)
                standing.append(child)
    return left
