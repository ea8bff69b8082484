"""Progress, sums, tables and picture of benchmarks/gpu.py; from a file: python benchmarks/gpu_show.py gpu/gpu.json."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

Row = dict[str, Any]

MEASURED = {
    "plain": "plain LightningModule",
    "step": "(a) step alone",
    "step_again": "(a) once more, at the end",
    "prepared": "(b) with values to 0…1",
    "prepared_paper": "(b) with augmentation, scaling",
    "loop": "(c) whole loop",
    "loop_paper": "(c) with augmentation, scaling",
}
"""What is measured in patches a second, and what it is called."""

SWITCHES = {
    "bf16": "without bf16",
    "channels_last": "without channels-last",
    "compiled": "not compiled",
    "fused": "optimiser not fused",
    "tf32": "without TF32",
    "benchmark": "without cuDNN's benchmark",
    "recomputed": "activation checkpointing",
}
"""Changes to the fast path, one at a time."""

CEILINGS = {
    "bf16": ("matrix product, bf16", 1e12, "TFLOP/s"),
    "fp32": ("matrix product, fp32 (TF32 where a GPU has it)", 1e12, "TFLOP/s"),
    "copy": ("copy within the device, read and written", 1e9, "GB/s"),
    "from_host": ("copy to the device from page-locked memory", 1e9, "GB/s"),
}

STUDY_PATCHES = 31.0e6
"""Patches of 512² that ``study=paper`` trains in all its trials (docs/study.md)."""

GROUPS = (
    ("compiled: what is fused", r"compiledfxgraph|compiledfunction|torch-compiled"),
    ("batch norm", r"batch_?norm|bn_(fw|bw)|batchnorm"),
    ("loss", r"nll_loss|log_softmax|softmax|cross_entropy"),
    ("pooling, upsampling", r"max_pool|avg_pool|pooling|upsample|interpolate"),
    ("optimiser", r"multi_tensor|adam|_foreach"),
    (
        "layout copies",
        r"nchwtonhwc|nhwctonchw|transpose_kernel|tensortransform|memcpy|copy|contiguous|aten::(to|clone)$",
    ),
    ("activation, elementwise", r"triton_(poi|red|per)"),
    ("convolution backward", r"[dwb]grad|conv.*backward|backward.*conv"),
    ("convolution forward", r"conv|fprop|gemm|winograd|cutlass|xmma|nvjet|triton_tem"),
    (
        "activation, elementwise",
        r"elementwise|threshold|clamp|relu|catarray|reduce_kernel|fill|memset|zero|aten::(add|mul|div|sum|cat|ne|sub)_?$",
    ),
)
"""Groups of kernels and operations by what is in their names; the first that fits counts."""
OTHER = "other"


class Course:
    """Takes one measurement after another, and tells which; one that fails has a reason instead of a rate.

    Args:
        free: Gives back what a measurement held.
        total: How many there will be.
    """

    def __init__(self, free: Callable[[], None], total: int) -> None:
        self.free = free
        self.console = Console()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.progress = Progress(
            *columns, TimeElapsedColumn(), console=self.console, transient=True, disable=not self.console.is_terminal
        )
        self.task = self.progress.add_task("", total=total)

    def __enter__(self) -> Self:
        """Show the bar."""
        self.progress.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Take it away."""
        self.progress.stop()

    def take(self, words: str, measure: Callable[[], Row], unit: str = "patches/s", *, has_bar: bool = False) -> Row:
        """Return what a measurement gives; one with a bar of its own is not disturbed by this."""
        self.progress.update(self.task, description=words)
        if has_bar:
            self.progress.stop()
        began = time.perf_counter()
        self.free()
        try:
            found = {"failed": None, **measure()}
        except Exception as error:  # whatever a device, a compiler or a driver comes up with
            lines = str(error).strip().splitlines() or [""]
            is_full = type(error).__name__ == "OutOfMemoryError" or "out of memory" in lines[0]
            found = {"failed": "out of memory" if is_full else f"{type(error).__name__}: {lines[0][:200]}"}
        self.free()
        if has_bar:
            self.progress.start()
        told = found["failed"] or (f"{found['rate']:,.4g} {unit}" if "rate" in found else "done")
        self._tell(f"{words}: {told} ({time.perf_counter() - began:.0f} s)")
        return found

    def skip(self, words: str, why: str) -> Row:
        """Leave a measurement out."""
        self._tell(f"{words}: {why}")
        return {"failed": why}

    def _tell(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False)
        self.progress.advance(self.task)


