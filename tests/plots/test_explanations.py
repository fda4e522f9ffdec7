"""Pictures that explain: their numbers against those of the model and of NumPy."""

import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA
from support.tiny import randomized

import zoo
from zoo import plots
from zoo.plots import animations

X = zoo.data.load("digits")[0][0][:300]


@pytest.fixture(scope="module")
def vae():
    return zoo.VAE((8, 8, 1), 3, hidden_units=(6,), seed=0)


def test_draws_are_mean_and_deviation_times_noise(vae):
    figure = plots.reparameterization(vae, X, draws=5, seed=1)
    mean, log_var = (moments[0] for moments in vae.posterior_moments(X[:1]))
    noise = np.random.default_rng(1).normal(size=(5, 3))
    z = mean + np.exp(0.5 * log_var) * noise
    first, second = np.argsort(log_var)[:2]
    shown = figure.axes[1].collections[0].get_offsets()
    np.testing.assert_allclose(shown, z[:, [first, second]], rtol=1e-5)
    (ellipse,) = figure.axes[1].patches
    assert ellipse.width == pytest.approx(2 * np.exp(0.5 * log_var[first]), rel=1e-5)


def test_bars_are_kl_divergences_largest_first(vae):
    figure = plots.kl_by_dimension(vae, X)
    mean, log_var = vae.posterior_moments(X)
    kl = 0.5 * (mean**2 + np.exp(log_var) - log_var - 1).mean(axis=0)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    np.testing.assert_allclose(heights, sorted(kl, reverse=True), rtol=1e-4)
    assert f"{kl.sum():.1f} nats" in figure.axes[0].get_title()


def test_differences_have_a_sign(vae):
    figure = plots.differences(vae, X, n=2)
    error = vae.reconstruct(X[:2]) - X[:2]
    shown = np.asarray(figure.axes[2].get_images()[0].get_array())
    np.testing.assert_allclose(shown[:, :8], error[0, ..., 0], atol=1e-6)
    np.testing.assert_allclose(shown[:, 9:], error[1, ..., 0], atol=1e-6)


def test_a_linear_autoencoder_in_the_plane_of_pca_looks_like_it():
    model = zoo.Autoencoder((8, 8, 1), 4, hidden_units=(), likelihood="squared_error", seed=0)
    pca = PCA(4).fit(X.reshape(len(X), -1))
    mixed = np.random.default_rng(0).normal(size=(4, 4)) @ pca.components_
    dense = next(layer for layer in model.decoder.layers if layer.weights)
    dense.set_weights([mixed.astype("float32"), pca.mean_.astype("float32")])
    figure = plots.principal_components(model, X)
    ours, theirs = (np.asarray(axes.get_images()[0].get_array()) for axes in figure.axes[:2])
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    first = pca.components_[0] / (2 * np.abs(pca.components_).max()) + 0.5
    shown = theirs[:8, :8].ravel()
    assert np.allclose(shown, first, atol=1e-3) or np.allclose(shown, 1 - first, atol=1e-3)
    curve, point = figure.axes[2].get_lines()
    assert [size for size, _ in curve.get_xydata()] == list(range(9))
    for size, error in curve.get_xydata()[1:]:
        codes = PCA(int(size)).fit(X.reshape(len(X), -1))
        restored = codes.inverse_transform(codes.transform(X.reshape(len(X), -1)))
        expected = np.square(restored - X.reshape(len(X), -1)).sum(axis=1).mean()
        assert error == pytest.approx(expected, rel=1e-4)
    restored = np.square(model.reconstruct(X) - X).sum(axis=(1, 2, 3)).mean()
    np.testing.assert_allclose(point.get_xydata(), [[4, restored]], rtol=1e-5)
    with pytest.raises(ValueError, match="2 layers with weights"):
        plots.principal_components(zoo.Autoencoder((8, 8, 1), 2, hidden_units=(4,)), X)


def test_the_architecture_names_layers_and_shapes(vae):
    figure = plots.architecture(vae)
    assert [axes.get_title() for axes in figure.axes] == ["encoder", "decoder"]
    assert any("Dense  6" in text.get_text() for text in figure.axes[0].texts)


