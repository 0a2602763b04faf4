"""Run a benchmark: ``./run python -m benchmarks NAME``."""

import argparse
import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("[a-z]*.py"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", type=Path, help="file for the results (default: NAME.json in the current folder)")
    parser.add_argument("--quick", action="store_true", help="a small version, to see that it works")
    parser.add_argument("--csv", type=Path, help="prices for budget and study, instead of a simulated market")
    parser.add_argument("--trials", type=int, help="trials of budget and study")
    parser.add_argument("--seeds", type=int, help="of study: how many studies to compare with and without pruning")
    chosen = parser.parse_args()
    # Servers and workers are those of the tests.
    sys.path.insert(0, str(HERE.parent / "tests"))
    more = {name: value for name in ("csv", "trials", "seeds") if (value := getattr(chosen, name)) is not None}
    if more and chosen.name not in ("budget", "study"):
        parser.error("--csv and --trials are of budget and study")
    if chosen.seeds is not None and chosen.name != "study":
        parser.error("--seeds is of study")
    run = importlib.import_module(f"benchmarks.{chosen.name}").main
    run(chosen.json or Path(f"{chosen.name}.json"), chosen.quick, **more)


if __name__ == "__main__":
    main()
