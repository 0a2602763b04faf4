"""On how many examples laws are tried: on a few with every change, on ten times as many by ``pytest -m nightly``."""

from hypothesis import settings

NIGHTLY_TIMES = 10


def law(examples: int, **more: object) -> settings:
    """Return the settings of a law that is tried on ``examples`` with every change.

    A law without settings of its own is tried on as many as the profile says.
    """
    times = NIGHTLY_TIMES if settings.get_current_profile_name() == "nightly" else 1
    return settings(max_examples=examples * times, deadline=None, **more)
