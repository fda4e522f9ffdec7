"""Walks along the places of the classes."""

import numpy as np
import pytest
from support.pictures import labels_of, sheet

import zoo
from zoo import plots
from zoo.plots.walks import STEPS, along_classes


def test_a_walk_through_petals_begins_at_the_origin_and_stays_on_their_axes():
    prior = zoo.GaussianMixture.petals(5, radius=4.0, length=0.5)
    codes = along_classes(prior, 12).reshape(5, 12, 2)
    np.testing.assert_allclose(codes[:, 0], 0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(codes[:, -1], axis=1), 4.0 + 3 * 0.5, rtol=1e-5)
    across = codes[..., 0] * prior.means[:, None, 1] - codes[..., 1] * prior.means[:, None, 0]
    np.testing.assert_allclose(across, 0, atol=1e-4)


def test_a_walk_goes_through_the_mean_of_any_gaussian():
    means, factor = [[3.0, 4.0], [0.0, 0.0]], [[2.0, 0.0], [0.0, 1.0]]
    outer, central = along_classes(zoo.GaussianMixture(means, factor), 3).reshape(2, 3, 2)
    deviation = np.sqrt(np.array([0.6, 0.8]) @ np.diag([4.0, 1.0]) @ [0.6, 0.8])
    end = (5.0 + 3 * deviation) * np.array([0.6, 0.8])
    np.testing.assert_allclose(outer, [[0, 0], end / 2, end], rtol=1e-6)
    np.testing.assert_allclose(central, [[0, 0], [3, 0], [6, 0]], rtol=1e-6)


def test_a_walk_along_a_roll_passes_its_sections_in_turn_from_the_center():
    prior = zoo.SwissRoll(4, radius=6.0, turns=1.5, noise=0.3)
    codes = along_classes(prior, 10)
    np.testing.assert_array_equal(prior.component_of(codes), np.repeat(np.arange(4), 10))
    share = (np.arange(40) + 0.5) / 40  # of the density, from the center
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 6.0 * np.sqrt(share), rtol=1e-5)
    angle = np.unwrap(np.arctan2(*codes.T[::-1]))
    np.testing.assert_allclose(
        angle - angle[0], 3 * np.pi * (share**0.5 - share[0] ** 0.5), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("prior", [zoo.GaussianMixture.petals(4), zoo.SwissRoll(4)])
def test_the_preview_of_a_label_informed_model_walks_through_the_places_of_its_classes(prior):
    model = zoo.LabelInformedAAE((8, 8, 1), 2, prior=prior, num_classes=4, hidden_units=(4,))
    x, y = np.random.default_rng(0).random((12, 8, 8, 1), "float32"), np.arange(12) % 4
    figure = plots.preview(model, x, y)
    left, right = figure.axes
    shown = np.concatenate([points.get_offsets() for points in left.collections])
    z = np.concatenate([model.encode(x[y == label]) for label in range(4)])
    np.testing.assert_allclose(np.sort(shown, axis=0), np.sort(z, axis=0), atol=1e-6)
    decoded = model.decode(along_classes(prior, STEPS))
    for label, step in ((0, 0), (3, 5)):
        top, start = 9 * label, 9 * step
        image = sheet(figure, 1)[top : top + 8, start : start + 8]
        np.testing.assert_allclose(image, decoded[label * STEPS + step, ..., 0], atol=1e-6)
    assert labels_of(right.get_yticklabels()) == [f"class {c}" for c in range(4)]


def test_a_model_without_places_in_a_plane_shows_draws_of_its_prior():
    prior = zoo.GaussianMixture(np.eye(3))
    model = zoo.LabelInformedAAE((8, 8, 1), 3, prior=prior, num_classes=3, hidden_units=(4,))
    x = np.random.default_rng(0).random((12, 8, 8, 1), "float32")
    assert "decoded samples" in plots.preview(model, x).axes[0].get_title()
