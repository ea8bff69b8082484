"""What every augmentation operation keeps to: types, ranges, labels, identity, independence, seeds, any bands."""

import math

import pytest
import torch

from lulcseg.augment.augmentation import Augmentation
from lulcseg.augment.build_augmentation import build
from lulcseg.augment.catalogue import operations
from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE
from lulcseg.settings.presets import load_preset
from tests.support.augmentations import only

NAMES = list(operations())
GEOMETRY = [n for n, o in operations().items() if o.group == "geometry"]
OTHERS = [n for n in NAMES if n not in GEOMETRY]
MOVES = ["horizontal_flip", "vertical_flip", "quarter_turn"]


@pytest.fixture(autouse=True)
def whole_batches(monkeypatch):
    """Change the whole batch together, as a GPU does."""
    monkeypatch.setattr("lulcseg.augment.augmentation.CPU_SAMPLES", 64)


def batch(n=4, bands=3, size=48, seed=0):
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(n, bands, 6, 6, generator=generator)
    image = torch.nn.functional.interpolate(small, size=(size, size), mode="bilinear") * 0.8 + 0.1
    mask = torch.where(torch.rand(n, size, size, generator=generator) < 0.5, 0, 8).to(torch.uint8)
    valid = torch.ones(n, size, size, dtype=torch.bool)
    valid[0, :, :5] = False
    mask[~valid] = IGNORE
    return image * valid.unsqueeze(1), mask, valid


def run(augmentation, given, seed=1):
    torch.manual_seed(seed)
    return augmentation(*given)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bands", [1, 3, 4, 7])
def test_keeps_types_range_and_labels(name, bands):
    if operations()[name].bands not in (None, bands):
        pytest.skip("refuses these bands")
    given = batch(bands=bands)
    image, mask, valid = run(only(name, bands, strength=1.5), given)
    assert (image.shape, image.dtype) == (given[0].shape, torch.float32)
    assert (mask.shape, mask.dtype) == (given[1].shape, torch.uint8)
    assert valid.dtype == torch.bool
    assert torch.isfinite(image).all()
    assert image.min() >= 0
    assert image.max() <= 1
    assert set(mask.unique().tolist()) <= {0, 8, IGNORE}
    assert (mask[~valid] == IGNORE).all()


@pytest.mark.parametrize("name", NAMES)
def test_at_full_strength_something_changes(name):
    given = batch()
    assert not same(run(only(name, 3), given), given)


@pytest.mark.parametrize("name", NAMES)
def test_zero_strength_is_identity(name):
    given = batch()
    assert same(run(only(name, 3, strength=0.0), given), given)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in MOVES])
def test_strength_approaches_identity_smoothly(name):
    given = batch()
    image, mask, _ = run(only(name, 3, strength=1e-4), given)
    inner = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    assert (image[inner] - given[0][inner]).abs().mean() < 1e-3
    assert (mask[:, 8:-8, 8:-8] == given[1][:, 8:-8, 8:-8]).float().mean() > 0.99


@pytest.mark.parametrize("name", OTHERS)
def test_values_leave_labels_and_validity_alone(name):
    given = batch()
    _, mask, valid = run(only(name, 3), given)
    assert torch.equal(mask, given[1])
    assert torch.equal(valid, given[2])


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_does_not_depend_on_its_neighbours(name):
    given = batch()
    others = batch(seed=9)
    mixed = [torch.cat([a[:2], b[2:]]) for a, b in zip(given, others, strict=True)]
    one, two = run(only(name, 3), given), run(only(name, 3), mixed)
    for a, b in zip(one, two, strict=True):
        assert torch.equal(a[:2], b[:2])


