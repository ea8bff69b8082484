"""Landscapes as units: means, variance components against statsmodels, effects with intervals over landscapes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from lulcseg.errors import LulcsegError
from lulcseg.study.effects import effects
from lulcseg.study.landscape_units import unit_means, variance_components
from lulcseg.study.questions import Question, Questions, StudyView

LANDSCAPES = ("a", "b", "c", "d", "e")
VIEW = StudyView(scene="s", ground="heldout", against="truth", title="s")


def drawn(seeds: int, rng: np.random.Generator) -> pd.DataFrame:
    """Effects of trainings on landscapes: landscapes differ by 0.1, trainings by 0.05."""
    places = rng.normal(0.2, 0.1, len(LANDSCAPES))
    rows = [(name, places[i] + rng.normal(0, 0.05)) for _ in range(seeds) for i, name in enumerate(LANDSCAPES)]
    return pd.DataFrame(rows, columns=["landscape", "effect"])


def test_variance_components_of_a_balanced_design_are_those_of_a_mixed_model() -> None:
    table = drawn(6, np.random.default_rng(1))
    fitted = smf.mixedlm("effect ~ 1", table, groups=table["landscape"]).fit(reml=True)
    found = variance_components(table["effect"], table["landscape"].tolist())
    assert found.between == pytest.approx(float(np.sqrt(fitted.cov_re.iloc[0, 0])), rel=1e-3)
    assert found.within == pytest.approx(float(np.sqrt(fitted.scale)), rel=1e-3)
    means = unit_means(table["effect"], table["landscape"].tolist())
    assert means.mean() == pytest.approx(fitted.fe_params["Intercept"], rel=1e-4)
    assert means.std(ddof=1) / np.sqrt(len(means)) == pytest.approx(fitted.bse_fe["Intercept"], rel=1e-3)


def test_components_need_several_trainings_of_a_landscape() -> None:
    found = variance_components([0.1, 0.2, 0.3], ["a", "b", "c"])
    assert np.isnan([found.between, found.within]).all()
    assert np.isnan(variance_components([], []).within)


def test_runs_without_a_landscape_or_all_on_one_are_units_of_their_own() -> None:
    np.testing.assert_array_equal(unit_means([0.1, 0.2], [None, float("nan")]), [0.1, 0.2])  # type: ignore[list-item]
    np.testing.assert_array_equal(unit_means([0.1, 0.2], ["a", "a"]), [0.1, 0.2])
    np.testing.assert_allclose(unit_means([0.1, 0.2, 0.5], ["a", "a", "b"]), [0.15, 0.5])


def scores(arms: dict[str, np.ndarray], seeds: int) -> pd.DataFrame:
    """Scores of arms, (seeds × landscapes) each, as a study's results."""
    n = len(LANDSCAPES)
    return pd.DataFrame([
        {"trial": "t", "value": arm, "level": None, "seed": k, "landscape": LANDSCAPES[k % n], "scene": "s",
         "mosaic": "single", "ground": "heldout", "against": "truth", "kappa": found[k]}
        for arm, found in arms.items() for k in range(seeds * n)
    ])  # fmt: skip


def test_effects_are_over_landscapes_however_many_trainings_each_has() -> None:
    rng = np.random.default_rng(2)
    seeds, n = 3, len(LANDSCAPES)
    first = rng.uniform(0.4, 0.6, seeds * n)
    second = first + drawn(seeds, rng)["effect"].to_numpy()
    asked = Questions(0.02, {"held": VIEW}, [Question("Q1", "?", ["t/first"], ["t/second"], primary="held")])
    row = effects(asked, scores({"first": first, "second": second}, seeds), pd.DataFrame()).iloc[0]
    by_landscape = (second - first).reshape(seeds, n).mean(axis=0)
    low, high = stats.ttest_1samp(by_landscape, 0).confidence_interval()
    assert (row["n"], row["runs"]) == (n, seeds * n)
    assert (row["effect"], row["low"], row["high"]) == pytest.approx((by_landscape.mean(), low, high))
    assert row["p"] == pytest.approx(stats.ttest_1samp(by_landscape, 0).pvalue)
    assert row["within"] > 0


