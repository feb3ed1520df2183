"""Paths up the dependency graph, as the register alone knows it (pure).

A device is reached through any one of its parents; one without parents is a root, reached
directly. Rings are allowed: the two ways round them are the two paths. What no path leads from to
a root hangs on nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


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
