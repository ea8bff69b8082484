import numpy as np
import pytest

from lulcseg.errors import LulcsegError
from lulcseg.sampling.allocation import class_patches, equal_classes, feature_patches, inverse_classes, share_exactly


def test_equation_1_by_hand():
    # ln 100 : ln 10 000 : ln 1 000 000 = 1 : 2 : 3, so 10 patches are 1.67, 3.33 and 5 before rounding up.
    assert class_patches([1e2, 1e4, 1e6], 10).tolist() == [2, 4, 5]


def test_equation_1_does_not_round_up_rounding_error():
    # 12 patches over 1 : 2 : 3 are exactly 2, 4 and 6; in floating point one of them is a hair above.
    for base in (2.0, 3.0, 7.0, 10.0, 13.7):
        assert class_patches([base, base**2, base**3], 12).tolist() == [2, 4, 6]


@pytest.mark.parametrize("area", [1.0, 0.5, 0.0, -3.0, float("nan")])
def test_equation_1_refuses_a_class_of_one_square_metre_or_less(area):
    with pytest.raises(LulcsegError, match=r"Vineyards.*more than 1 m²"):
        class_patches([100.0, area], 10, ["Other", "Vineyards"])


def test_equation_1_needs_classes_and_patches():
    with pytest.raises(LulcsegError, match="no class"):
        class_patches([], 10)
    with pytest.raises(LulcsegError, match="at least 1"):
        class_patches([10.0, 20.0], 0)


def test_equation_2_by_hand():
    # 10 patches over 50, 30, 19 and 1 m²: 5, 3, 1.9 and 0.1 before rounding up.
    assert feature_patches(10, [50, 30, 19, 1]).tolist() == [5, 3, 2, 1]


def test_equation_2_takes_a_hair_above_three_for_three():
    assert feature_patches(10, [3.0000000001, 7.0]).tolist() == [3, 7]
    assert feature_patches(10, [3.001, 7.0]).tolist() == [4, 7]


def test_equation_2_gives_the_tiniest_feature_a_patch():
    assert feature_patches(5, [1e12, 1e-6]).tolist() == [5, 1]


def test_exact_gives_the_rest_to_the_largest_remainders():
    # Quotas 5.0, 2.7, 1.9, 0.4: whole parts 5, 2, 1, 0 leave two, for .9 and .7.
    assert share_exactly(10, [50, 27, 19, 4]).tolist() == [5, 3, 2, 0]


def test_exact_breaks_ties_by_area_then_by_order():
    # Quotas 0.5, 1.5, 0.5, 1.5: four remainders of a half for the two patches left.
    assert share_exactly(4, [1, 3, 1, 3]).tolist() == [0, 2, 0, 2]
    assert share_exactly(2, [0.1, 0.1, 0.1]).tolist() == [1, 1, 0]


def test_equal_classes_give_the_rest_to_the_larger():
    assert equal_classes([5.0, 9.0, 7.0], 9).tolist() == [3, 3, 3]
    assert equal_classes([5.0, 9.0, 7.0], 10).tolist() == [3, 4, 3]
    assert equal_classes([5.0, 9.0, 7.0], 11).tolist() == [3, 4, 4]


def test_inverse_classes_by_hand():
    # 1/100 : 1/50 : 1/25 = 1 : 2 : 4.
    assert inverse_classes([100.0, 50.0, 25.0], 70).tolist() == [10, 20, 40]
    # 10 patches are 1.43, 2.86 and 5.71: whole parts 1, 2, 5 leave two, for .86 and .71.
    assert inverse_classes([100.0, 50.0, 25.0], 10).tolist() == [1, 3, 6]
    # The largest class would get nothing: it gets one, and the others share nine as 1 : 2.
    assert inverse_classes([1e9, 50.0, 25.0], 10).tolist() == [1, 3, 6]
    # Taking one away brings the second below one, too.
    assert inverse_classes([1e9, 51.0, 25.0], 4).tolist() == [1, 1, 2]
    assert inverse_classes([1e9, 1e9, 1e9, 1.0], 5).tolist() == [1, 1, 1, 2]


@pytest.mark.parametrize("share", [equal_classes, inverse_classes])
def test_each_class_needs_a_patch(share):
    assert share([3.0, 1.0], 2).tolist() == [1, 1]
    with pytest.raises(
        LulcsegError, match=r"sampling.patches: 2 patches are fewer than one for each of 3 classes.*at least 3"
    ):
        share([3.0, 1.0, 2.0], 2)


def test_inverse_classes_need_areas():
    with pytest.raises(LulcsegError, match="class 'Berry' has no area"):
        inverse_classes([3.0, 0.0], 20, ["Cane", "Berry"])


@pytest.mark.parametrize("share", [feature_patches, share_exactly])
def test_features_without_area_are_refused(share):
    with pytest.raises(LulcsegError, match=r"1 of 3 features.*number 1"):
        share(4, [1.0, 0.0, 2.0])
    with pytest.raises(LulcsegError, match="at least 1"):
        share(0, [1.0])


def test_counts_are_integers():
    for counts in (class_patches([10, 20], 3), feature_patches(3, [1, 2]), share_exactly(3, [1, 2])):
        assert counts.dtype == np.int64
