"""Reports as files: no script and no request, nothing of the user's is markup, the same study gives the same file."""

import re
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import matplotlib as mpl
import optuna
import pytest

from kallos_tune import ConfigError, MissingLibraryError, MissingMatplotlibError, write_report
from kallos_tune.study_report.markdown import escaped

EVIL = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Tags with their attributes, ids, and the text of an HTML file."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def long_report(long_study, tmp_path_factory):
    """Return the file of a report with every figure, written once; what matplotlib is set to is as it was."""
    study, data = long_study
    before = dict(mpl.rcParams)
    path = write_report(study, tmp_path_factory.mktemp("report") / "report.html", data=data)
    assert dict(mpl.rcParams) == before
    return path


@pytest.fixture
def page_of(tmp_path):
    def write(study, data=None, **options):
        path = write_report(study, tmp_path / "report.html", data=data, **options)
        return Page(path.read_text(encoding="utf-8")), path

    return write


def test_one_file_without_a_script_or_a_request(long_report):
    path, text = long_report, long_report.read_text(encoding="utf-8")
    page = Page(text)
    assert path.stat().st_size < 1_000_000
    assert page.named("script") == []
    assert re.findall(r"https?://|@import|javascript:", text) == []
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,", "data:,"))
    (policy,) = (meta["content"] for meta in page.named("meta") if "http-equiv" in meta)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert list(path.parent.glob("*report*")) == [path]


def test_every_figure_is_there_with_words_and_no_id_is_there_twice(long_report):
    page = Page(long_report.read_text(encoding="utf-8"))
    figures = page.named("svg")
    assert len(figures) == 9
    assert all(figure["role"] == "img" and len(figure["aria-label"]) > 20 for figure in figures)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    referred = {
        found
        for _, attributes in page.tags
        for value in attributes.values()
        for found in re.findall(r"^#(.+)$|url\(#([^)]+)\)", value or "")
    }
    assert {one or other for one, other in referred} <= set(ids)
    anchors = [attributes["href"] for attributes in page.named("a")]
    assert len(anchors) == 13


def test_text_stays_text_and_has_the_colour_of_the_page(long_report):
    text = long_report.read_text(encoding="utf-8")
    assert len(Page(text).named("text")) > 50
    assert "currentColor" in text
    assert "#1b1c1f" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def test_the_same_study_gives_the_same_file(long_study, long_report, tmp_path):
    study, data = long_study
    assert write_report(study, tmp_path / "r.html", data=data).read_bytes() == long_report.read_bytes()


def test_nothing_of_the_users_is_markup(stored_study, page_of, database, history, write_history):
    study, _ = stored_study("CCF", name=EVIL)
    definition = study.user_attrs["kallos_definition"]
    groups = {"volume_features": ["a\"b'c<b>&amp;", EVIL]}
    study.set_user_attr("kallos_definition", definition | {"feature_groups": groups, "asset_id": f'"{EVIL}'})
    page, path = page_of(study, commands=[f"kallos-run study rerun '{EVIL}'"])
    assert page.named("script") == page.named("b") == []
    text = "".join(page.text)
    assert f"Study {EVIL}" in text
    assert "a\"b'c<b>&amp;" in text
    assert path.read_text(encoding="utf-8").count("<title>") == 1


def test_names_in_figures_are_neither_markup_nor_formulas(stored_study, page_of):
    odd = '$x_1$ <b>"&'
    study, data = stored_study("CC")
    renamed = optuna.create_study(study_name="r")
    for key, value in study.user_attrs.items():
        renamed.set_user_attr(key, value)
    for trial in study.trials:
        params = {odd if name == "dropout" else name: value for name, value in trial.params.items()}
        distributions = {odd if name == "dropout" else name: each for name, each in trial.distributions.items()}
        trial.params, trial.distributions = params, distributions
        renamed.add_trial(trial)
    page, _ = page_of(renamed, data)
    assert page.named("b") == []
    assert odd in "".join(page.text)


@pytest.mark.parametrize(("states", "with_prices"), [("", True), ("F", False), ("P", True), ("C", False)])
def test_short_studies_have_a_report(stored_study, page_of, states, with_prices):
    study, data = stored_study(states)
    page, _ = page_of(study, data if with_prices else None)
    assert "Verdict" in page.text


