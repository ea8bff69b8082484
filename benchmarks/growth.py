"""What growing work costs: plans, labels, maps, polygons, assessments, rankings and pages, with slopes.

python benchmarks/growth.py [--arms plan burn rows columns polygons assess rank report] [--first 3]
    [--most-seconds 120] [--together] [--out growth]
python benchmarks/growth.py --area            # the paper's area on paper: hours, memory, disk
python benchmarks/growth.py --draw growth     # table and figure of an earlier run, again

Cost is processor time: of all threads, and of processes that were started, so that other work on the machine changes it
less than it changes wall time. What is prepared (an image, a class map, made-up runs) isn't counted. Works of less than
a second are done three times, and the least time counts. Each arm is a process of its own, from the smallest size to
the largest; memory is the most that the process holds above what it held after the smallest size had been done once.
A slope is that of a straight line through the logarithms of the three largest sizes, and of the last two: 1 is linear,
0 is flat.

--most-seconds bounds an arm: a size that would take more than is left of it, if it were linear, is left out and named.
--first takes only that many sizes of each arm. --together measures in this process, without memory. Arms that an
earlier run left in --out are kept, unless they are measured again.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from growth_area import show_area
from growth_arms import ARMS, Arm, Work
from mosaic import peak_memory

FITTED, LONG = 3, 1.0


def main() -> None:
    """Measure the arms, and print, save and draw what they cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--first", type=int, help="only so many sizes of each arm")
    parser.add_argument("--most-seconds", type=float, default=120.0, help="of processor time, for one arm")
    parser.add_argument("--together", action="store_true", help="all arms in this process, without memory")
    parser.add_argument("--out", type=Path, default=Path("growth"), help="folder for growth.json and growth.png")
    parser.add_argument("--area", action="store_true", help="print the paper's area on paper, and measure nothing")
    parser.add_argument("--draw", type=Path, metavar="FOLDER", help="show growth.json of a folder again")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # one arm, in a process of its own
    asked = parser.parse_args()
    if asked.one:
        for row in measured(asked.one, asked.first, asked.most_seconds, memory=True):
            print(json.dumps(row), flush=True)
    elif asked.area:
        show_area()
    elif asked.draw:
        show(rows := json.loads((asked.draw / "growth.json").read_text(encoding="utf-8"))["rows"])
        draw(rows, asked.draw / "growth.png")
    else:
        asked.out.mkdir(parents=True, exist_ok=True)
        kept = asked.out / "growth.json"
        rows = json.loads(kept.read_text(encoding="utf-8"))["rows"] if kept.exists() else []
        rows = [row for row in rows if row["arm"] not in asked.arms]
        for number, name in enumerate(asked.arms):
            for row in run(name, asked):
                rows.append(row)
                say(row, (len(asked.arms) - number) * asked.most_seconds - row["spent"])
        rows.sort(key=lambda row: (list(ARMS).index(row["arm"]), row["size"]))
        settings = {"most_seconds": asked.most_seconds, "cores": len(os.sched_getaffinity(0))}
        kept.write_text(json.dumps({"settings": settings, "rows": rows}, indent=1) + "\n", encoding="utf-8")
        show(rows)
        draw(rows, asked.out / "growth.png")


