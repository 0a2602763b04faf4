"""Which values a setting accepts, how they are read, and how a refusal is worded."""

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Final

_WORDS: Final = {int: "a whole number", float: "a number", bool: "True or False", str: "text"}
_LONGEST_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class AcceptedValues:
    """Types, choices and bounds of a setting; see :class:`kallos_models.SettingFacts`."""

    types: tuple[type, ...]
    optional: bool = False
    choices: tuple[Any, ...] = ()
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def read(self, value: object) -> Any:  # noqa: ANN401 - of one of the types
        """Return a value as its type has it, for instance a plain int for one of NumPy's.

        Raises
        ------
        ValueError
            Where it is not accepted; the text begins with "must".
        """
        if value is None and self.optional:
            return None
        if self.choices:
            return self._choice(value)
        for kind in self.types:
            if (found := _as_type(kind, value)) is not None:
                if kind in (int, float) and not self._within_bounds(found):
                    break
                return found
        raise ValueError(f"must {self._wanted(value)}, not {shown(value)}")

    def in_words(self) -> str:
        """Return which values are accepted, without the None that some may be."""
        if self.choices:
            return f"one of {', '.join(str(choice) for choice in self.choices)}"
        # Of what is no number, both the type and the bounds are wanted.
        return self._wanted(None).removeprefix("be ")

    def type_words(self) -> str:
        """Return the types as a docstring names them."""
        if self.choices:
            names = ["{" + ", ".join(repr(choice) for choice in self.choices) + "}"]
        else:
            names = [kind.__name__ for kind in self.types]
        return " or ".join(names + ["None"] * self.optional)

    def _choice(self, value: object) -> Any:  # noqa: ANN401
        for choice in self.choices:
            # True is not the choice 1, nor is an array compared element by element.
            if isinstance(value, type(choice)) and not isinstance(value, bool) and value == choice:
                return choice
        raise ValueError(f"must be one of {', '.join(str(choice) for choice in self.choices)}, not {shown(value)}")

    def _within_bounds(self, number: float) -> bool:
        return (
            (self.least is None or number >= self.least)
            and (self.most is None or number <= self.most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )

    def _wanted(self, value: object) -> str:
        bounds = self._bounds_in_words()
        if self.types == (float,) and bounds and _as_type(float, value) is not None:
            return f"{'lie' if bounds.startswith('above') and self.below is not None else 'be'} {bounds}"
        words = [_WORDS.get(kind, kind.__name__) for kind in self.types]
        if bounds:
            words = [_with_bounds(each, bounds) if each in (_WORDS[int], _WORDS[float]) else each for each in words]
        if self.types == (float,) and not isinstance(value, bool) and isinstance(value, Real):
            words = [words[0].replace("a number", "a finite number")]
        return "be " + " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

    def _bounds_in_words(self) -> str:
        if self.least is not None and self.most is not None:
            return f"from {self.least} to {self.most}"
        ends = [
            ("{} or more", self.least),
            ("above {}", self.above),
            ("{} or less", self.most),
            ("below {}", self.below),
        ]
        return " and ".join(words.format(end) for words, end in ends if end is not None)


def _with_bounds(kind: str, bounds: str) -> str:
    return f"{kind} of {bounds}" if bounds[0] in "-0123456789" else f"{kind} {bounds}"


def _as_type(kind: Any, value: object) -> Any:  # noqa: ANN401
    """Return a value as a type has it, None where it is not of that type."""
    if kind is int:
        return int(value) if not isinstance(value, bool) and isinstance(value, Integral) else None
    if kind is float:
        return _finite(value) if not isinstance(value, bool) and isinstance(value, Real) else None
    return value if kind is Any or isinstance(value, kind) else None


def _finite(value: Real) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def shown(value: object) -> str:
    """Return a value as it would be typed, cut where it is long: 2.5 also of NumPy's np.float64(2.5)."""
    if isinstance(value, bool) or not isinstance(value, Real):
        text = repr(value)
    else:
        text = str(int(value)) if isinstance(value, Integral) else repr(float(value))
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
