"""Likelihoods by bound and prior: which epoch is kept, and what is held out."""

import itertools
import re
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import zoo
from zoo import data
from zoo.experiments import bounds_and_priors
from zoo.experiments.bounds_and_priors import ROWS
from zoo.experiments.resuming import NOT_KEPT

X = np.random.default_rng(0).random((10, 28, 28, 1)).astype("float32")


@pytest.mark.parametrize(
    ("name", "activation"),
    [
        ("VAE, normal prior, gates", "glu"),
        ("VAE, VampPrior, gates, batches of 250", "glu"),
        ("VAE, normal prior, 400 epochs", "relu"),
    ],
)
def test_of_400_epochs_the_best_one_after_the_growth_is_kept(name, activation, monkeypatch):
    asked = {}
    monkeypatch.setattr(zoo.VAE, "fit", lambda model, x, **options: asked.update(options))
    row = replace(ROWS[name], epochs=8, components=min(ROWS[name].components, 2))
    model, _ = bounds_and_priors._trained(row, X[:6], X[6:], 0, NOT_KEPT)
    assert ROWS[name].epochs == 400
    assert model.activation == activation
    assert asked["validation_data"] == (pytest.approx(X[6:]),)
    [kept, _] = asked["callbacks"]
    assert isinstance(kept, zoo.callbacks.KeepBest)
    assert kept.start_from_epoch == 2  # of growth


@pytest.mark.parametrize("name", ["VAE, normal prior", "VAE, normal prior, gates, 150 epochs"])
def test_of_150_epochs_none_is_chosen_on_validation_images(name, monkeypatch):
    asked = {}
    monkeypatch.setattr(zoo.VAE, "fit", lambda model, x, **options: asked.update(options))
    bounds_and_priors._trained(ROWS[name], X[:6], X[6:], 0, NOT_KEPT)
    assert asked.keys() == {"batch_size", "epochs", "verbose", "callbacks"}
    assert not [one for one in asked["callbacks"] if isinstance(one, zoo.callbacks.KeepBest)]