def test_draws_of_a_sample_do_not_depend_on_how_many_follow():
    given = batch(n=6)
    whole = run(build("paper", 3), given)
    first = run(build("paper", 3), [part[:3] for part in given])
    for a, b in zip(whole, first, strict=True):
        assert torch.allclose(a[:3].float(), b.float(), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_one_at_a_time_is_as_all_at_once(name, monkeypatch):
    given = batch()
    whole = run(only(name, 3), given)
    monkeypatch.setattr("lulcseg.augment.augmentation.CPU_SAMPLES", 1)
    for a, b in zip(whole, run(only(name, 3), given), strict=True):
        assert torch.allclose(a.float(), b.float(), atol=1e-5)


def test_switching_one_off_leaves_the_draws_of_others():
    given = batch(n=8)
    off = dict.fromkeys(load_preset("augment", "paper")["p"], 0.0)
    both = run(build("paper", 3, p={**off, "gamma": 1.0, "linear": 0.5}), given)[0]
    alone = run(build("paper", 3, p={**off, "gamma": 1.0}), given)[0]
    agree = [torch.equal(a, b) for a, b in zip(both, alone, strict=True)]
    assert any(agree)
    assert not all(agree)


@pytest.mark.parametrize("preset", ["geometry", "light", "paper"])
def test_same_seed_same_batch_other_seed_another(preset):
    given = batch()
    augmentation = build(preset, 3)
    assert same(run(augmentation, given, 5), run(augmentation, given, 5))
    assert not same(run(augmentation, given, 5), run(augmentation, given, 6))


def test_samples_of_a_batch_draw_for_themselves():
    image, mask, valid = (part[1:2].repeat(4, *[1] * (part.dim() - 1)) for part in batch(size=128))
    for name in NAMES:
        out = run(only(name, 3), (image, mask, valid))[0]
        if name not in ("horizontal_flip", "vertical_flip"):
            assert not torch.equal(out[0], out[1]) or not torch.equal(out[0], out[2]), name


def test_weather_comes_to_half_of_the_samples_one_kind_each():
    augmentation = build("paper", 3)
    weather = [o for o in augmentation.operations if o.group == "weather"]
    torch.manual_seed(0)
    draws = torch.rand(4000, 200, dtype=torch.float64)
    hits = torch.stack([augmentation._chosen(o, draws) for o in weather]).sum(dim=0)
    assert hits.max() == 1
    assert hits.float().mean() == pytest.approx(0.5, abs=0.03)


def test_does_not_change_what_it_was_given():
    given = batch()
    before = [part.clone() for part in given]
    run(
        build("paper", 3, p=dict.fromkeys(("gamma", "elastic", "blur"), 1.0) | {"clouds": 0, "fog": 0, "smoke": 0}),
        given,
    )
    assert same(given, before)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_values_under_invalid_pixels_mean_nothing(name, seed):
    image, mask, valid = batch(n=8)
    valid[1:, 20:30, 15:40] = False
    valid[:, 40, 40] = False
    mask[~valid] = IGNORE
    one, two = (
        run(only(name, 3), (torch.where(valid.unsqueeze(1), image, fill), mask, valid), seed) for fill in (0.0, 7.0)
    )
    assert same(one[1:], two[1:])
    assert one[2].any()
    assert not one[2].all()
    known = one[2].unsqueeze(1).expand_as(image)
    assert torch.equal(one[0][known], two[0][known])


def test_a_generator_draws_as_the_global_one_and_leaves_that_alone():
    given, augmentation = batch(), build("paper", 3)
    expected = run(augmentation, given, 5)
    torch.manual_seed(11)
    before = torch.get_rng_state()
    assert same(augmentation(*given, generator=torch.Generator().manual_seed(5)), expected)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"preset": "papre"}, "did you mean 'paper'"),
        ({"p": {"gama": 0.5}}, "did you mean 'gamma'"),
        ({"p": {"gamma": 1.5}}, "not a probability"),
        ({"p": {"hue": 0.4}}, "hue needs 3 bands and the imagery has 4"),
        ({"p": {"blur": 0.7, "fog": 0.7}}, "add up to"),
        ({"p": {"gamma": math.nan}}, "not a probability"),
        ({"strength": -1.0}, "not a number of 0 or more"),
        ({"strength": math.nan}, "not a number of 0 or more"),
        ({"strength": math.inf}, "not a number of 0 or more"),
        ({"strengths": {"gamma": {"wide": 2.0}}}, "gamma has no 'wide'"),
        ({"p": {"gamma": 1.0}, "strengths": {"gamma": {"widest": -2.0}}}, "widest=-2.0 is not a number above 0"),
        ({"p": {"gamma": 1.0}, "strengths": {"gamma": {"widest": math.nan}}}, "not a number above 0"),
        ({"p": {"gamma": 1.0}, "strengths": {"gamma": {"widest": None}}}, "not a number above 0"),
        ({"p": {"clahe": 1.0}, "strengths": {"clahe": {"tiles": True}}}, "not a number above 0"),
        ({"p": {"clahe": 1.0}, "strengths": {"clahe": {"tiles": 8.5}}}, "tiles=8.5 is not a whole number"),
    ],
)
def test_bad_settings_are_named(arguments, words):
    with pytest.raises(LulcsegError, match=words):
        build(**{"preset": "light", "bands": 4, **arguments})