def test_the_share_of_a_gap_is_that_of_each_landscape() -> None:
    first, ceiling = np.array([0.2, 0.1, 0.3, 0.2, 0.2]), np.array([0.8, 0.9, 0.7, 0.8, 0.6])
    second = first + np.array([0.5, 0.75, 0.5, 0.25, 1.0]) * (ceiling - first)
    q = Question("Q1", "?", ["t/first"], ["t/second"], ["t/ceiling"], primary="held")
    whole = scores({"first": first, "second": second, "ceiling": ceiling}, 1)
    row = effects(Questions(0.02, {"held": VIEW}, [q]), whole, pd.DataFrame()).iloc[0]
    assert (row["kind"], row["effect"]) == ("share", pytest.approx(0.6))
    assert (row["low"], row["high"]) == pytest.approx(
        stats.t.interval(0.95, 4, 0.6, np.std([0.5, 0.75, 0.5, 0.25, 1], ddof=1) / 5**0.5)
    )
    turned = scores({"first": ceiling, "second": second, "ceiling": first}, 1)
    found = effects(Questions(0.02, {"held": VIEW}, [q]), turned, pd.DataFrame())
    assert found.empty, "a model of the target that is worse there leaves no gap"


def test_an_interaction_is_a_difference_of_differences_and_that_of_a_factorial_model() -> None:
    rng = np.random.default_rng(5)
    n = len(LANDSCAPES)
    arms = {f"{a}{b}": 0.4 + 0.1 * a + 0.05 * b + 0.2 * a * b + rng.normal(0, 0.03, n) for a in (0, 1) for b in (0, 1)}
    table = scores(arms, 1)
    asked = Question(
        id="X1", first=["t/10"], second=["t/11"], without=["t/00", "t/01"], primary="v", asks="b beside a, less alone"
    )
    found = effects(Questions(0.02, {"v": VIEW}, [asked]), table, table).iloc[0]
    assert (found["kind"], found["without"]) == ("interaction", "t/00+t/01")
    table[["a", "b"]] = table["value"].map(lambda name: [int(name[0]), int(name[1])]).tolist()
    fitted = smf.ols("kappa ~ a * b + C(landscape)", table).fit()
    assert found["effect"] == pytest.approx(fitted.params["a:b"])
    by_hand = arms["11"] - arms["10"] - (arms["01"] - arms["00"])
    assert found["p"] == pytest.approx(stats.ttest_1samp(by_hand, 0).pvalue)


def test_arms_of_other_landscapes_at_the_same_seeds_are_refused() -> None:
    table = scores({"first": np.zeros(5), "second": np.ones(5)}, 1)
    turned = (table["value"] == "second") & (table["seed"] == 0)
    table.loc[turned, "landscape"] = "z"
    asked = Questions(0.02, {"v": VIEW}, [Question("Q1", "?", ["t/first"], ["t/second"], primary="v")])
    with pytest.raises(LulcsegError, match="are of other landscapes"):
        effects(asked, table, table)


def test_several_maps_of_a_run_are_refused_for_classes_too() -> None:
    table = pd.concat([scores({"first": np.zeros(5), "second": np.ones(5)}, 1)] * 2, ignore_index=True)
    table["mosaic"] = ["single"] * 10 + ["multiple"] * 10
    table["class"], table["f1"] = "c", 0.5
    for classes in ([], ["c"]):
        metric = "f1" if classes else "kappa"
        q = Question("Q1", "?", ["t/first"], ["t/second"], metric=metric, classes=classes, primary="v")
        with pytest.raises(LulcsegError, match="has several maps"):
            effects(Questions(0.02, {"v": VIEW}, [q]), table, table)
