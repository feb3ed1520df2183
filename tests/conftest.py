"""Properties on a busy machine: a slow example is no fault, what it shows is.

``.ci/run`` judges a commit, so there the examples are the same each time; elsewhere new ones are
drawn in every run.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="WANGLOU_SAME_EXAMPLES" in os.environ,
)
settings.load_profile("patient")
