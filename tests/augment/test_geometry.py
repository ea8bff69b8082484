"""Image, labels and validity move together, and nothing comes in from outside as a class."""

import math

import pytest
import torch

from lulcseg.augment.build_augmentation import build
from lulcseg.augment.catalogue import operations
from lulcseg.augment.warp import Rotation, Shear, Stretch, Zoom, compose
from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE
from tests.support.augmentations import only

GEOMETRY = [n for n, o in operations().items() if o.group == "geometry"]
WARPS = [n for n in GEOMETRY if n not in ("horizontal_flip", "vertical_flip", "quarter_turn")]


@pytest.fixture(autouse=True)
def whole_batches(monkeypatch):
    """Change the whole batch together, as a GPU does."""
    monkeypatch.setattr("lulcseg.augment.augmentation.CPU_SAMPLES", 64)


def marked(n=6, size=64):
    """A bright block in a dark patch, whose class is 8 in a patch of class 0."""
    image = torch.zeros(n, 2, size, size)
    mask = torch.zeros(n, size, size, dtype=torch.int64)
    image[:, :, 20:29, 35:46] = 1.0
    mask[:, 20:29, 35:46] = 8
    return image, mask, torch.ones(n, size, size, dtype=torch.bool)


@pytest.mark.parametrize("name", GEOMETRY)
@pytest.mark.parametrize("autocast", [False, True])
def test_a_marked_block_lands_where_its_label_lands(name, autocast):
    torch.manual_seed(3)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        image, mask, valid = only(name, 2)(*marked())
    assert set(mask.unique().tolist()) <= {0, 8, IGNORE}
    bright = image[:, 0] > 0.5
    for sample in range(len(image)):
        label = (mask[sample] == 8) & valid[sample]
        assert label.sum() > 40
        wrong = (
            label ^ (bright[sample] & valid[sample])
        ).sum()  # bilinear and nearest part at edges, by a pixel at most
        assert wrong <= 8, wrong
    changed = (mask != marked()[1]).flatten(1).any(dim=1)
    assert changed.sum() >= 3


def test_all_geometry_at_once_stays_aligned():
    torch.manual_seed(4)
    image, mask, valid = build("none", 2, p=dict.fromkeys(GEOMETRY, 1.0))(*marked(n=8))
    wrong = (((mask == 8) ^ (image[:, 0] > 0.5)) & valid).sum(dim=(1, 2))
    assert wrong.max() <= 14


@pytest.mark.parametrize("name", ["horizontal_flip", "vertical_flip", "quarter_turn"])
def test_moves_keep_every_value(name):
    image, mask, valid = marked()
    image = torch.rand(image.shape)
    torch.manual_seed(0)
    moved, labels, _ = only(name, 2)(image, mask, valid)
    assert torch.equal(moved.flatten(2).sort().values, image.flatten(2).sort().values)
    assert torch.equal(labels.flatten(1).sort().values, mask.flatten(1).sort().values)
    assert not torch.equal(moved, image)


def test_quarter_turns_are_the_three_turns():
    image, mask, valid = torch.rand(32, 1, 5, 5), torch.zeros(32, 5, 5, dtype=torch.uint8), torch.ones(32, 5, 5).bool()
    torch.manual_seed(0)
    turned = only("quarter_turn", 1)(image, mask, valid)[0]
    seen = {
        turn
        for a, b in zip(turned, image, strict=True)
        for turn in range(4)
        if torch.equal(a, torch.rot90(b, turn, (-2, -1)))
    }
    assert seen == {1, 2, 3}
    assert all(
        any(torch.equal(a, torch.rot90(b, t, (-2, -1))) for t in (1, 2, 3)) for a, b in zip(turned, image, strict=True)
    )


@pytest.mark.parametrize("name", WARPS)
def test_what_comes_in_from_outside_is_ignored_and_nothing_dark_is_valid(name):
    image, mask = torch.full((8, 1, 64, 64), 0.7), torch.full((8, 64, 64), 3, dtype=torch.uint8)
    torch.manual_seed(2)
    out, labels, valid = only(name, 1)(image, mask, torch.ones(8, 64, 64, dtype=torch.bool))
    assert set(labels.unique().tolist()) == {3, IGNORE}
    assert (labels[~valid] == IGNORE).all()
    assert (out[valid.unsqueeze(1)] - 0.7).abs().max() < 1e-5


def test_nodata_does_not_bleed_into_valid_pixels():
    image, mask, valid = torch.full((8, 1, 64, 64), 0.7), torch.full((8, 64, 64), 3), torch.ones(8, 64, 64).bool()
    valid[:, 20:40, 20:40] = False
    image[:, :, 20:40, 20:40] = 0.0
    image[:, :, 30:40, 20:40] = 1.0
    torch.manual_seed(2)
    out, labels, known = build("none", 1, p=dict.fromkeys(["zoom", "elastic", "rotation", "blur"], 1.0))(
        image, mask, valid
    )
    assert (out[known.unsqueeze(1)] - 0.7).abs().max() < 1e-5
    assert (labels[~known] == IGNORE).all()


