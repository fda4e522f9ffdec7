"""Codes in the plane, and curves of trainings: every point and every line at its place."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from scipy.spatial.distance import pdist
from scipy.stats import norm
from support.pictures import labels_of, sheet

import zoo
from zoo import plots
from zoo.checks.names import UnknownNameError
from zoo.nn.colors import rgb_to_lab

# Planes of codes


def test_both_panels_of_the_manifold_have_the_same_axes(vae, few_digits):
    figure = plots.manifold(vae, *few_digits, side=5)
    left, right = figure.axes
    assert left.get_xlim() == right.get_xlim()
    assert left.get_ylim() == right.get_ylim()
    assert left.get_xlim()[0] < left.get_xlim()[1]
    assert left.get_ylim()[0] < left.get_ylim()[1]
    assert left.get_xlabel() == right.get_xlabel() == "quantile of $z_1$"
    assert left.get_ylabel() == right.get_ylabel() == "quantile of $z_2$"
    drawn = np.concatenate([points.get_offsets() for points in right.collections])
    expected = norm.cdf(vae.encode(few_digits[0]))
    order = np.lexsort(expected.T)
    np.testing.assert_allclose(drawn[np.lexsort(drawn.T)], expected[order], rtol=1e-5)


def test_titles_of_the_manifold_lie_within_the_picture(vae, few_digits):
    for figure in (plots.manifold(vae, *few_digits, side=5), plots.manifold(vae, side=5)):
        figure.draw_without_rendering()
        for axes in figure.axes:
            assert axes.title.get_window_extent().y1 < figure.bbox.y1


def test_the_manifold_shows_every_code_where_it_lies(vae):
    figure = plots.manifold(vae, side=5, limits=(-3.0, 3.0))
    assert len(figure.axes) == 1
    pixels, ticks = sheet(figure), [-3, -1.5, 0, 1.5, 3]
    assert pixels.shape == (40, 40)
    (image,) = figure.axes[0].get_images()
    left, right, bottom, top = image.get_extent()
    assert image.origin == "upper"
    for i, j in ((0, 0), (4, 0), (0, 4), (2, 1)):  # steps to the right, and upwards
        expected = vae.decode(np.float32([[ticks[i], ticks[j]]]))[0, ..., 0]
        shown = pixels[8 * (4 - j) : 8 * (5 - j), 8 * i : 8 * (i + 1)]
        np.testing.assert_allclose(shown, expected, atol=1e-6)
        middle = (left + (i + 0.5) * (right - left) / 5, bottom + (j + 0.5) * (top - bottom) / 5)
        np.testing.assert_allclose(middle, (ticks[i], ticks[j]), atol=1e-6)


def test_the_manifold_shows_quantiles_of_a_normal_prior(few_digits):
    """Each image of the grid stands for equally many draws."""
    wide = zoo.VAE((8, 8, 1), 2, hidden_units=(4,), prior=zoo.Normal(2, scale=5.0))
    figure = plots.manifold(wide, *few_digits, side=4)
    assert figure.axes[0].get_xlim() == (0.0, 1.0)
    quantiles = norm(scale=5.0).ppf([0.125, 0.375, 0.625, 0.875])
    pixels = sheet(figure)
    for i, j in ((0, 0), (3, 1), (2, 3)):
        expected = wide.decode(np.float32([[quantiles[i], quantiles[j]]]))[0, ..., 0]
        shown = pixels[8 * (3 - j) : 8 * (4 - j), 8 * i : 8 * (i + 1)]
        np.testing.assert_allclose(shown, expected, atol=1e-6)
    x, _ = few_digits
    drawn = np.concatenate([points.get_offsets() for points in figure.axes[1].collections])
    wanted = norm(scale=5.0).cdf(wide.encode(x))
    np.testing.assert_allclose(np.sort(drawn[:, 0]), np.sort(wanted[:, 0]), atol=1e-6)


def test_a_conditional_model_has_a_manifold_for_each_class():
    model = zoo.CVAE((8, 8, 1), 2, num_classes=3, hidden_units=(4,), seed=0)
    pixels = sheet(plots.manifold(model, label=2, side=3))
    middle = model.decode(np.zeros((1, 2), "float32"), [2])[0, ..., 0]
    np.testing.assert_allclose(pixels[8:16, 8:16], middle, atol=1e-6)


def test_the_manifold_spans_most_codes_without_a_prior(plain, few_digits):
    x = few_digits[0]
    extent = np.quantile(np.abs(plain.encode(x)), 0.98)
    shown = plots.manifold(plain, x, side=3).axes[0].get_xlim()[1]
    assert shown == pytest.approx(extent * 3 / 2, rel=1e-5)


def test_codes_are_colored_by_class(vae, few_digits):
    x, y = few_digits
    axes = plots.codes(vae, x, y).axes[0]
    assert labels_of(axes.get_legend().get_texts()) == [str(i) for i in range(10)]
    assert len(axes.collections) == 10
    np.testing.assert_allclose(axes.collections[3].get_offsets(), vae.encode(x[y == 3]), atol=1e-6)
    names = [f"class {i}" for i in range(10)]
    named = plots.codes(vae, x, y, class_names=names).axes[0]
    assert labels_of(named.get_legend().get_texts()) == names
    assert plots.codes(vae, x).axes[0].get_legend() is None


def test_wider_codes_are_shown_by_principal_components(cvae, few_digits):
    x, y = few_digits
    axes = plots.codes(cvae, x, y).axes[0]
    z = cvae.encode(x, y)
    z = z - z.mean(axis=0)
    variances = np.linalg.eigvalsh(z.T @ z)[::-1]
    share = 100 * variances / variances.sum()
    assert axes.get_xlabel() == f"component 1 ({share[0]:.0f} % of the variance)"
    assert axes.get_ylabel() == f"component 2 ({share[1]:.0f} % of the variance)"


def test_codes_of_one_dimension_lie_on_a_line(few_digits):
    model = zoo.Autoencoder((8, 8, 1), 1, hidden_units=(4,))
    (points,) = plots.codes(model, few_digits[0]).axes[0].collections
    assert not points.get_offsets()[:, 1].any()


def test_scatters_show_every_code_in_the_color_of_its_class():
    generator = np.random.default_rng(0)
    codes, labels = {"a": generator.random((20, 2)), "b": generator.random((20, 2))}, [3, 7] * 10
    figure = plots.scatters(codes, labels)
    for axes, (name, z) in zip(figure.axes, codes.items(), strict=True):
        assert axes.get_title() == name
        threes, sevens = (np.asarray(points.get_offsets()) for points in axes.collections)
        np.testing.assert_allclose(threes, z[::2])
        np.testing.assert_allclose(sevens, z[1::2])
        assert axes.get_xlim() == figure.axes[0].get_xlim() == axes.get_ylim()
    wide = plots.scatters({"a": codes["a"], "b": 40 * codes["b"]}, own_scales=True)
    assert wide.axes[0].get_xlim()[1] < 2 < 30 < wide.axes[1].get_xlim()[1]
    shared = plots.scatters(codes, labels, extent=3.0)
    assert {axes.get_xlim() for axes in shared.axes} == {(-3.0, 3.0)}
    assert {axes.get_ylim() for axes in shared.axes} == {(-3.0, 3.0)}


def test_bubbles_are_posteriors_a_deviation_wide_over_the_prior(vae, few_digits):
    x, y = few_digits
    mean, log_var = vae.posterior_moments(x)
    *ellipses, prior = plots.bubbles(vae, x, y).axes[0].patches
    for i in (0, 7, 59):
        np.testing.assert_allclose(ellipses[i].center, mean[i], rtol=1e-6)
        size = ellipses[i].width / 2, ellipses[i].height / 2
        np.testing.assert_allclose(size, np.exp(log_var[i] / 2), rtol=1e-5)
    assert len(ellipses) == len(few_digits[0])
    assert (prior.center, prior.width, prior.height) == ((0, 0), 2, 2)


def test_training_curves_have_a_panel_a_metric():
    history = {"loss": [3.0, 2.0], "kl": [1.0, 0.5], "val_loss": [3.5, 3.0], "learning_rate": [1]}
    figure = plots.training_curves(history)
    assert [axes.get_title() for axes in figure.axes] == ["loss", "kl"]
    training, validation = figure.axes[0].get_lines()
    np.testing.assert_array_equal(training.get_xydata(), [[1, 3], [2, 2]])
    np.testing.assert_array_equal(validation.get_ydata(), [3.5, 3.0])
    assert validation.get_linestyle() == "--"
    assert len(figure.axes[1].get_lines()) == 1


def test_training_curves_take_what_fit_returns():
    class History:
        history = {"loss": [1.0]}  # noqa: RUF012

    assert len(plots.training_curves(History()).axes) == 1


def test_training_curves_take_a_trained_model_and_the_name_of_one_metric(few_digits):
    model = zoo.VAE((8, 8, 1), 2, hidden_units=(4,))
    model.compile("adam")
    model.fit(few_digits[0], epochs=1, verbose=0)
    (axes,) = plots.training_curves(model, "kl").axes
    assert axes.get_title() == "kl"
    np.testing.assert_array_equal(axes.get_xticks(), [1])  # one epoch, no fractions of it


def test_a_large_ellipse_lies_within_the_energy_around_it():
    for axes in plots.energy_surface(8.0, 1.0).axes[::2]:
        assert min(axes.get_xlim()[1], axes.get_ylim()[1]) == pytest.approx(12)


def test_curves_are_wrapped_and_chosen():
    history = {name: [1.0, 2.0] for name in ("loss", "val_loss", "a", "b", "c")}
    figure = plots.training_curves(history)
    assert [axes.get_title() for axes in figure.axes] == ["loss", "a", "b", "c"]
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (2, 3)
    assert [a.get_title() for a in plots.training_curves(history, ["b"]).axes] == ["b"]
    with pytest.raises(UnknownNameError, match="loss"):
        plots.training_curves(history, ["los"])


# What each kind of color blindness makes of linear RGB: Machado, Oliveira and Fernandes 2009 (doi
# 10.1109/TVCG.2009.113), severity 1.
SEEN = {
    "normal": np.eye(3),
    "without long waves": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "without middle waves": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "without short waves": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def least_distance(colors, seen):
    """Return the distance in Lab of the two of ten colors that are seen as most alike."""
    rgb = np.array([to_rgb(color) for color in colors])
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    linear = np.clip(linear @ np.transpose(seen), 0, 1)
    rgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return pdist(np.asarray(rgb_to_lab(rgb))).min()


@pytest.mark.parametrize("kind", SEEN)
def test_the_color_blind_can_tell_the_classes(kind):
    z = np.random.default_rng(0).normal(size=(50, 2))
    figure = plots.scatters({"codes": z}, np.arange(50) % 10)
    shown = [points.get_facecolor()[0, :3] for points in figure.axes[0].collections]
    assert len(shown) == 10
    assert least_distance(shown, SEEN[kind]) > 15
    usual = least_distance([f"C{i}" for i in range(10)], SEEN["without long waves"])
    assert usual < 5  # two of matplotlib's default colors are nearly one
