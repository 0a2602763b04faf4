"""The demo goes the whole way, and leaves a user's files alone."""

import json


def test_the_demo_finds_what_was_planted_and_goes_on_when_run_again(kallos_run, tmp_path):
    folder = tmp_path / "try it"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    first = kallos_run("demo", "--folder", folder, "--trials", "1")
    assert first.returncode == 0, first.stderr
    assert "trained again for the picture, the best parameters gave exactly the same scores" in first.stdout
    assert "better" in first.stdout
    assert "kallos-run study show demo_gru --db-url" in first.stderr
    assert "kallos-run ingest" in first.stderr

    again = kallos_run("demo", "--folder", folder, "--trials", "1", "--json")
    assert again.returncode == 0, again.stderr
    assert "going on with it" in again.stderr
    result = json.loads(again.stdout)
    assert result["n_run"] == 0
    assert result["same_scores_again"] is True
    attainable = 1 - (1 - result["planted_signal"]) ** 0.5
    assert 0.5 * attainable < result["skill"] < 1.5 * attainable
    names = {"demo_gru_best_params.json", "demo_gru_forecasts.png", "mine.txt", "demo.db"}
    assert names <= {path.name for path in folder.iterdir()}
    assert (folder / "mine.txt").read_text() == "mine"
    assert (folder / "demo_gru_forecasts.png").read_bytes().startswith(b"\x89PNG")
    written = json.loads((folder / "demo_gru_best_params.json").read_text())
    assert written["best_params"] == result["best_params"]
