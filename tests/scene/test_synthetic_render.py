from __future__ import annotations

import numpy as np
import pytest

from lulcseg.grid import Window, blocks
from lulcseg.scene.synthetic.hash_noise import gaussian, hash32, layered, smooth, unit
from lulcseg.scene.synthetic.layout import lay_out
from lulcseg.scene.synthetic.light import REACH, cast_shadow, illuminate
from lulcseg.scene.synthetic.render import Renderer
from lulcseg.scene.synthetic.sensor import ALIGN, APRON, SURVEY_2015, SURVEY_2018, TILE, Survey, expose, mosaic_steps


@pytest.fixture(scope="module")
def layout():
    return lay_out(512, 3)


@pytest.mark.parametrize("survey", [SURVEY_2018, SURVEY_2015], ids=["2018", "2015"])
def test_pixels_do_not_depend_on_the_block(layout, survey: Survey) -> None:
    renderer = Renderer(layout, 2015, survey, 3, 9)
    whole = Window(90, 60, 330, 350)
    at_once = renderer.image(whole)
    classes = renderer.classes(whole)
    for block in blocks(whole, 200, 170):
        rows, cols = block.slices_in(whole)
        np.testing.assert_array_equal(renderer.image(block), at_once[:, rows, cols])
        np.testing.assert_array_equal(renderer.classes(block), classes[rows, cols])


def test_tile_and_apron_fit_the_grid_of_native_pixels_and_jpeg() -> None:
    up, down = SURVEY_2015.native
    assert ALIGN % down == 0
    assert ALIGN * up // down % 16 == 0
    assert TILE % ALIGN == APRON % ALIGN == 0
    # Shadows, crowns, compression and resampling around a tile all fit its apron.
    assert REACH + 14 + 20 * down // up <= APRON


@pytest.mark.parametrize("make", [lambda w: smooth(w, 13.7, 5), lambda w: gaussian(w, 5), lambda w: layered(w, 40, 5)])
def test_noise_belongs_to_the_place(make) -> None:
    whole = make(Window(-200, -100, 400, 300))
    part = make(Window(-7, 20, 50, 77))
    np.testing.assert_array_equal(part, whole[193:243, 120:197])
    assert abs(whole.mean()) < 0.25
    assert 0.7 < whole.std() < 1.3


def test_hash_is_even_and_uncorrelated() -> None:
    x, y = np.meshgrid(np.arange(300), np.arange(300))
    values = unit(hash32(4, x, y))
    assert values.dtype == np.float32
    counts = np.histogram(values, bins=20, range=(0, 1))[0]
    assert counts.min() > 0.93 * counts.mean()
    assert abs(np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(values[1:].ravel(), values[:-1].ravel())[0, 1]) < 0.02
    assert (unit(hash32(5, x, y)) != values).mean() > 0.99


@pytest.mark.parametrize(("azimuth", "shaded"), [(0, (30, 20)), (90, (20, 10)), (180, (10, 20)), (270, (20, 30))])
def test_shadows_fall_away_from_the_sun(azimuth: float, shaded: tuple[int, int]) -> None:
    height = np.zeros((41, 41), np.float32)
    height[20, 20] = 15
    east, south = np.sin(np.radians(azimuth)), -np.cos(np.radians(azimuth))
    shadow = cast_shadow(height, east, south, 45.0)
    assert shadow[shaded] == 1
    assert shadow[20, 20] == 0
    assert 10 < shadow.sum() < 20


def test_azimuth_counts_clockwise_from_north() -> None:
    height = np.zeros((61, 61), np.float32)
    height[29:32, 29:32] = 12
    lit = illuminate(np.ones((3, 61, 61), np.float32), height, azimuth=45, elevation=45, sky=0.25)[1]
    south_west, south_east, north_east = lit[35, 25], lit[35, 35], lit[25, 35]
    assert south_west < 0.5 < min(south_east, north_east)


def test_flat_open_ground_keeps_its_colour() -> None:
    albedo = np.random.default_rng(0).uniform(0, 1, (3, 30, 30)).astype(np.float32)
    lit = illuminate(albedo, np.zeros((30, 30), np.float32), 40, 45, 0.25)
    np.testing.assert_allclose(lit, albedo, rtol=1e-5)


def exposed(light: np.ndarray, survey: Survey) -> np.ndarray:
    picture = expose(light, Window(0, 0, 240, 240), survey, 1)
    return picture[:, 80:160, 80:160].astype(float).mean(axis=(1, 2))


def test_bands_of_the_other_sensor_are_mixed() -> None:
    plain = np.full((3, 240, 240), 0.2, np.float32)
    redder = plain.copy()
    redder[0] += 0.1
    change_2018 = exposed(redder, SURVEY_2018) - exposed(plain, SURVEY_2018)
    change_2015 = exposed(redder, SURVEY_2015) - exposed(plain, SURVEY_2015)
    assert abs(change_2018[1]) < 0.5
    assert change_2015[1] > 2


def test_the_other_sensor_resolves_less() -> None:
    stripes = np.zeros((3, 240, 240), np.float32)
    stripes[:, :, ::2] = 0.4
    window = Window(0, 0, 240, 240)
    sharp, soft = (expose(stripes, window, s, 1)[:, 80:160, 80:160].std() for s in (SURVEY_2018, SURVEY_2015))
    assert soft < 0.5 * sharp


def test_frames_step_in_brightness_at_their_seams() -> None:
    steps = mosaic_steps(Window(0, 0, 1600, 800), SURVEY_2015, 4)
    across = np.abs(np.diff(steps[1], axis=0))
    assert across.max() > 0.05
    assert np.median(across) < 0.001
    assert np.ptp(mosaic_steps(Window(0, 0, 1600, 800), SURVEY_2018, 4)) < np.ptp(steps)
