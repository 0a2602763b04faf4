"""The examples in the README run to their last line."""

import re
from pathlib import Path


def test_the_examples_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    names = {}
    for example in re.findall(r"```python\n(.*?)```", readme, re.DOTALL):
        exec(compile(example, "README.md", "exec"), names)
    said = capsys.readouterr().out
    assert re.search(
        r"^search score \(error, lower is better\): \d+\.?\d*, the (best )?mean of 2 folds "
        r"(among 2 complete trials|of the only complete trial of 2), "
        r"\d+\.\d+ % (better|worse) than naive \(",
        said,
        re.MULTILINE,
    )
    assert re.search(r"^verdict: ", said, re.MULTILINE)
    assert re.search(
        r"^hold-out \(35 steps from 2020-01-01 to 2020-02-04\): the average of 2 gru networks", said, re.MULTILINE
    )
    assert re.search(r"^hold-out \(15 steps from 2020-01-06 to 2020-01-20\): the forecast is", said, re.MULTILINE)
    assert "StepForecast(time=datetime.datetime(2020, 2, 5" in said
