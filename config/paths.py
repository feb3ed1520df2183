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


def dominators(parents: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    """What each device hangs on: the nearest one that stands on all of its paths up to a root.

    None: nothing does. All that hangs on a device, near and far, is its tree. Order: what stands
    above comes first. What no path leads from to a root is in no tree and not among the keys.
    Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm, 2001.
    """
    order = _downward(parents)
    place = {device: number for number, device in enumerate(order)}
    found: dict[str, str | None] = {}
    changed = True
    while changed:
        changed = False
        for device in order:
            above = [p for p in parents.get(device, ()) if p in found]
            nearest = above[0] if above else None
            for other in above[1:]:
                nearest = _meet(found, place, nearest, other)
            if device not in found or found[device] != nearest:
                found[device], changed = nearest, True
    return found


def _downward(parents: Mapping[str, Sequence[str]]) -> list[str]:
    """Every device that hangs on a root, in reverse postorder from the roots."""
    children: dict[str, list[str]] = {}
    roots = [device for device, above in parents.items() if not above]
    for device, above in parents.items():
        for parent in above:
            children.setdefault(parent, []).append(device)
            if parent not in parents:
                roots.append(parent)
    done: list[str] = []
    met: set[str] = set()
    ahead = [(root, False) for root in dict.fromkeys(roots)]
    while ahead:
        device, left = ahead.pop()
        if left:
            done.append(device)
        elif device not in met:
            met.add(device)
            ahead.append((device, True))
            ahead.extend((child, False) for child in children.get(device, ()))
    return done[::-1]


def _meet(
    found: Mapping[str, str | None], place: Mapping[str, int], one: str | None, other: str | None
) -> str | None:
    """The nearest that both hang on, or are."""
    while one != other:
        if one is None or other is None:
            return None
        if place[one] > place[other]:
            one = found[one]
        else:
            other = found[other]
    return one