def summed_up(rounds: Sequence[float]) -> Row:
    """Return the median, the least and the most of rates, round by round."""
    return {"rate": median(rounds), "lowest": min(rounds), "highest": max(rounds), "rounds": list(rounds)}


def group_of(name: str) -> str:
    """Return the group of a kernel or an operation, by its name.

    A compiled network's kernels on a GPU (``triton_…``) are named by what is fused in them. A transposed convolution
    goes forward by the kernel that others go backward with, and is counted there.
    """
    low = name.lower()
    return next((group for group, pattern in GROUPS if re.search(pattern, low)), OTHER)


def grouped(spent: Mapping[str, float]) -> Row:
    """Return seconds by group, the longest first, the ten longest by name, and what that says.

    Args:
        spent: Seconds by kernel or operation.
    """
    groups: dict[str, float] = {}
    for name, seconds in spent.items():
        groups[group_of(name)] = groups.get(group_of(name), 0.0) + seconds
    groups = dict(sorted(groups.items(), key=lambda pair: -pair[1]))
    total = sum(groups.values())
    longest = [
        {"name": shortened(name), "group": group_of(name), "seconds": seconds}
        for name, seconds in sorted(spent.items(), key=lambda pair: -pair[1])[:10]
    ]
    found = {"seconds": total, "groups": groups, "longest": longest}
    if not total:
        return {**found, "binds": "the profiler saw nothing"}
    first = next(iter(groups))
    return {**found, "binds": f"Most of the device's time, {groups[first] / total:.0%}, goes to {first}."}


def shortened(name: str, most: int = 80) -> str:
    """Return a kernel's name without its types, at most so long."""
    bare = re.sub(r"<.*>?", "<…>", name.removeprefix("void ")) if "triton" not in name else name
    if bare.startswith("at::native::") and "<" in name:  # what an elementwise kernel does is in its types
        inner = re.findall(r"at::native::(?:\(anonymous namespace\)::)?(\w+)", name)
        bare = " ".join(dict.fromkeys(inner)) or bare
    return bare if len(bare) <= most else bare[: most - 1] + "…"


def derive(content: Row) -> Row:
    """Return the content with ratios to (a), shares of the ceiling, and the study's hours, all from its rates."""
    rates, flops = content["rates"], content["flops_per_patch"]
    products = {k: content["ceilings"][k]["rate"] for k in ("bf16", "fp32") if "rate" in content["ceilings"][k]}
    fastest = max(products, key=lambda k: products[k], default=None)
    ceiling = products[fastest] if fastest else None
    step = rates["step"].get("rate")
    for row in [*rates.values(), *content["switches"].values()]:
        rate = row.get("rate")
        row["ratio"] = rate / step if rate and step else None
        row["share"] = rate * flops / ceiling if rate and ceiling else None
    for row in content["mapping"].values():
        row["ratio"] = None if row["failed"] else row["rate"] / row["forward"]["rate"]
    profile, batch = content["profile"], content["settings"]["batch"]
    if step and profile.get("seconds"):
        profile["busy"] = profile["seconds"] * step / batch
        if content["machine"]["type"] == "cuda":
            profile["binds"] += f" Kernels fill {profile['busy']:.0%} of the step's time as it is without the profiler."
    loop, plain = rates["loop"].get("rate"), rates["plain"].get("rate")
    paper = {"patch": 512, "filters": 32, "depth": 4}
    hours = None
    if all(content["settings"][key] == size for key, size in paper.items()):
        hours = {
            name: {str(gpus): STUDY_PATCHES / rates[name]["rate"] / 3600 / gpus for gpus in (1, 4, 8)}
            for name in ("loop", "loop_paper")
            if rates[name].get("rate")
        }
    return content | {
        "ceiling": fastest, "ceiling_patches_per_second": ceiling / flops if ceiling else None,
        "loop_over_plain": loop / plain if loop and plain else None, "study_hours": hours,
    }  # fmt: skip