def test_samples_without_a_warp_are_untouched():
    image, mask, valid = marked(n=16)
    image = torch.rand(image.shape)
    torch.manual_seed(0)
    out, labels, _ = build("none", 2, p={"zoom": 0.5})(image, mask, valid)
    kept = [torch.equal(a, b) for a, b in zip(out, image, strict=True)]
    assert 3 < sum(kept) < 13
    assert torch.equal(labels[kept], mask[kept])


def test_a_margin_saves_labels_and_keeps_the_centre():
    n, size, margin = 16, 64, 16
    side = size + 2 * margin
    image, mask = torch.rand(n, 1, side, side), torch.full((n, side, side), 3, dtype=torch.uint8)
    valid = torch.ones(n, side, side, dtype=torch.bool)
    centre = slice(margin, -margin)
    p = {"zoom": 1.0, "stretch": 1.0, "elastic": 1.0}
    torch.manual_seed(0)
    wide = build("none", 1, p=p, crop=size)(image, mask, valid)
    torch.manual_seed(0)
    cut = [image[..., centre, centre], mask[..., centre, centre], valid[..., centre, centre]]
    narrow = build("none", 1, p=p)(*cut)
    assert wide[0].shape == narrow[0].shape == (n, 1, size, size)
    assert (wide[1] == IGNORE).float().mean() < 0.1 * (narrow[1] == IGNORE).float().mean()
    inside = narrow[2]
    assert torch.allclose(wide[0][:, 0][inside], narrow[0][:, 0][inside], atol=0.02)
    plain = build("none", 1, crop=size)(image, mask, valid)[0]
    assert torch.equal(plain, image[..., centre, centre])


def test_zoom_scales_about_the_centre():
    image = torch.linspace(0, 1, 65).view(1, 1, 1, 65).expand(4, 1, 65, 65).contiguous()
    torch.manual_seed(1)
    out = only("zoom", 1)(image, torch.zeros(4, 65, 65).long(), torch.ones(4, 65, 65).bool())[0]
    slopes = (out[:, 0, 32, 42] - out[:, 0, 32, 22]) / (20 / 64)
    assert torch.allclose(out[:, 0, 32, 32], torch.full((4,), 0.5), atol=1e-4)
    assert ((slopes >= 1 / 1.251) & (slopes <= 1.251)).all()
    assert slopes.std() > 0.02


@pytest.mark.parametrize("shape", [(64, 48), (32, 32)])
def test_odd_patches_are_refused(shape):
    with pytest.raises(LulcsegError, match=r"square|smaller"):
        build("geometry", 1, crop=48)(torch.zeros(1, 1, *shape), torch.zeros(1, *shape), torch.ones(1, *shape).bool())


def test_matrices_say_where_to_read_as_their_strengths_are_worded():
    u = torch.tensor([[1.0], [0.5], [0.0]], dtype=torch.float64)
    cos, sin = math.cos(math.radians(30)), math.sin(math.radians(30))
    turn = torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)
    same = torch.eye(2, dtype=torch.float64)
    torch.testing.assert_close(Rotation(most=30.0).matrix(u, 1.0), torch.stack([turn, same, turn.mT]))
    torch.testing.assert_close(Zoom(widest=1.25).matrix(u, 1.0), torch.stack([same / 1.25, same, same * 1.25]))
    torch.testing.assert_close(
        Stretch(widest=1.1).matrix(u, 1.0).diagonal(dim1=1, dim2=2),
        torch.tensor([[1.1, 1 / 1.1], [1.0, 1.0], [1 / 1.1, 1.1]], dtype=torch.float64),
    )
    slanted = Shear(most=0.15).matrix(torch.tensor([[1.0, 0.5], [0.5, 0.0], [1.0, 1.0]], dtype=torch.float64), 1.0)
    expected = [[[1, 0.15], [0, 1]], [[1, 0], [-0.15, 1]], [[1, 0.15], [0.15, 1 + 0.15**2]]]
    torch.testing.assert_close(slanted, torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(torch.linalg.det(slanted), torch.ones(3, dtype=torch.float64))


def test_each_sample_composes_the_matrices_it_chose():
    used, u = [Zoom(widest=1.25), Rotation(most=30.0)], torch.tensor([[1.0], [1.0], [1.0]], dtype=torch.float64)
    chosen = torch.tensor([[True, False], [False, False], [True, True]])
    total = compose(used, [u, u], chosen, 1.0)
    zoomed, turned = (operation.matrix(u, 1.0)[0] for operation in used)
    torch.testing.assert_close(total, torch.stack([zoomed, torch.eye(2, dtype=torch.float64), zoomed @ turned]))
