"""Several interpreters of one sample."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import Point
from sklearn.metrics import cohen_kappa_score

from lulcseg.assessment.interpreters import agreement_of
from lulcseg.cli import main
from lulcseg.errors import LulcsegError

ANN = ["Cane", "Cane", "Road", "Other", "Other", None, "Cane", "Other"]
BEN = ["Cane", "Road", "Road", "Other", "Other", None, "Cane", "Cane"]
EVE = ["Cane", "Cane", "Road", "Other", "Cane", None, None, "Other"]


def write(folder, name, classes, **columns):
    path = folder / f"{name}.gpkg"
    frame = {"point": range(1, len(classes) + 1), "class": pd.array(classes, dtype="string"), **columns}
    gpd.GeoDataFrame(frame, geometry=[Point(i, 1) for i in range(len(classes))], crs="EPSG:28355").to_file(path)
    return path


@pytest.fixture
def files(tmp_path):
    clear = ["yes"] * 3 + ["no"] + ["yes"] * 4
    return [write(tmp_path, "a", ANN), write(tmp_path, "b", BEN), write(tmp_path, "e", EVE, interpretable=clear)]


def test_pairs_against_scikit_learn(files):
    pair = agreement_of(files).pairs[0]
    both = [(a, b) for a, b in zip(ANN, BEN, strict=True) if a and b]

    assert (pair.first, pair.second, pair.n) == ("a", "b", 7)
    assert pair.agreement == pytest.approx(5 / 7)
    assert pair.kappa == pytest.approx(cohen_kappa_score(*zip(*both, strict=True)))
    assert pair.confusion.loc["Cane", "Road"] == 1


def test_fleiss_kappa_by_its_formula(files):
    """Points 1, 2, 3, 5 and 8 have a class by all; e couldn't tell the fourth."""
    found = agreement_of(files)
    counts = np.array([[3, 0, 0], [2, 1, 0], [0, 3, 0], [1, 0, 2], [1, 0, 2]])  # Cane, Road, Other
    observed = ((counts**2).sum(axis=1) - 3) / 6
    chance = ((counts.sum(axis=0) / 15) ** 2).sum()

    assert (found.complete, found.overall) == (5, pytest.approx(2 / 5))
    assert found.fleiss == pytest.approx((observed.mean() - chance) / (1 - chance))


def test_points_to_discuss_are_those_they_differ_on(files, tmp_path, capsys):
    main(["agreement", *map(str, files), "--out", str(tmp_path / "talk.csv")])
    table = pd.read_csv(tmp_path / "talk.csv")

    assert table["point"].tolist() == [2, 4, 5, 8]
    assert table.loc[1, "e"] == "not interpretable"
    assert "To discuss: 4 points" in " ".join(capsys.readouterr().out.split())
    main(["agreement", *map(str, files), "--out", str(tmp_path / "talk.gpkg")])
    assert gpd.read_file(tmp_path / "talk.gpkg").geometry.x.tolist() == [1, 3, 4, 7]


def test_one_class_throughout_has_no_kappa(tmp_path):
    found = agreement_of([write(tmp_path, n, ["Cane"] * 4) for n in "ab"])

    assert (found.overall, len(found.discuss)) == (1, 0)
    assert math.isnan(found.fleiss)
    assert math.isnan(found.pairs[0].kappa)


def test_copies_may_be_layers_of_one_file(files, tmp_path):
    both = tmp_path / "both.gpkg"
    for path in files[:2]:
        gpd.read_file(path).to_file(both, layer=path.stem)
    found = agreement_of([f"{both}|layername={path.stem}" for path in files[:2]])

    assert found.interpreters == ("a", "b")
    assert found.pairs[0].kappa == agreement_of(files[:2]).pairs[0].kappa


def test_what_cannot_be_compared(files, tmp_path):
    with pytest.raises(LulcsegError, match="two or more files"):
        agreement_of(files[:1])
    with pytest.raises(LulcsegError, match="its points are not those of a;"):
        agreement_of([files[0], write(tmp_path, "short", ANN[:3])])
    with pytest.raises(LulcsegError, match="no column 'klass'"):
        agreement_of(files, "klass")
