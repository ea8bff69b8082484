"""Energy and memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from lulcseg.training.resources import Counter, EnergyMeter, find_meter, larger_peaks, peak_memory, rapl


def test_a_counter_that_starts_over_is_followed() -> None:
    values = iter([90.0, 95.0, 5.0, 6.0])
    meter = EnergyMeter("cpu", [Counter(lambda: next(values), turns=100.0)])
    assert [meter.wh * 3600 for _ in range(3)] == pytest.approx([5.0, 15.0, 16.0])


def test_processor_packages_are_read_and_their_parts_left_out(tmp_path: Path) -> None:
    for name, energy in (("intel-rapl:0", 5_000_000), ("intel-rapl:0:0", 1_000_000), ("intel-rapl:1", 7_000_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{energy}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("262143328850\n")
    (tmp_path / "intel-rapl:2").mkdir()
    counters = rapl(tmp_path)
    assert [counter.read() for counter in counters] == [5.0, 7.0]
    assert counters[0].turns == pytest.approx(262_143.32885)


def test_a_machine_that_counts_nothing_has_no_meter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("lulcseg.training.resources._RAPL", tmp_path)
    assert find_meter(gpus=False) is None


def test_peaks_are_the_larger_of_attempts() -> None:
    peaks = peak_memory()
    assert peaks["peak_memory_bytes"] > 20e6
    earlier = {"peak_memory_bytes": 10**15, "peak_device_memory_bytes": None}
    assert larger_peaks(peaks, earlier)["peak_memory_bytes"] == 10**15
    assert larger_peaks({"peak_device_memory_bytes": None}, {}) == {"peak_device_memory_bytes": None}