def test_a_walk_returns_to_where_it_began(vae, tmp_path):
    made = plots.walk(vae, places=3, steps=4, copies=2, enlarge=1, seed=5)
    assert made.frames.shape == (12, 8, 17, 1)
    stops = vae.prior.sample(6, seed=5).reshape(3, 2, 3)
    middle = 0.5 * (stops[2] + stops[0])  # of the last way
    images = vae.decode(middle.astype("float32"))
    shown = made.frames[10][..., 0] / 255
    inverted = np.abs(shown[:, :8] - images[0, ..., 0]).max() > 0.01
    shown = 1 - shown if inverted else shown
    np.testing.assert_allclose(shown[:, :8], images[0, ..., 0], atol=0.01)
    np.testing.assert_allclose(shown[:, 9:], images[1, ..., 0], atol=0.01)
    made.save(tmp_path / "walk.gif")
    with Image.open(tmp_path / "walk.gif") as gif:
        assert (gif.n_frames, gif.info["loop"]) == (12, 0)
    with pytest.raises(FileExistsError):
        made.save(tmp_path / "walk.gif")
    assert "data:image/gif" in made._repr_html_()


def test_styles_change_all_pictures_from_then_on(vae):
    sizes = []
    for name in ("slides", "screen"):
        plots.style(name)
        sizes.append(plots.kl_by_dimension(vae, X).axes[0].xaxis.label.get_size())
    assert sizes == [15, 10]
    with pytest.raises(ValueError, match="paper"):
        plots.style("papers")


@pytest.mark.parametrize(("side", "times"), [(8, 13), (28, 4), (128, 1)])
def test_a_walk_of_small_images_has_large_pixels(side, times):
    model = zoo.VAE((side, side, 1), 2, hidden_units=(4,))
    assert plots.walk(model, places=2, steps=1, copies=1).frames.shape[1] == times * side


def test_the_axes_of_moving_codes_show_most_codes_of_every_epoch(monkeypatch):
    shown = []
    scattered = animations.scattered
    monkeypatch.setattr(
        animations, "scattered", lambda *a, **k: shown.append(scattered(*a, **k)) or shown[-1]
    )
    centers = np.array([[9, 0], [4, 0], [0, 0]])[:, None]
    far = np.random.default_rng(0).normal(size=(3, 200, 2)) + centers
    plots.moving_codes({"a": far})
    for z, figure in zip(far, shown, strict=True):
        (left, right), (low, high) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
        inside = (left < z[:, 0]) & (z[:, 0] < right) & (low < z[:, 1]) & (z[:, 1] < high)
        assert inside.mean() > 0.7


def test_bars_of_many_dimensions_are_no_wider_than_a_page():
    model = zoo.VAE((8, 8, 1), 100, hidden_units=(4,))
    figure = plots.kl_by_dimension(model, X)
    assert figure.get_figwidth() <= 12.5
    assert len(figure.axes[0].patches) == 100
    assert 20 < len(figure.axes[0].get_xticks()) <= 32


def test_a_walk_of_a_class_draws_from_the_prior_of_the_class():
    settings = {"num_classes": 3, "prior": "learned", "hidden_units": (4,), "seed": 0}
    model = randomized(zoo.CVAE((8, 8, 1), 2, **settings))
    drawn = []
    decode = model.decode
    model.decode = lambda z, labels: drawn.append(z) or decode(z, labels)
    plots.walk(model, label=1, places=2, steps=1, copies=3, seed=5)
    styles = model.prior.sample(6, seed=5)
    expected = model.styled(styles, np.full(6, 1))
    np.testing.assert_allclose(drawn[0], expected, rtol=1e-5)
    assert np.abs(expected - styles).min() > 0.01


def test_codes_of_a_training_move_within_the_axes_of_their_end(vae, few_digits, tmp_path):
    x, y = few_digits[0][:40], few_digits[1][:40]
    model = zoo.VAE((8, 8, 1), 2, hidden_units=(8,))
    model.compile("adam")
    kept = zoo.callbacks.CodesInTraining(x)
    before = model.encode(x)
    model.fit(x, epochs=2, verbose=0, callbacks=[kept])
    assert kept.codes.shape == (3, 40, 2)
    np.testing.assert_array_equal(kept.codes[0], before)
    np.testing.assert_array_equal(kept.codes[-1], model.encode(x))
    moving = plots.moving_codes({"a": kept.codes, "b": kept.codes[::-1]}, y, milliseconds=50)
    frames = moving.frames
    assert len(frames) == 3 + 4
    assert not (frames[0] == frames[1]).all()
    assert (frames[2] == frames[6]).all()
    moving.save(tmp_path / "codes.gif")
    with Image.open(tmp_path / "codes.gif") as gif:
        assert gif.info["duration"] in (50, 250)
    for wrong in ({"a": kept.codes, "b": kept.codes[1:]}, {"a": kept.codes[0]}):
        with pytest.raises(ValueError, match=r"\[frames, n, 2\] is expected"):
            plots.moving_codes(wrong)