def show(content: Row) -> None:
    """Print tables."""
    console = Console(width=None if sys.stdout.isatty() else 130)
    sizes, machine = content["settings"], content["machine"]
    console.print(
        f"{machine['device']}, torch {machine['versions']['torch']}; U-Net with {sizes['filters']} filters and "
        f"{sizes['depth']} poolings, {sizes['batch']} patches of {sizes['patch']}², "
        f"{content['flops_per_patch'] / 1e9:,.4g} GFLOP a trained patch"
    )
    for note in content["notes"]:
        console.print(note, style="bold", markup=False)
    table = Table(title="Ceilings, as measured")
    for words in ("", "median", "lowest", "highest", ""):
        table.add_column(words, justify="left" if not words else "right")
    for name, row in content["ceilings"].items():
        words, unit, unit_words = CEILINGS[name]
        values = [row["failed"]] if row["failed"] else [f"{row[k] / unit:,.4g}" for k in ("rate", "lowest", "highest")]
        table.add_row(words, *values, *[""] * (3 - len(values)), unit_words)
    console.print(table)
    console.print(_trained(content))
    console.print(_mapped(content))
    profile = content["profile"]
    if profile["failed"]:
        console.print(f"No profile: {profile['failed']}", markup=False)
        return
    table = Table(title="Where the step's time goes, profiled")
    for words in ("group", "ms a step", "share"):
        table.add_column(words, justify="left" if words == "group" else "right")
    for name, seconds in profile["groups"].items():
        table.add_row(name, f"{1e3 * seconds:,.2f}", f"{seconds / profile['seconds']:.1%}")
    console.print(table)
    for each in profile["longest"]:
        console.print(f"{1e3 * each['seconds']:8.2f} ms  {each['name']}", markup=False, highlight=False)
    console.print(profile["binds"], style="bold", markup=False)
    _tell_hours(console, content)


def _trained(content: Row) -> Table:
    table = Table(title="Training")
    for words in ("", "patches/s", "lowest…highest", "× (a)", "of the ceiling", "peak memory", "waited for data"):
        table.add_column(words, justify="right" if words else "left")
    for number, rows in enumerate((content["rates"], content["switches"])):
        if number:
            table.add_section()
        for name, row in rows.items():
            words = (MEASURED | SWITCHES)[name]
            if row["failed"]:
                table.add_row(words, "–", row["failed"])
                continue
            peak, waited = row.get("peak_bytes"), row.get("waited_share")
            table.add_row(
                words, f"{row['rate']:,.4g}", f"{row['lowest']:,.4g}…{row['highest']:,.4g}", _ratio(row["ratio"]),
                "–" if row["share"] is None else f"{row['share']:.1%}", f"{peak / 1e9:.1f} GB" if peak else "",
                "" if waited is None else f"{waited:.1%}",
            )  # fmt: skip
    if content["ceiling"]:
        most = content["ceiling_patches_per_second"]
        table.caption = f"ceiling: the matrix product in {content['ceiling']}, {most:,.4g} patches/s"
        if content["loop_over_plain"]:
            table.caption += f"; (c) is {content['loop_over_plain']:.2f} × the plain module"
    return table


def _mapped(content: Row) -> Table:
    table = Table(title="Mapping a mosaic in memory")
    for words in ("passes", "Mpx/s", "lowest…highest", "forward passes alone", "ratio", "peak memory"):
        table.add_column(words, justify="left" if words == "passes" else "right")
    for plan, row in content["mapping"].items():
        if row["failed"]:
            table.add_row(plan, "–", row["failed"])
            continue
        peak = row["peak_bytes"]
        table.add_row(
            plan, f"{row['rate']:,.4g}", f"{row['lowest']:,.4g}…{row['highest']:,.4g}",
            f"{row['forward']['rate']:,.4g}", _ratio(row["ratio"]), f"{peak / 1e9:.1f} GB" if peak else "",
        )  # fmt: skip
        compiled = "compiled" if row["not_compiled"] is None else f"not compiled ({row['not_compiled']})"
        table.caption = f"{row['side']:,}² pixels, batches of {row['batch']}, {row['format']}, {compiled}"
    return table


