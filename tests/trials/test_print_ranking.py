"""A ranking in the terminal."""

from __future__ import annotations

import pytest

from lulcseg.cli import main
from tests.support.trials import write_trial


@pytest.mark.parametrize("columns", [80, 120, 160])
def test_values_are_printed_whole_at_any_width(tmp_path, capsys, monkeypatch, columns):
    names = ["demo_small_of_the_first_kind", "demo_small_of_the_second_kind", "demo_smaller"]
    folder = write_trial(tmp_path / "trial", dict(zip(names, (0.9, 0.8, 0.5), strict=True)), n_points=100)
    capsys.readouterr()
    monkeypatch.setenv("COLUMNS", str(columns))
    main(["rank", str(folder)])
    shown = capsys.readouterr().out
    table = shown.split("─\n")[1].split("\n\n")[0] if "─\n" in shown else shown
    assert all(name in "".join(line.split()[0] for line in table.splitlines() if line.strip()) for name in names)
    assert "…" not in shown
    assert "kappa" in shown
