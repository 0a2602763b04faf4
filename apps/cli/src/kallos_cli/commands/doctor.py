EXAMPLES = "x"


def doctor() -> None:
    """x."""
