"""A card is sealed when it is saved: it names the SHA-256 of all that it says, in the order in which it says it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

SEAL: Final = "sha256"


def sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a card says, with the seal of that in the place of any other."""
    said = {name: value for name, value in values.items() if name != SEAL}
    # The order counts, for that of columns goes by it; white space between the values does not.
    content = json.dumps(said, separators=(",", ":"), allow_nan=False)
    return said | {SEAL: hashlib.sha256(content.encode()).hexdigest()}


def is_as_sealed(values: Mapping[str, Any]) -> bool:
    """Return whether a card says what it said when it was sealed.

    Raises
    ------
    ValueError
        Where it is nested too deeply to be written again.
    """
    try:
        return sealed(values)[SEAL] == values[SEAL]
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