@pytest.mark.parametrize(
    ("name", "size", "rate"),
    [
        ("VAE, k = 1", 4, 1e-3),
        ("VAE, k = 1, 200 epochs", 2, 1e-3),
        ("IWAE, k = 5, rate of 0.003, 59,600 images", 2, 3e-3),
    ],
)
def test_the_rate_ends_with_the_last_batch(name, size, rate, monkeypatch):
    asked = {}
    monkeypatch.setattr(zoo.VAE, "fit", lambda model, x, **options: asked.update(options))
    row = replace(ROWS[name], epochs=3, batch=size)
    model, _ = bounds_and_priors._trained(row, X[:6], X[6:], 0, NOT_KEPT)
    assert asked["batch_size"] == size
    schedule = model.optimizer._learning_rate
    last = 3 * -(-6 // size)
    assert float(schedule(0)) == pytest.approx(rate)
    assert float(schedule(last)) == pytest.approx(rate / 50)
    assert float(schedule(last - 1)) > rate / 25


@pytest.mark.parametrize("name", ROWS)
def test_rows_state_their_batches_rates_and_images(name):
    row = ROWS[name]
    batch = re.search(r"batches of (\d+)$", name)
    assert row.batch == (int(batch[1]) if batch else bounds_and_priors.BATCH)
    rate = re.search(r"rate of ([\d.]+)", name)
    assert row.rate == (float(rate[1]) if rate else 1e-3)
    images = re.search(r"([\d,]+) images$", name)
    assert 60_000 - row.held_out == (int(images[1].replace(",", "")) if images else 50_000)
    assert not row.start or row.held_out == ROWS[row.start].held_out  # none was seen before
    first = ROWS[row.start] if row.start else row
    assert first.at_mean == ("start at the mean" in name)


def test_the_decoder_starts_at_the_mean_image_where_the_row_says_so(monkeypatch):
    seen = []

    def fit(model, x, **options):
        seen.append(keras.ops.convert_to_numpy(model.decoder.get_layer("pixels").bias))

    monkeypatch.setattr(zoo.VAE, "fit", fit)
    for name in ("IWAE, k = 5, start at the mean, rate of 0.003, 59,600 images", "IWAE, k = 5"):
        bounds_and_priors._trained(ROWS[name], X[:6], X[6:], 0, NOT_KEPT)
    mean = X[:6].mean(axis=0).ravel().clip(0.001, 0.999)
    np.testing.assert_allclose(seen[0], np.log(mean / (1 - mean)), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(seen[1], 0)


@pytest.mark.parametrize(
    ("held_out", "first", "validation"), [(10_000, 6, 8.5), (4, 6, 8.5), (2, 8, 7.5)]
)
def test_the_last_training_images_are_held_out(held_out, first, validation, monkeypatch):
    """They are four at most; `first` are those before them."""
    monkeypatch.setitem(ROWS, "VAE, k = 1", replace(ROWS["VAE, k = 1"], held_out=held_out))
    trained, measured = [], []

    def log_likelihood(x, samples):
        measured.append((sorted(x.ravel()), samples))
        return SimpleNamespace(value=-np.arange(len(x)) - 7.0)

    def train(row, x, held_out, verbose, states, start, hours):
        trained.append((x.tolist(), held_out.tolist()))
        return SimpleNamespace(log_likelihood=log_likelihood), 0.5

    x, x_test = np.arange(10), np.arange(100, 105)
    monkeypatch.setattr(data, "load", lambda name: ((x, None), (x_test, None)))
    monkeypatch.setattr(bounds_and_priors, "VALIDATION", 4)
    monkeypatch.setattr(bounds_and_priors, "_trained", train)
    table = bounds_and_priors.bounds_and_priors(only=["VAE, k = 1"], verbose=0)
    assert trained == [([*range(first)], [*range(first, 10)])]
    assert measured == [([*range(100, 105)], 5000), ([*range(first, 10)], 200)]
    [row] = [row for row in table.rows if len(row) > 1]
    error = pytest.approx(np.sqrt(2 / 5), abs=1e-4)
    assert row[1:6] == [86.76, 9.0, error, validation, 1000]


def test_a_row_goes_on_from_the_model_of_another_one(monkeypatch):
    """Each is trained once, and measured if it was asked for; hours and epochs add up."""
    chain = ["VAE, k = 1, 3,280 epochs", "IWAE, k = 5, after k = 1", "IWAE, k = 50, after k = 5"]
    fitted = []

    def fit(model, x, settings, epochs, **options):
        before = model.encoder.get_weights()
        fitted.append((settings, epochs, model.samples, before))
        model.encoder.set_weights([w + 1 for w in before])
        return 0.5

    monkeypatch.setattr(data, "load", lambda name: ((X[:6], None), (X[6:], None)))
    monkeypatch.setattr(bounds_and_priors, "VALIDATION", 2)
    monkeypatch.setattr(bounds_and_priors, "SAMPLES", 2)
    states = SimpleNamespace(fit=fit)
    table = bounds_and_priors.bounds_and_priors(only=chain[1:], verbose=0, states=states)
    assert [row for row, *_ in fitted] == [ROWS[name] for name in chain]
    assert [(epochs, k) for _, epochs, k, _ in fitted] == [(3280, 1), (200, 5), (100, 50)]
    for (*_, earlier), (*_, later) in itertools.pairwise(fitted):
        for one, two in zip(earlier, later, strict=True):
            np.testing.assert_array_equal(two, one + 1)
    rows = [row for row in table.rows if len(row) > 1]
    assert [row[0] for row in rows] == chain[1:]
    assert [row[5:] for row in rows] == [["3280 + 200", 1.0], ["3280 + 200 + 100", 1.5]]


def test_a_row_that_goes_on_starts_with_the_first_rate_again(monkeypatch):
    monkeypatch.setattr(zoo.VAE, "fit", lambda model, x, **options: None)
    row = replace(ROWS["IWAE, k = 5, after k = 1"], epochs=3)
    model, _ = bounds_and_priors._trained(row, X[:6], X[6:], 0, NOT_KEPT)
    schedule = model.optimizer._learning_rate
    assert float(schedule(0)) == pytest.approx(1e-3)
    assert float(schedule(3)) == pytest.approx(2e-5)


def test_hours_on_a_gpu_name_it(monkeypatch):
    assert bounds_and_priors._spent(1.234) == 1.23
    monkeypatch.setattr(bounds_and_priors.backend, "device", lambda: "NVIDIA H100")
    assert bounds_and_priors._spent(0.5) == "0.50 (NVIDIA H100)"