def run(name: str, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure an arm in a process of its own, and yield its sizes as they are done."""
    if asked.together:
        yield from measured(name, asked.first, asked.most_seconds, memory=False)
        return
    command = [sys.executable, __file__, "--one", name, "--most-seconds", str(asked.most_seconds)]
    command += [] if asked.first is None else ["--first", str(asked.first)]
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
            assert process.stdout is not None
            yield from (json.loads(line) for line in process.stdout if line.startswith("{"))
        if process.returncode:
            errors.seek(0)
            sys.exit(f"{name} failed:\n{errors.read()[-2000:]}")


def say(row: dict[str, Any], left: float) -> None:
    """Print a size as it is done."""
    arm = ARMS[row["arm"]]
    cost = "left out: too long" if row["seconds"] is None else f"{row['seconds']:.2f} s"
    print(f"{arm.title}, {row['size']:,} {arm.unit}: {cost}; at most {left / 60:.0f} min left", flush=True)


def measured(name: str, first: int | None, most_seconds: float, *, memory: bool) -> Iterator[dict[str, Any]]:
    """Measure an arm's sizes, from the smallest to the largest."""
    arm, started, base, expected = ARMS[name], processor(), 0, 0.0
    with tempfile.TemporaryDirectory(prefix="growth") as place:
        folder = Path(place)
        for number, size in enumerate(arm.sizes[:first]):
            row = {"arm": name, "size": size, "seconds": None, "memory": None, "bytes": None}
            if expected > most_seconds - (processor() - started):
                yield row | {"spent": processor() - started}
                continue
            work = arm.prepare(folder, size)
            if number == 0:
                once(work, folder)  # imports, and what is kept
            before = forget_peak() if memory else 0
            base = before if number == 0 else base
            runs = [once(work, folder)]
            while len(runs) < 3 and runs[-1][0] < LONG:
                runs.append(once(work, folder))
            row["seconds"], row["bytes"] = min(runs)
            row["memory"] = peak_memory() - base if memory else None
            row["all"] = [seconds for seconds, _ in runs]
            expected = row["seconds"] * following(arm, size)
            yield row | {"spent": processor() - started}


def following(arm: Arm, size: int) -> float:
    """Return by what the size after one is larger."""
    return arm.sizes[min(arm.sizes.index(size) + 1, len(arm.sizes) - 1)] / size


def once(work: Work, folder: Path) -> tuple[float, int]:
    """Do a work in an empty folder, and return its processor time and the bytes of its file."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        before = processor()
        path = work(Path(out))
        return processor() - before, path.stat().st_size


def processor() -> float:
    """Return the seconds of processor time of this process and of those that it started and that ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def forget_peak() -> int:
    """Return freed memory to the system, let the peak begin anew, and return what is held, in bytes (Linux)."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_memory()


def slope(rows: Iterable[dict[str, Any]], key: str, largest: int = FITTED) -> tuple[float, float]:
    """Return exponent and logarithm of the factor of the power law through the largest sizes."""
    import numpy as np

    found = [(r["size"], r[key]) for r in rows if r[key]][-largest:]
    if len(found) < 2:
        return float("nan"), float("nan")
    exponent, factor = np.polyfit(*np.log(found).T, 1)
    return float(exponent), float(factor)


def by_arm(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the sizes that were measured, by arm."""
    arms = dict.fromkeys(r["arm"] for r in rows)
    return {name: [r for r in rows if r["arm"] == name and r["seconds"] is not None] for name in arms}


def show(rows: list[dict[str, Any]]) -> None:
    """Print a table in Markdown."""
    import pandas as pd

    from lulcseg.trials.tables import as_markdown

    cells = []
    for name, own in by_arm(rows).items():
        arm, last = ARMS[name], own[-1]
        has_memory = last["memory"] is not None
        cells.append([
            arm.title, f"{own[0]['size']:,}–{last['size']:,} {arm.unit}", f"{slope(own, 'seconds')[0]:.2f}",
            f"{slope(own, 'seconds', 2)[0]:.2f}", f"{last['seconds']:.1f} s",
            f"{1e6 * last['seconds'] / last['size']:,.4g} µs",
            f"{last['memory'] / 1e6:,.0f} MB" if has_memory else "–",
            f"{slope(own, 'memory')[0]:.2f}" if has_memory else "–", f"{last['bytes'] / 1e6:,.1f} MB",
        ])  # fmt: skip
    titles = ["operation", "sizes", "slope", "of the last two", "the largest", "for one", "memory", "its slope", "file"]
    print(as_markdown(pd.DataFrame(cells, columns=titles), escape=False), end="")


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw processor time against size, a panel for each arm, and the memory of maps."""
    import numpy as np
    from matplotlib.figure import Figure

    found = by_arm(rows)
    maps = {name: found[name] for name in ("rows", "columns") if name in found and found[name][-1]["memory"]}
    figure = Figure(figsize=(9.6, 7.8), layout="constrained")
    panels = list(figure.subplots(3, 3).flat)
    for name, own in found.items():
        axes = panels.pop(0)
        size, seconds = (np.array([r[key] for r in own], dtype=float) for key in ("size", "seconds"))
        exponent, factor = slope(own, "seconds")
        axes.plot(size, seconds, color="#0072b2", marker="o", linestyle="none")
        axes.plot(size, np.exp(factor) * size**exponent, color="#0072b2", linewidth=0.8)
        axes.set(title=f"{ARMS[name].title}: slope {exponent:.2f}", xlabel=ARMS[name].unit)
        axes.set_ylabel("s of processor time")
    if maps:
        axes = panels.pop(0)
        for (name, own), colour in zip(maps.items(), ("#0072b2", "#d55e00"), strict=False):
            label = f"{name}: slope {slope(own, 'memory')[0]:.2f}".replace("-", "−")
            axes.plot([r["size"] for r in own], [r["memory"] / 1e6 for r in own], "o-", color=colour, label=label)
        axes.set(title="memory of maps", xlabel="rows or columns", ylabel="MB")
        axes.legend(frameon=False, fontsize=8)
    for axes in panels:
        axes.remove()
    for axes in figure.axes:
        axes.set(xscale="log", yscale="log")
        axes.title.set_fontsize(9)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
