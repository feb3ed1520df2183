"""What a device hangs on, against cutting each device off in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.paths import cut_off, dominators, rooted

NAMES = [f"d{n}" for n in range(9)]

graphs = st.fixed_dictionaries(
    {name: st.lists(st.sampled_from(NAMES), max_size=3, unique=True) for name in NAMES}
)


def trees(above: Mapping[str, str | None]) -> dict[str, set[str]]:
    """All that hangs on each device, near and far."""
    found: dict[str, set[str]] = {name: set() for name in above}
    for device, nearest in above.items():
        upper = nearest
        while upper is not None:
            found[upper].add(device)
            upper = above[upper]
    return found


@settings(max_examples=200)
@given(graphs)
def test_what_hangs_on_a_device_is_what_is_cut_off_when_it_fails(
    drawn: dict[str, list[str]],
) -> None:
    whole = {name: [p for p in own if p != name] for name, own in drawn.items()}
    hangs = rooted(whole)
    parents = {name: [p for p in own if p in hangs] for name, own in whole.items() if name in hangs}
    children: dict[str, list[str]] = {}
    for name, own in parents.items():
        for parent in own:
            children.setdefault(parent, []).append(name)
    above = dominators(parents)
    assert above.keys() == hangs
    for name, tree in trees(above).items():
        assert tree == cut_off(parents, children, {name}, lambda _: False), name


@pytest.mark.parametrize(
    ("parents", "above"),
    [
        ({"a": (), "b": ("a",), "c": ("b",)}, {"a": None, "b": "a", "c": "b"}),
        # A ring with two ways round: both ends of it hang on the hub alone, none on the other.
        ({"h": (), "a": ("h", "b"), "b": ("h", "a"), "c": ("a",)},
         {"h": None, "a": "h", "b": "h", "c": "a"}),
        # A diamond: what is dual-homed hangs on where its ways meet.
        ({"h": (), "a": ("h",), "b": ("h",), "c": ("a", "b"), "d": ("c",)},
         {"h": None, "a": "h", "b": "h", "c": "h", "d": "c"}),
        # Two roots: nothing stands on both ways.
        ({"x": (), "y": (), "a": ("x", "y")}, {"x": None, "y": None, "a": None}),
        # A parent that is in no register is a root; what leads to none hangs on nothing.
        ({"a": ("z",), "p": ("q",), "q": ("p",)}, {"z": None, "a": "z"}),
    ],
)  # fmt: skip
def test_by_hand(parents: Mapping[str, Sequence[str]], above: Mapping[str, str | None]) -> None:
    assert dominators(parents) == above
