EXAMPLES = "x"


def doctor() -> None:
    """X."""
