"""Which parameters come next: the same for the same draw."""

import optuna
import pytest

from kallos_tune import SEARCH_SPACE
from kallos_tune.evaluation.sampling import sampler_of_draw
from kallos_tune.search_space import suggest


def drawn(draw, **settings):
    study = optuna.create_study(sampler=sampler_of_draw(draw, settings["seed"], settings["sampler"]))
    return suggest(study.ask(), SEARCH_SPACE)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_draw_repeats_for_its_seed_and_differs_from_others(sampler):
    params = [drawn(draw, sampler=sampler, seed=seed) for draw in (1, 2) for seed in (0, 1)]
    assert params[0] == drawn(1, sampler=sampler, seed=0)
    assert len({str(each) for each in params}) == 4
