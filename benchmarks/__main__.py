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
    chosen = parser.parse_args()
    # Servers and workers are those of the tests.
    sys.path.insert(0, str(HERE.parent / "tests"))
    importlib.import_module(f"benchmarks.{chosen.name}").main(chosen.json or Path(f"{chosen.name}.json"), chosen.quick)


if __name__ == "__main__":
    main()
