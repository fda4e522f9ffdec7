"""Experiments on pre-training: what is chosen, and which weights and windows are taken."""

import json
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo import data
from zoo.experiments import (
    contractive_filters,
    regularized,
    regularized_search,
    stacked_classifiers,
)

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("images", "table"),
    [("mnist", "regularized_settings"), ("cifar", "regularized_cifar_settings")],
)
def test_the_settings_are_those_that_the_search_chose(images, table):
    path = ROOT / "results" / f"{table}.json"
    chosen = {row[0]: row[-1] for row in json.loads(path.read_text(encoding="utf-8"))["rows"]}
    settings = regularized.SETTINGS[images]
    assert {
        name: regularized_search.described(name, one) for name, one in settings.items()
    } == chosen


def test_the_best_candidate_of_each_step_is_kept_for_the_next(monkeypatch):
    """Errors that fall with the distance to one setting lead to this setting."""
    name = "denoising, masking noise"
    best = regularized.Settings(0.75, 2e-3, 1e-2)
    trained = []

    def pretrained(name, shape, settings, *rest):
        trained.append(settings[:2])
        return settings

    def fine_tuned(model, train, validation, epochs, rates, verbose):
        found = (*model[:2], *rates)
        return None, sum(abs(np.log(a / b)) for a, b in zip(found, best, strict=True))

    monkeypatch.setattr(regularized, "pretrained", pretrained)
    monkeypatch.setattr(regularized_search, "fine_tuned", fine_tuned)
    x = np.zeros((2, 4, 4, 1))
    *_, chosen = regularized_search.searched("mnist", name, (x, None), (x, None), 1, 0)
    assert chosen == regularized_search.described(name, best)
    assert len(trained) == len(set(trained)) == 5  # models are trained once


@pytest.mark.parametrize(("images", "longer"), [("mnist", 5), ("cifar", 10)])
def test_settings_are_searched_and_used_with_the_same_epochs(images, longer, monkeypatch):
    sets = ((np.zeros((4, 2, 2, 1)), np.zeros(4)),) * 3
    name = "denoising, masking noise"
    asked = []

    def fine_tuned(model, train, validation, epochs, rates, *rest):
        asked.append((model, len(train[0]), epochs, *rates))
        return None, 1.0

    monkeypatch.setattr(regularized, "pretrained", lambda *given: (given[2][:2], given[4]))
    monkeypatch.setattr(regularized_search, "fine_tuned", fine_tuned)
    monkeypatch.setattr(regularized_search, "SEARCHED", 3)
    regularized_search.chosen(images, *sets[:2], 5, [name], 0)
    assert len(asked) == 7
    assert {(model[1], *others) for model, *others, _ in asked} == {(5, 3, longer)}
    asked.clear()
    monkeypatch.setattr(regularized, "fine_tuned", fine_tuned)
    monkeypatch.setattr(regularized, "error_on", lambda *given: 7.0)
    monkeypatch.setattr(regularized.metrics, "jacobian_norm", lambda *given, squared: 9.0)
    monkeypatch.setattr(regularized.metrics, "saturation", lambda *given: 50.0)
    [row] = [r for r in regularized.compared(images, sets, 1e3, 5, [name], 0) if len(r) > 1]
    used = regularized.SETTINGS[images][name]
    assert asked == [((used[:2], 5), 4, longer, used.fine_tuning)] * 3
    error, jacobian, saturated = regularized.REPORTED[images][name]
    assert row == [name, error, 7.0, 0.0, jacobian, 9e3 / (4 * regularized.UNITS), saturated, 50.0]


def test_only_the_plain_autoencoder_varies_its_epochs(monkeypatch):
    found = {}
    monkeypatch.setattr(regularized, "UNITS", 3)
    monkeypatch.setattr(
        regularized, "fit", lambda model, x, epochs, rate, verbose, seed: found.update(n=epochs)
    )
    x = np.zeros((2, 4, 4, 1), "float32")
    for name, expected in (("autoencoder", 20), ("contractive (CAE)", 10)):
        settings = regularized.Settings(2, 1e-3, 1e-3)
        regularized.pretrained(name, x.shape[1:], settings, x, 10, 1, 0)
        assert found["n"] == expected


def test_gray_photographs_are_weighted_colors_in_another_order(monkeypatch):
    generator = np.random.default_rng(0)
    x, y = generator.random((50, 4, 4, 3)).astype("float32"), np.arange(50)
    monkeypatch.setattr(data, "load", lambda name: ((x, y), (x[:5], y[:5])))
    (train, labels), (held_out, others), (test, _) = regularized.gray_photographs()
    assert (train.shape, held_out.shape, test.shape) == ((40, 4, 4, 1), (10, 4, 4, 1), (5, 4, 4, 1))
    assert set(labels) | set(others) == set(range(50))
    assert not np.array_equal(np.concatenate([labels, others]), y)
    i = labels[7]
    expected = 0.299 * x[i, ..., 0] + 0.587 * x[i, ..., 1] + 0.114 * x[i, ..., 2]
    np.testing.assert_allclose(train[7, ..., 0], expected, rtol=1e-5)


def test_the_strongest_window_has_the_largest_sum_of_squares():
    some = np.random.default_rng(0).normal(size=(5, 9, 8))
    found = contractive_filters.strongest_windows(some, 3)
    for one, window in zip(some, found, strict=True):
        all_windows = [one[i : i + 3, j : j + 3] for i in range(7) for j in range(6)]
        expected = max(all_windows, key=lambda w: np.sum(w**2))
        np.testing.assert_array_equal(window, expected)


def test_a_deep_encoder_is_the_layers_one_after_the_other(monkeypatch):
    monkeypatch.setattr(stacked_classifiers, "UNITS", 5)
    x = np.random.default_rng(0).random((7, 4, 4, 1)).astype("float32")
    options = {"hidden_units": (), "code_activation": "sigmoid", "tie_weights": True}
    layers = [zoo.Autoencoder(shape, 5, **options) for shape in ((4, 4, 1), (5,), (5,))]
    codes = x
    for depth, one in enumerate(layers, 1):
        codes = one.encode(codes)
        deep = stacked_classifiers.of_layers((4, 4, 1), layers[:depth], depth)
        np.testing.assert_allclose(deep.encode(x), codes, rtol=1e-5)
