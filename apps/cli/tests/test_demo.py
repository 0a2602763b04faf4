"""The demo goes the whole way, and leaves a user's files alone."""

import json

from optuna.distributions import IntDistribution

from kallos_cli.commands import demo_study


def test_the_demo_finds_what_was_planted_and_goes_on_when_run_again(main_within, monkeypatch, tmp_path):
    # At its full size it is run from the wheels, by scripts/test-wheels.
    settings = demo_study._settings(1)
    space = settings.search.space | {"hidden_dim": IntDistribution(12, 20), "n_rnn_layers": IntDistribution(1, 1)}
    monkeypatch.setattr(demo_study, "_settings", lambda _workers: settings.changed(space=space))
    monkeypatch.setattr(demo_study, "_STEPS", 450)
    folder = tmp_path / "try it"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    code, out, err = main_within("demo", "--folder", folder, "--trials", "3")
    assert code == 0, err
    assert "trained again for the picture, the best parameters gave exactly the same scores" in out
    assert "Clark-West p < 0.001" in out
    assert "kallos-run study report demo_gru --db-url" in err
    assert "kallos-run ingest" in err

    code, out, err = main_within("demo", "--folder", folder, "--trials", "3", "--json")
    assert code == 0, err
    assert "demo.db, which exists already" in err
    result = json.loads(out)
    assert result["n_run"] == 0
    assert result["same_scores_again"] is True
    attainable = 1 - (1 - result["planted_signal"]) ** 0.5
    assert 0.5 * attainable < result["verdict"]["skill"] < 1.2 * attainable
    names = {"demo_gru_best_params.json", "demo_gru_forecasts.png", "mine.txt", "demo.db"}
    assert names <= {path.name for path in folder.iterdir()}
    assert (folder / "mine.txt").read_text() == "mine"
    assert (folder / "demo_gru_forecasts.png").read_bytes().startswith(b"\x89PNG")
    written = json.loads((folder / "demo_gru_best_params.json").read_text())
    assert written["best_params"] == result["best_params"]
