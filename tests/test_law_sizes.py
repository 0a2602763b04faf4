"""Laws are tried on a few examples with every change, and the nightly run tries them all on more."""

import re
import subprocess
import sys

from hypothesis import settings
from law_sizes import NIGHTLY_TIMES, law


def test_a_law_has_so_many_examples_and_at_night_ten_times_as_many():
    profile = settings.get_current_profile_name()
    try:
        sizes = {}
        for name in ("each change", "nightly"):
            settings.load_profile(name)
            sizes[name] = (law(7).max_examples, settings.default.max_examples)
    finally:
        settings.load_profile(profile)
    assert sizes["each change"][0] == 7
    assert sizes["nightly"] == tuple(NIGHTLY_TIMES * size for size in sizes["each change"])


def test_the_nightly_run_takes_every_law_and_no_other_quick_test(pytestconfig):
    path = "packages/kallos-data/tests/test_splits.py"
    command = [sys.executable, "-m", "pytest", "-n", "0", "--collect-only", "-q", "-m", "nightly", path]
    listed = subprocess.run(command, cwd=pytestconfig.rootpath, capture_output=True, text=True, check=True).stdout
    laws = re.findall(r"@given\([^@]*?\ndef (\w+)\(", (pytestconfig.rootpath / path).read_text(encoding="utf-8"))
    assert laws
    assert {line.rpartition("::")[2] for line in listed.splitlines() if "::" in line} == set(laws)
