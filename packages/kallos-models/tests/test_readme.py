import re
from pathlib import Path

import pytest

import kallos_models

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_runs_and_learns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)

    assert names["fit"].best_val_loss < 0.5
    assert names["forecast"].item() == pytest.approx(names["covariate"][149], abs=1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["forecaster"]


def test_every_architecture_and_function_is_named():
    named = set(re.findall(r"\w+", README))
    assert set(kallos_models.available_models()) <= named
    errors = {name for name in kallos_models.__all__ if name.endswith("Error")}
    assert set(kallos_models.__all__) - errors - {"SavedForecaster"} <= named
