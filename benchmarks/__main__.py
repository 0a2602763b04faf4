"""Run a benchmark: ``./run python -m benchmarks NAME``."""

import argparse
import importlib
import inspect
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("[a-z]*.py"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", type=Path, help="file for the results (default: NAME.json in the current folder)")
    parser.add_argument("--quick", action="store_true", help="a small version, to see that it works")
    some = parser.add_argument_group("of budget and study")
    some.add_argument("--csv", type=Path, help="prices, instead of a simulated market")
    some.add_argument("--steps", type=int, help="how many of the last steps of the CSV, or how many to simulate")
    some.add_argument("--trials", type=int, help="trials of a study (default: 100)")
    study = parser.add_argument_group("of study")
    study.add_argument(
        "--seeds", type=int, help="how many studies to compare with and without pruning (1), or markets of a kind (3)"
    )
    study.add_argument("--whole", action="store_true", help="the whole search space, not small models alone: an hour")
    many = parser.add_argument_group("of honesty and lifecycle")
    many.add_argument("--markets", help="how many of which families: walk:20,garch:20,indicators:20,signal-0.10:20")
    many.add_argument("--output", type=Path, help="file of finished markets, which a later start does not repeat")
    honesty = parser.add_argument_group("of honesty")
    honesty.add_argument("--rejudge", action="store_true", help="judge the markets of the file anew, run no study")
    chosen = vars(parser.parse_args())
    # Servers and workers are those of the tests.
    sys.path.insert(0, str(HERE.parent / "tests"))
    name, file = chosen.pop("name"), chosen.pop("json")
    run = importlib.import_module(f"benchmarks.{name}").main
    given = {option: value for option, value in chosen.items() if value or option == "quick"}
    if unknown := given.keys() - inspect.signature(run).parameters:
        parser.error(f"{name} has no option --{min(unknown)}")
    run(file or Path(f"{name}.json"), **given)


if __name__ == "__main__":
    main()