def test_a_strength_in_shares_takes_whole_numbers_too():
    strengths = {"gamma": {"widest": 2}, "clahe": {"tiles": 4}}
    made = {o.name: o for o in build("none", 3, p=dict.fromkeys(strengths, 1.0), strengths=strengths).operations}
    assert (made["gamma"].widest, made["clahe"].tiles) == (2, 4)


def test_presets_leave_out_what_the_bands_do_not_allow():
    names = {o.name for o in build("light", 4).operations}
    assert "hue" not in names
    assert "saturation" in names
    assert not {"rotation", "shear"} & {o.name for o in build("paper", 3).operations}
    assert not build("none", 3).operations


def test_every_operation_tells_what_it_is():
    for name, operation in operations().items():
        made = operation()
        assert made.about.endswith(".") or made.about.endswith(","), name
        assert made.group in ("contrast", "noise", "geometry", "weather")
        assert isinstance(only(name, 3), Augmentation)


def acting(augmentation, given, seed=1):
    """Return which operations changed each sample, (B, operations), seen one at a time."""
    seen = {o.name: torch.zeros(len(given[0]), dtype=torch.bool) for o in augmentation.operations}
    plain = augmentation._photometric

    def spied(batch, operation, draws, index):
        seen[operation.name][index] = True
        return plain(batch, operation, draws, index)

    augmentation._photometric = spied
    run(augmentation, given, seed)
    return torch.stack(list(seen.values()), dim=1)


TONE = {"brightness": 0.7, "multiply": 0.7, "linear": 0.7, "gamma": 0.7, "gaussian": 0.7}


def test_at_most_so_many_operations_act_chosen_at_random_among_those_drawn():
    given = batch(n=64, size=8)
    drawn = acting(build("none", 3, p=TONE), given)
    kept = acting(build("none", 3, p=TONE, most=2), given)
    assert not (kept & ~drawn).any(), "nothing acts that wasn't drawn"
    assert torch.equal(kept.sum(1), drawn.sum(1).clamp(max=2))
    assert (kept.sum(0) > 10).all(), "each operation has its turn"
    assert same(run(build("none", 3, p=TONE, most=5), given), run(build("none", 3, p=TONE), given))


def test_what_acts_on_a_sample_does_not_depend_on_its_neighbours_or_on_moves():
    given = batch(n=8, size=8)
    kept = acting(build("none", 3, p=TONE, most=2), given)
    assert torch.equal(acting(build("none", 3, p={**TONE, "horizontal_flip": 0.5}, most=2), given)[:, 1:], kept)
    fewer = acting(build("none", 3, p={**TONE, "gaussian": 0}, most=4), given)
    assert torch.equal(fewer, acting(build("none", 3, p={**TONE, "gaussian": 0}), given))
