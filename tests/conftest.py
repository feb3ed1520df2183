"""Properties on a busy machine: a slow example is no fault, what it shows is.

``.ci/run`` judges a commit, so there the examples are the same each time; elsewhere new ones are
drawn in every run.

What a command does to its process must not outlive the test that ran it in this one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="WANGLOU_SAME_EXAMPLES" in os.environ,
)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command sets up its log on the stderr that it is given, which is closed after it.

    Whatever is logged later in this process would raise, and a link whose arrival raises ends.
    """
    yield
    structlog.reset_defaults()
