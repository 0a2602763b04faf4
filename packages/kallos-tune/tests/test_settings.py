"""Impossible settings are refused when they are made, with the value and what is allowed."""

import dataclasses

import pytest

from kallos_tune import ConfigError, TuningSettings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"forecast": "rollin"}, "forecast is one of rolling, recursive, not 'rollin'"),
        ({"metric": "mape"}, "metric is one of rmse, mae, not 'mape'"),
        ({"resume": "yes"}, "resume is one of same, force, never, not 'yes'"),
        ({"target_folds": 1}, "target_folds must be 2 or more, not 1"),
        ({"max_epochs": 0}, "max_epochs must be 1 or more, not 0"),
        ({"purge": -1}, "purge must be 0 or more, not -1"),
        ({"val_share": 1.5}, r"val_share must lie between 0 and 1, not 1\.5"),
        ({"purge": 2, "forecast": "recursive"}, "purge needs forecast='rolling'"),
        ({"engine": "spark"}, "engine is one of processes, ray, not 'spark'"),
        ({"gpus_per_worker": 1}, "gpus_per_worker needs engine='ray'"),
        ({"engine": "ray", "cpus_per_worker": -1.0}, r"cpus_per_worker must be 0 or more, not -1\.0"),
        ({"engine": "ray", "cpus_per_worker": float("nan")}, "cpus_per_worker must be 0 or more, not nan"),
        ({"engine": "ray", "cpus_per_worker": 0.0}, "cpus_per_worker and gpus_per_worker are both 0"),
        ({"engine": "ray", "gpus_per_worker": 1.5}, r"gpus_per_worker must be a whole number above 1, not 1\.5"),
        ({"engine": "ray", "device": "cuda"}, "device='cuda' needs gpus_per_worker above 0"),
        ({"engine": "ray", "gpus_per_worker": 0.5}, r"gpus_per_worker=0\.5 needs device='cuda'"),
        ({"space": {}}, "needs an integer parameter 'input_chunk_length'"),
    ],
)
def test_impossible_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        TuningSettings(**settings)


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TuningSettings().seed = 3
