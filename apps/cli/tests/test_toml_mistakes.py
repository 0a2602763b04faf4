"""Files that are no TOML: the line, and what is wrong there in words that no grammar is needed for."""

import re
import tomllib

import pytest

from kallos_cli.toml_lines import syntax_error

MISTAKES = {
    "text without quotes": (
        "[study]\nasset_id = BTC\n",
        "kallos.toml, line 2: no valid TOML: there is no value that TOML knows: texts need quotes",
    ),
    "no closing quote": (
        '[study]\nasset_id = "BTC\nn_trials = 3\n',
        "kallos.toml, line 2: no valid TOML: a text has no closing quote\n",
    ),
    "no closing single quote": (
        "[study]\nasset_id = 'BTC\nn_trials = 3\n",
        "kallos.toml, line 2: no valid TOML: what begins here has no end: a quote or a bracket is missing\n",
    ),
    "no closing quotes": (
        '[database]\n\nurl = """postgresql://me:s3cret@host/db\n',
        "kallos.toml, line 3: no valid TOML: what begins here has no end: a quote or a bracket is missing\n",
    ),
    "no closing bracket": (
        "# mine\n[study\nn_trials = 3\n",
        "kallos.toml, line 2: no valid TOML: the name of a section has no closing bracket\n",
    ),
    "no end of a list": (
        '[features]\nvolume_features = [\n  "volume",\n',
        "kallos.toml, line 2: no valid TOML: what begins here has no end",
    ),
    "no equals sign": (
        "[study]\nn_trials: 3\n",
        "kallos.toml, line 2: no valid TOML: a key must be followed by = and its value\n",
    ),
    "decimal comma": ("[folds]\nval_share = 0,2\n", "kallos.toml, line 2: no valid TOML: something is left over on"),
    "backslash": (
        '[tables]\nmarket = "a\\prices"\n',
        "kallos.toml, line 2: no valid TOML: a backslash in double quotes",
    ),
    "twice": ("[study]\nn_trials = 3\nn_trials = 4\n", "kallos.toml, line 3: no valid TOML: a key is there twice\n"),
    "section twice": ("[study]\n[run]\n[study]\n", "kallos.toml, line 3: no valid TOML: a section is there twice\n"),
    "blank name": ("[]\n", "kallos.toml, line 1: no valid TOML: a name must be of letters, digits, - and _, or"),
    "no beginning": ("= 3\n", "kallos.toml, line 1: no valid TOML: neither a key nor a section begins here\n"),
}


@pytest.mark.parametrize(("text", "said"), MISTAKES.values(), ids=MISTAKES)
def test_what_is_no_toml_is_named_with_its_line(main_within, tmp_path, text, said):
    (tmp_path / "kallos.toml").write_text(text)
    code, out, err = main_within("study", "list")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {said}")
    assert "s3cret" not in err


@pytest.mark.parametrize(("text", "said"), MISTAKES.values(), ids=MISTAKES)
def test_the_words_are_ours_and_their_quotes_are_closed(text, said):
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    line, words = syntax_error(caught.value, text)
    assert f"kallos.toml, line {line}: no valid TOML: {words}\n".startswith(said)
    assert words not in str(caught.value)
    assert not re.search(r"[\"'`]", words)


def test_a_file_of_features_is_told_in_the_same_words(main_within, tmp_path):
    (tmp_path / "groups.toml").write_text('# mine\nvolume_features = ["volume\n')
    tune = ("tune", "--asset-id", "BTC", "--end-date", "2019-12-31", "--study-name", "s")
    code, out, err = main_within(*tune, "--features", "groups.toml")
    assert (code, out) == (2, "")
    assert err == (
        "error: groups.toml, line 2: no valid TOML: a text has no closing quote\n"
        'write lines like volume_features = ["volume"]\n'
    )


def test_a_mark_that_editors_put_at_the_beginning_is_none_of_the_text(main_within, tmp_path):
    (tmp_path / "kallos.toml").write_text("[study]\nn_trials = 3\n", encoding="utf-8-sig")
    code, out, err = main_within("config", "show")
    assert (code, err) == (0, "")
    assert re.search(r"study.n_trials +3 +kallos.toml, line 2", out)
