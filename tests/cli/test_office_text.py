from __future__ import annotations

import pytest

from cli.office_text import spans


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        ([2], "N-000002"),
        ([2, 3, 4], "N-000002–N-000004"),
        ([2, 4, 5, 1_000_000], "N-000002, N-000004–N-000005, N-1000000"),
    ],
)
def test_missing_numbers_are_told_as_spans(numbers: list[int], wanted: str) -> None:
    assert spans(numbers) == wanted
