"""What is concluded from the numbers of a verdict, case by case."""

import pytest

from kallos_tune.verdict.evidence import LAST_VALUE, ZERO
from kallos_tune.verdict.judge import conclude

BEATING = {
    "skill": 0.02,
    "skill_against": {ZERO: 0.02, LAST_VALUE: 0.3},
    "clark_west_p": 0.01,
    "clark_west_p_against": {ZERO: 0.01, LAST_VALUE: 0.001},
    "interval_high": 0.03,
}


@pytest.mark.parametrize(
    ("change", "conclusion"),
    [
        ({}, "beats"),
        ({"clark_west_p": 0.025}, "no evidence"),
        ({"clark_west_p": None}, "no evidence"),
        ({"clark_west_p_against": {ZERO: 0.03, LAST_VALUE: 0.001}}, "no evidence"),
        ({"skill": 0.0}, "no evidence"),  # the naive forecasts of several folds together may be better than each alone
        ({"skill_against": {ZERO: 0.0, LAST_VALUE: 0.3}}, "no evidence"),
        ({"skill_against": {ZERO: None, LAST_VALUE: 0.3}}, "no evidence"),
        ({"skill": None}, "no evidence"),
        ({"skill": -0.02, "interval_high": -0.001}, "worse"),
        ({"skill": -0.02, "interval_high": 0.0}, "no evidence"),
        ({"skill": -0.02, "interval_high": None}, "no evidence"),
    ],
)
def test_what_is_concluded(change, conclusion):
    assert conclude(BEATING | change) == conclusion
