"""Ratios and tables of benchmarks/gpu.py; with the picture, from a file: python benchmarks/gpu_show.py gpu/gpu.json."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from gpu_course import MEASURED, SWITCHES, Row
from gpu_draw import draw
from rich.console import Console
from rich.table import Table

CEILINGS = {
    "bf16": ("matrix product, bf16", 1e12, "TFLOP/s"),
    "fp32": ("matrix product, fp32 (TF32 where a GPU has it)", 1e12, "TFLOP/s"),
    "copy": ("copy within the device, read and written", 1e9, "GB/s"),
    "from_host": ("copy to the device from page-locked memory", 1e9, "GB/s"),
}

STUDY_PATCHES = 31.0e6
"""Patches of 512² that ``study=paper`` trains in all its trials (docs/study.md)."""


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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="gpu.json of benchmarks/gpu.py")
    file = parser.parse_args().file
    measured = json.loads(file.read_text(encoding="utf-8"))
    show(measured)
    draw(measured, file.with_suffix(".png"))