def test_markdown_has_its_pictures_beside_it(long_study, tmp_path):
    study, data = long_study
    path = write_report(study, tmp_path / "my report.md", format="md", data=data)
    text = path.read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\n]+\]\(([^)]+\.png)\)", text)
    assert len(pictures) == 9
    for picture in pictures:
        assert (tmp_path / unquote(picture)).read_bytes().startswith(b"\x89PNG")
    assert sorted(each.name for each in tmp_path.glob("my*")) == ["my report.md", "my report_files"]
    lines = text.splitlines()
    assert lines[0] == "# Study s"
    for first, second in pairwise(lines):
        if re.fullmatch(r"(\| -+:? )+\|", second):
            assert first.count("|") == second.count("|")


def test_markdown_shows_what_stands_in_a_name_as_it_is():
    assert escaped(f"a|b\n# {EVIL} *x* [y](z) `c` _d_ e_f $g$ &lt;") == (
        r"a\|b # &lt;script>alert(1)&lt;/script> \*x\* \[y\](z) \`c\` \_d\_ e_f \$g\$ &amp;lt;"
    )
    assert escaped("p < 0.001 & R&D <= 1") == "p < 0.001 & R&amp;D <= 1"


@pytest.mark.parametrize(
    ("text", "shown"), [("# a", r"\# a"), ("- a", r"\- a"), ("> a", r"\> a"), ("1. a", r"1\. a"), ("12) a", r"12\) a")]
)
def test_no_line_of_markdown_begins_a_heading_or_a_list(text, shown):
    assert escaped(text) == shown


def test_a_study_that_kallos_did_not_make_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ConfigError, match=r"study 'o' was not made by Kallos: open it with Optuna's own tools"):
        write_report(optuna.create_study(study_name="o"), tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_a_clear_error(stored_study, tmp_path):
    study, _ = stored_study("")
    with pytest.raises(ConfigError, match=r"cannot write .*No such file or directory; name another file or folder"):
        write_report(study, tmp_path / "nowhere" / "report.html")
    with pytest.raises(ConfigError, match=r"cannot write .*No such file or directory; name another file or folder"):
        write_report(study, tmp_path / "nowhere" / "report.md", format="md")
    with pytest.raises(ConfigError, match=r"^format must be html or md, not 'pdf'$"):
        write_report(study, tmp_path / "report.pdf", format="pdf")
    with pytest.raises(ConfigError, match=r"^interactive is for HTML: Markdown holds pictures$"):
        write_report(study, tmp_path / "report.md", format="md", interactive=True)


def test_a_report_that_is_there_is_replaced(stored_study, tmp_path):
    study, _ = stored_study("")
    path = tmp_path / "report.html"
    path.write_text("old")
    assert write_report(study, str(path)) == path
    assert "Study s" in path.read_text(encoding="utf-8")


def test_interactive_charts_hold_their_script(long_study, page_of):
    page, path = page_of(long_study[0], interactive=True)
    scripts = page.named("script")
    assert len(scripts) == 5
    assert all("src" not in script for script in scripts)
    ids = {attributes.get("id") for attributes in page.named("div")}
    assert {"chart-history", "chart-importances", "chart-slices", "chart-parallel"} <= ids
    assert len(page.named("svg")) == 2  # of those without prices
    assert 3_000_000 < path.stat().st_size < 8_000_000


@pytest.mark.parametrize(
    ("module", "options", "error", "message"),
    [
        ("plotly", {"interactive": True}, MissingLibraryError, "interactive needs plotly, which is not installed"),
        ("jinja2", {}, MissingLibraryError, "reports need jinja2, which is not installed"),
        ("matplotlib", {}, MissingMatplotlibError, "pictures need matplotlib, which is not installed"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    stored_study, tmp_path, monkeypatch, module, options, error, message
):
    study, _ = stored_study("CC")
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(error) as caught:
        write_report(study, tmp_path / "report.html", **options)
    extra = "interactive" if options else "pictures"
    assert str(caught.value) == f"{message}: pip install 'kallos-tune[{extra}]'"
    assert list(tmp_path.glob("report*")) == []


def test_the_template_is_part_of_the_package():
    from kallos_tune import study_report

    folder = Path(study_report.__file__).parent
    assert {"report.html.jinja", "report.css"} <= {each.name for each in folder.iterdir()}