def _tell_hours(console: Console, content: Row) -> None:
    if content["study_hours"] is None:
        console.print("Hours of study=paper: not at the paper's size.")
        return
    for name, hours in content["study_hours"].items():
        each = ", ".join(f"{value:,.1f} h on {gpus}" for gpus, value in hours.items())
        console.print(
            f"study=paper, its {STUDY_PATCHES / 1e6:.1f} million patches at the rate of {MEASURED[name]}: {each}"
        )
    console.print("(GPUs; work shared out evenly and nothing lost by it, mapping and assessment not counted)")


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def draw(content: Row, path: Path) -> None:
    """Draw rates with their share of the ceiling, and what each switch is worth; nothing without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print(f"No picture: matplotlib isn't here. Elsewhere: python gpu.py --draw {path.with_suffix('.json')}")
        return
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    rates = {k: v for k, v in content["rates"].items() if k != "step_again"}
    colours = {"plain": "#c8c4b7", "step": "#0b5d3b", "prepared": "#3fa7a3", "loop": "#8fce6a"}
    for place, (name, row) in enumerate(rates.items()):
        rate = row.get("rate") or 0.0
        left.bar(place, rate, color=colours[name.removesuffix("_paper")], width=0.7)
        if row["failed"]:
            words = "failed"
        else:
            low, high = (abs(row[end] - rate) for end in ("lowest", "highest"))
            left.errorbar(place, rate, [[low], [high]], color="black", linewidth=0.8, capsize=2)
            words = f"{rate:,.4g}" + (f"\n{row['share']:.1%}" if row["share"] is not None else "")
        left.annotate(
            words, (place, row.get("highest", 0.0)), (0, 3), textcoords="offset points", ha="center", fontsize=8
        )
    names = {
        "plain": "plain\nmodule", "step": "(a)\nstep", "prepared": "(b)\nto 0…1",
        "prepared_paper": "(b)\naugmented,\nscaled", "loop": "(c)\nloop", "loop_paper": "(c)\naugmented,\nscaled",
    }  # fmt: skip
    left.set_xticks(range(len(rates)), [names[name] for name in rates], fontsize=8)
    left.tick_params(axis="x", length=0)
    left.margins(y=0.16)
    left.set_ylabel("patches/s")
    left.set_title("Training, and its share of the matrix product's speed", fontsize=10)
    switches = list(content["switches"].items())
    for place, (_, row) in enumerate(switches):
        ratio = row["ratio"]
        if ratio is not None:
            right.barh(place, ratio, color="#e07b1a" if ratio < 1 else "#8fce6a", height=0.62)
        words = f"{ratio:.2f}" if ratio is not None else str(row["failed"])[:44]
        right.annotate(words, (ratio or 0.0, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    right.axvline(1, color="black", linewidth=0.9)
    right.set_yticks(range(len(switches)), [SWITCHES[name] for name, _ in switches], fontsize=8)
    right.tick_params(axis="y", length=0)
    right.invert_yaxis()
    right.set_xlim(0, max(1.15, *(1.15 * (row["ratio"] or 0) for _, row in switches)))
    right.set_xlabel("× the speed of (a)")
    right.set_title("The step, changed in one thing", fontsize=10)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    sizes = content["settings"]
    figure.suptitle(
        f"{content['machine']['device']}: {sizes['filters']} filters, {sizes['batch']} patches of {sizes['patch']}²",
        fontsize=11,
    )
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    measured = json.loads(file.read_text(encoding="utf-8"))
    show(measured)
    draw(measured, file.with_suffix(".png"))
