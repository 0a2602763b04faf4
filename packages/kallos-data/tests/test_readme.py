"""The example in the README runs and shows folds that do not look ahead."""

import contextlib
import io
import re
from datetime import date
from pathlib import Path


def test_the_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "README.md", "exec"), {})
    folds = [re.findall(r"\d{4}-\d\d-\d\d", line) for line in printed.getvalue().splitlines()]
    assert len(folds) == 3
    for train_last, val_first, val_last in folds:
        assert date.fromisoformat(train_last) < date.fromisoformat(val_first) < date.fromisoformat(val_last)
