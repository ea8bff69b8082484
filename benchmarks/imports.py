"""Where the seconds go in which a run's process imports what it needs.

python benchmarks/imports.py [--module lulcseg.run.train] [--rounds 3]

The module is imported in fresh processes: as it is, and once under `python -X importtime`, whose own cost is left in
the shares by package. Beside it what it can't do without: PyTorch, and Lightning with all that Lightning imports.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter

from rich.console import Console
from rich.table import Table

NEEDED = ("torch", "pytorch_lightning")
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| +(\S+)")
_TIMED = "import time; import {}; print(time.process_time())"


def main() -> None:
    """Import the modules in turn, and print seconds of processor time, and shares by package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", default="lulcseg.run.train")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in (*NEEDED, asked.module)}
    for _ in range(asked.rounds):
        for name, taken in seconds.items():
            done = subprocess.run([sys.executable, "-c", _TIMED.format(name)], capture_output=True, check=True)
            taken.append(float(done.stdout))
    table = Table(title="Processor seconds from a process's begin to the import's end, the least")
    table.add_column("import")
    table.add_column("s", justify="right")
    for name, taken in seconds.items():
        table.add_row(name, f"{min(taken):.1f}")
    Console().print(table)
    shares = own_times(asked.module)
    table = Table(title=f"Of {asked.module}, by package")
    table.add_column("package")
    table.add_column("share", justify="right")
    for name, micro in shares.most_common(10):
        table.add_row(name, f"{micro / shares.total():.0%}")
    Console().print(table)


def own_times(module: str) -> Counter[str]:
    """Return the microseconds of each top-level package's own modules, those imported by them apart."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {module}"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    found: Counter[str] = Counter()
    for line in lines:
        if said := _LINE.match(line):
            found[said[2].partition(".")[0]] += int(said[1])
    return found


if __name__ == "__main__":
    main()
