"""The paper's area on paper: what growth.py --area prints; arithmetic from rates that were measured elsewhere."""

from __future__ import annotations

AREA = {109_446: "299,463 ha at 0.5 m, the paper's", 54_700: "54,700² at 0.5 m: 74,800 ha"}
"""Side of a square of pixels, and what it is."""
SECONDS_A_PIXEL = {"single": 3.4 / 2048**2, "multiple": 29.6 / 2048**2, "beyond the network": 1e-7}
"""docs/mosaic.md: the paper's U-Net at 2,048² on two cores in bf16, and what a pixel costs beside the network."""
JOIN = 0.2 / 2048**2
"""docs/mosaic.md: seconds of the join for a pixel, which those above include."""
STRIP, PATCH, BATCH, CLASSES, BANDS = 512, 512, 16, 9, 3


def show_area() -> None:
    """Print hours and memory of maps for 1, 4 and 32 devices."""
    from shares import print_table, simulated

    rows = []
    for side, what in AREA.items():
        strips = -(-side // STRIP)
        for name, seconds in SECONDS_A_PIXEL.items():
            strip, join = (seconds - JOIN) * side * STRIP, JOIN * side**2
            # where a job begins elsewhere, one patch height of rows is predicted again: with these strips, a strip
            hours = [(simulated(jobs, strips, strip, strip) + join) / 3600 for jobs in (1, 4, 32)]
            held = "–" if name == "beyond the network" else f"{memory(name, side) / 1e9:.1f} GB"
            rows.append([what, name, *(f"{h:.2f}" for h in hours), f"{join / 3600:.2f}", held])
    print_table(["area", "passes", "1 device (h)", "4 (h)", "32 (h)", "the join in it (h)", "memory of each"], rows)


def memory(name: str, side: int) -> int:
    """Return what lulcseg estimates before such a map, in bytes: rows, queues and GDAL's cache."""
    import torch

    from lulcseg.grid import Window
    from lulcseg.mosaic.memory import estimate_memory
    from lulcseg.mosaic.passes import named_plan
    from lulcseg.mosaic.row_stream import PredictionSetup

    setup = PredictionSetup(named_plan(name), CLASSES, PATCH, BATCH, torch.device("cpu"))
    return sum(estimate_memory(setup, Window(0, 0, side, side), bands=BANDS, itemsize=1, layers=1))
