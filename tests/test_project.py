"""The project as a whole keeps its own rules: a lock for every mirror, versions that agree, words that are true."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MEMBERS = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml"))


def metadata(member: Path) -> dict:
    return tomllib.loads((member / "pyproject.toml").read_text())


def test_the_lock_names_no_address():
    lock = (ROOT / "uv.lock").read_text()
    assert "://" not in lock
    registries = set(re.findall(r'registry = "([^"]*)"', lock))
    assert registries == {"package-index"}


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_versions_changelogs_and_sibling_ranges_agree(member):
    project = metadata(member)["project"]
    newest = re.search(r"^## (\S+)", (member / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest.group(1) == project["version"]
    versions = {metadata(each)["project"]["name"]: metadata(each)["project"]["version"] for each in MEMBERS}
    for requirement in project["dependencies"]:
        name = re.match(r"[a-z-]+", requirement).group()
        if name in versions:
            assert f">={versions[name]}" in requirement, f"{requirement} does not admit {versions[name]} first"


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_each_wheel_says_what_it_is_and_may_be_used_for(member):
    project = metadata(member)["project"]
    assert (project["license"], project["license-files"]) == ("MIT", ["LICENSE"])
    assert (member / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (member / project["readme"]).read_text().startswith(f"# {project['name']}\n")
    assert project["description"].endswith(".")
    pythons = {name.rpartition(" ")[2] for name in project["classifiers"] if re.search(r":: 3\.\d+$", name)}
    assert pythons == {"3.11", "3.12", "3.13"}
    assert "Typing :: Typed" in project["classifiers"]


def test_the_type_checker_is_given_every_member():
    """A pattern that matches nothing is no error to it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["basedpyright"]
    assert sorted(settings["include"]) == sorted(f"{member.relative_to(ROOT)}/src" for member in MEMBERS)


def test_members_and_workflow_name_the_same_members():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    listed = re.search(r"member: \[(.*)\]", workflow).group(1).split(", ")
    names = {metadata(member)["project"]["name"] for member in MEMBERS}
    assert set(listed) == names
    assert "3.11" in workflow
    assert {metadata(member)["project"]["requires-python"] for member in MEMBERS} == {">=3.11,<3.14"}


def test_run_without_a_command_says_how():
    done = subprocess.run([ROOT / "run"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "./run kallos-run demo" in done.stderr
