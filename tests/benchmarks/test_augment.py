"""The augmentation benchmark: its peers know every operation, and its ratios are of the same round."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def beside(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in ("augment", "augment_show", "imgaug_peer"):
        sys.modules.pop(name, None)


def test_imgaug_has_a_counterpart_of_every_operation():
    from lulcseg.augment.catalogue import operations

    tree = ast.parse((FOLDER / "imgaug_chain.py").read_text(encoding="utf-8"))  # imgaug itself isn't installed here
    (table,) = [n.value for n in tree.body if isinstance(n, ast.AnnAssign) and n.target.id == "OPERATIONS"]
    assert {key.value for key in table.keys} == set(operations())


def test_kornia_stands_beside_operations_that_exist():
    import augment
    import kornia.augmentation

    from lulcseg.augment.catalogue import operations

    assert set(augment.COUNTERPARTS) <= set(operations())
    assert all(hasattr(kornia.augmentation, name) for name in augment.COUNTERPARTS.values())


def test_a_ratio_is_the_median_of_its_rounds_ratios():
    import augment_show

    row = {"a": [10.0, 1.0, 30.0], "b": [1.0, 1.0, 2.0]}  # 10, 1 and 15 times; of the medians: 10
    assert augment_show.times(row, "a", "b") == 10.0
    assert augment_show.times({"a": [4.0, 1.0, 9.0], "b": [1.0, 1.0, 3.0]}, "a", "b") == 3.0  # of the medians: 4
    assert augment_show.times(row, "a", "c") is None


def test_a_peer_is_asked_over_a_pipe_and_its_end_is_told(tmp_path, monkeypatch):
    import imgaug_peer
    import torch

    answers = tmp_path / "imgaug_chain.py"
    answers.write_text(
        "import json, sys\n"
        "first = json.loads(sys.stdin.readline())\n"
        "print(json.dumps({'imgaug': '0', 'names': list(first['chains'])}), flush=True)\n"
        "print(json.dumps({'rate': json.loads(sys.stdin.readline())['seconds'] * 10}), flush=True)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(imgaug_peer, "__file__", str(tmp_path / "imgaug_peer.py"))
    image, mask = torch.zeros(1, 3, 4, 4, dtype=torch.uint8), torch.zeros(1, 4, 4, dtype=torch.uint8)
    peer = imgaug_peer.Peer(Path(sys.executable), tmp_path, image, mask, ["paper"])
    assert peer.names == ["paper"]
    assert peer.rate("paper", 0.5) == 5.0
    with pytest.raises(SystemExit, match="without an answer"):
        peer.rate("paper", 0.5)


def test_table_and_picture_come_from_the_file(tmp_path, capsys):
    import augment_show

    rates = [
        {"name": "gamma", "group": "contrast", "arm": augment_show.SINGLE, "rounds": [200.0, 100.0]},
        {"name": "gamma", "group": "contrast", "arm": augment_show.IMGAUG, "rounds": [50.0, 50.0]},
        {"name": "paper", "group": "presets", "arm": augment_show.SINGLE, "rounds": [20.0, 20.0]},
        {"name": "paper", "group": "presets", "arm": augment_show.IMGAUG, "rounds": [10.0, 10.0]},
    ]
    steps = [
        {"preset": "none", "arm": augment_show.SINGLE, "rounds": [4.0, 4.0], "times": [1.0, 1.0]},
        {"preset": "paper", "arm": augment_show.SINGLE, "rounds": [3.2, 3.2], "times": [1.25, 1.25]},
    ]
    content = json.loads(json.dumps({"rates": rates, "steps": steps}))
    augment_show.show(content)
    augment_show.draw(content, tmp_path / "augment.png")
    said = capsys.readouterr().out
    assert "150 (3)" in said
    assert "1.25" in said
    assert "1.20" in said  # by the parts: 1 + 4 / 20
    assert "0.4 cores" in said
    assert (tmp_path / "augment.png").stat().st_size > 5000
