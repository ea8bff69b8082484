"""The benchmark of growth: slopes, the bound of an arm, and the paper's area on paper."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def growth(benchmark_module):
    return benchmark_module("growth")


def test_a_power_law_has_its_exponent(growth):
    rows = [{"size": size, "seconds": 0.1 + 1e-6 * size**2, "memory": None} for size in (10, 10**4, 10**5, 10**6)]

    assert growth.slope(rows, "seconds")[0] == pytest.approx(2, abs=0.01)  # the three largest: the 0.1 s don't show
    assert growth.slope(rows[:1], "seconds")[0] != growth.slope(rows[:1], "seconds")[0], "a single size has no slope"


def test_a_size_beyond_the_bound_is_left_out(growth, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(growth, "processor", lambda: clock[0])

    def prepare(folder: Path, size: int):
        def work(out: Path) -> Path:
            clock[0] += size
            (out / "file").write_bytes(b"12")
            return out / "file"

        return work

    monkeypatch.setitem(growth.ARMS, "made", growth.Arm("made", "steps", (1, 10, 100), prepare))
    rows = list(growth.measured("made", None, 30.0, memory=False))

    assert [row["seconds"] for row in rows] == [1, 10, None]
    assert rows[1]["bytes"] == 2


def test_one_device_takes_what_was_measured(benchmark_module, capsys):
    area = benchmark_module("growth_area")
    area.show_area()

    row = next(line for line in capsys.readouterr().out.splitlines() if "the paper's | multiple" in line)
    one, four, many = (float(cell) for cell in row.split("|")[3:6])
    # the first strip of a job takes as long as two: 1 strip of 214
    assert one == pytest.approx(29.6 / 2048**2 * 109_446**2 / 3600 * (1 + 1 / 214), rel=0.01)
    assert one / 4 < four < one / 3
    assert one / 32 < many < one / 16
