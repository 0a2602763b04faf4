"""The example in the README runs to its last line."""

import re
from pathlib import Path


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert re.search(
        r"^search score \(error, lower is better\): \d+\.?\d*, the best mean of 2 folds among 2 trials",
        said,
        re.MULTILINE,
    )
    assert re.search(r"^verdict: ", said, re.MULTILINE)
