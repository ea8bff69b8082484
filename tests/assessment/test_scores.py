from __future__ import annotations

import json
import math

import numpy as np
import pytest

from lulcseg.assessment.confusion import confusion_matrix
from lulcseg.assessment.scores import class_mean, cohen_kappa, format_score, score


def test_rows_are_reference_and_columns_map():
    matrix = confusion_matrix([0, 0, 1, 2], [0, 1, 1, 0], 3)

    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert matrix.dtype == np.int64


def test_small_types_do_not_overflow():
    reference = np.full(3, 199, dtype=np.uint8)

    assert confusion_matrix(reference, reference, 200)[199, 199] == 3


@pytest.mark.parametrize(
    ("reference", "mapped", "message"),
    [
        ([0, 1], [0, 3], "map class 3 is outside 0…2"),
        ([0, 255], [0, 1], "reference class 255 is outside"),
        ([0, -1], [0, 1], "reference class -1 is outside"),
        ([0, 1], [-1, 1], "map class -1"),
        ([0, 1], [0], "shape"),
        ([0.0, 1.0], [0, 1], "integers"),
    ],
)
def test_refuses_what_it_cannot_count(reference, mapped, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(np.array(reference), np.array(mapped), 3)


def test_no_places_make_an_empty_matrix():
    s = score(confusion_matrix([], [], 3))

    assert s.n_scored == 0
    assert s.classes_averaged == 0
    assert all(math.isnan(v) for v in (s.kappa, s.overall_accuracy, s.mean_f1, s.mean_users))


def test_a_hand_worked_example():
    # 20 + 15 + 40 of 100 agree; chance: (30·25 + 25·25 + 45·50) / 100² = 0.3625.
    s = score([[20, 5, 5], [5, 15, 5], [0, 5, 40]])

    assert s.overall_accuracy == pytest.approx(0.75)
    assert s.kappa == pytest.approx((0.75 - 0.3625) / (1 - 0.3625))
    assert s.users == pytest.approx((20 / 25, 15 / 25, 40 / 50))
    assert s.producers == pytest.approx((20 / 30, 15 / 25, 40 / 45))
    assert s.f1 == pytest.approx((40 / 55, 30 / 50, 80 / 95))
    assert s.mean_f1 == pytest.approx((40 / 55 + 30 / 50 + 80 / 95) / 3)


def test_a_class_never_mapped_counts_zero():
    s = score([[8, 0], [4, 0]])

    assert s.f1[1] == 0
    assert math.isnan(s.users[1])
    assert format_score(s.users[1]) == "–"
    assert s.producers[1] == 0
    assert s.mean_users == pytest.approx((8 / 12 + 0) / 2)
    assert s.mean_f1 == pytest.approx((16 / 20 + 0) / 2)
    assert s.classes_averaged == 2


def test_a_class_without_reference_is_left_out_even_if_mapped():
    s = score([[8, 0, 2], [0, 10, 0], [0, 0, 0]])

    assert all(math.isnan(v[2]) for v in (s.users, s.producers, s.f1))
    assert s.classes_averaged == 2
    assert s.mean_producers == pytest.approx((0.8 + 1) / 2)
    assert s.mapped_points[2] == 2
    assert math.isnan(s.users_interval[2][0])


def test_leaving_a_hard_class_out_gains_nothing():
    tries, ignores = score([[90, 10], [5, 5]]), score([[100, 0], [10, 0]])

    assert ignores.mean_f1 < tries.mean_f1
    assert ignores.mean_users < tries.mean_users


def test_kappa_of_a_single_class_is_undefined():
    assert math.isnan(cohen_kappa([[7, 0], [0, 0]]))
    assert cohen_kappa([[0, 7], [0, 0]]) == 0


@pytest.mark.parametrize("matrix", [[[1, 2, 3]], [[1, -1], [0, 1]], [[math.nan, 0], [0, 1]], [[0.5, 0], [0, 1]]])
def test_refuses_what_is_no_matrix_of_counts(matrix):
    with pytest.raises(ValueError, match="matrix"):
        score(matrix)


def test_scores_in_plain_python_survive_json():
    plain = score([[8, 0], [4, 0]]).to_plain()

    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["users"] == [pytest.approx(8 / 12), None]


def test_class_mean_takes_proportions_too():
    assert class_mean([0.5, math.nan, 0.9], [[0.2, 0, 0], [0.3, 0, 0], [0, 0, 0]]) == pytest.approx(0.25)
