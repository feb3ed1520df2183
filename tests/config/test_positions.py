from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.positions import Loc, key_lines, line_of

SHAPES = [
    "k{i} = @",
    '"k {i}" = @ # = [x]',
    "k{i}.a.\"b.c\".'d' = @\nk{i}.a.e = @",
    "[t{i}]\na = @\n\n[t{i}.'x y'.z]\na = @",
    "[[a]]\nn{i} = @",
    "[[a]]\n[[a.sub]]\nn{i} = @\n[a.sub.deep]\nn = @\n[[a.sub]]\nn{i} = @",
    "[ a{i} . b ]  # [[no]]\nc = @",
    "k{i} = [\n  @, # ] not yet\n\n  @,\n  [ @, {{ a = @, b = [@] }} ],\n]",
    'k{i} = """\n[no]\n"] = \\""" x = 1\n"""\nl{i} = @',
    "k{i} = '''\n# no\n'''''\nl{i} = @",
    "k{i} = {{ a = \"}}\", b.c = @, d = '#' }}",
    "k{i} = 1979-05-27 07:32:00 # day\nl{i} = @",
    "\n# nothing @\n   \t",
    'k{i} = [ "a\\"]", "b" ]\nl{i} = @',
]


def leaves(data: Any, loc: Loc = ()) -> Iterator[tuple[Loc, Any]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*loc, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from leaves(value, (*loc, number))
    else:
        yield loc, data


@given(st.lists(st.sampled_from(SHAPES), max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_every_value_stands_where_the_scanner_says(shapes: list[str], end: str) -> None:
    text = "\n".join(shape.format(i=i) for i, shape in enumerate(shapes))
    numbered = [line.replace("@", str(n)) for n, line in enumerate(text.split("\n"), start=1)]
    text = end.join(numbered)
    lines = key_lines(text)
    for loc, value in leaves(tomllib.loads(text)):
        assert loc in lines
        if isinstance(value, int):
            assert lines[loc] == value


def test_a_table_stands_at_its_own_head() -> None:
    lines = key_lines("[a.b]\nx = 1\n[a]\ny = 2\n[[c]]\n[[c]]\n")
    assert (lines["a",], lines["a", "b"], lines["c", 1]) == (3, 1, 6)


def test_what_is_missing_stands_at_the_table_around_it() -> None:
    lines = key_lines("\n[a]\nb = 1\n")
    assert line_of(lines, ("a", "zzz", "y")) == 2
    assert line_of(lines, ("q",)) == 1
