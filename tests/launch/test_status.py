"""The printed state of a sweep."""

from __future__ import annotations

from pathlib import Path

import pytest

from lulcseg.launch.status import ReplicateStatus, print_status

NAMES = [f"stratified_random_{size}_with_{kind}_augmentation" for size in (256, 512) for kind in ("paper", "light")]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_values_are_printed_whole_at_any_width(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    print_status(tmp_path, [ReplicateStatus(name, seed, "missing") for name in NAMES for seed in range(5)])
    shown = capsys.readouterr().out
    first = "".join(line.split()[0] for line in shown.splitlines()[2:] if line.strip())
    assert all(name in first for name in NAMES)
    assert "…" not in shown
    assert all(heading in shown for heading in ("running", "failed", "cut off", "missing", "time left"))
