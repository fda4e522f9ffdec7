"""A notebook shows what the functions of `zoo.plots` return, once, and nothing else changes."""

import io
import typing

import numpy as np
import pytest
from matplotlib import pyplot
from PIL import Image

from zoo import anomaly, plots
from zoo.plots.picture import Picture

NO_PICTURES = {"moving_codes", "save_small", "style", "tile", "walk"}


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@pytest.mark.parametrize("name", sorted(set(plots.__all__) - NO_PICTURES))
def test_every_function_says_that_it_returns_a_picture(name):
    assert typing.get_type_hints(getattr(plots, name))["return"] is Picture


@pytest.fixture(params=["lines", "images", "codes", "report"])
def picture(request, vae, few_digits):
    if request.param == "lines":
        return plots.training_curves({"loss": [2.0, 1.0], "val_loss": [3.0, 2.0]})
    if request.param == "images":
        return plots.reconstructions(vae, few_digits[0], n=3)
    if request.param == "codes":
        return plots.codes(vae, few_digits[0], few_digits[1])
    return anomaly.report.histogram(np.arange(20.0), 18.0)


def test_a_picture_shows_in_a_notebook_what_it_saves_in_a_file(picture):
    saved = io.BytesIO()
    picture.savefig(saved, format="png")
    shown = pixels(picture._repr_png_())
    np.testing.assert_array_equal(shown, pixels(saved.getvalue()))
    assert shown.min() < 128  # something is drawn


def test_a_second_display_shows_the_same_once_more(picture):
    assert picture._repr_png_() == picture._repr_png_()
    others = ("html", "svg", "jpeg", "markdown", "latex", "pdf", "mimebundle")
    assert not [kind for kind in others if getattr(picture, f"_repr_{kind}_", lambda: None)()]
    assert not hasattr(picture, "_ipython_display_")


WITH_TEXT = {
    "curves": lambda m, x, y: plots.training_curves({"reconstruction": [1.0, 2.0], "kl": [2.0, 1]}),
    "codes": lambda m, x, y: plots.codes(m, x, y),
    "codes with long names": lambda m, x, y: plots.codes(m, x, y, class_names=["a long name"] * 10),
    "bars": lambda m, x, y: plots.kl_by_dimension(m, x),
    "rows": lambda m, x, y: plots.rows_of_images({"a long name of a row": x[:2]}, "A title"),
    "several": lambda m, x, y: plots.reconstructions_of_several({"a": m}, x, n=2),
    "samples": lambda m, x, y: plots.samples(m, rows=1, columns=1),
    "traversal": lambda m, x, y: plots.traversal(m, x=x, steps=2),
    "interpolations": lambda m, x, y: plots.interpolations(m, x, pairs=1, steps=2),
    "differences": lambda m, x, y: plots.differences(m, x, n=4),
    "signals": lambda m, x, y: plots.signals({"a": x[:2, :, 0, 0]}, "A title " * 4, columns=1),
    "scatters": lambda m, x, y: plots.scatters({"a": x[:, 2, 2:4, 0]}, y, title="A title " * 5),
    "draws": lambda m, x, y: plots.reparameterization(m, x),
    "energy": lambda m, x, y: plots.energy_surface(),
}


@pytest.mark.parametrize("style", ["screen", "slides", "paper"])
@pytest.mark.parametrize("kind", WITH_TEXT)
def test_texts_of_every_size_lie_within_the_picture(kind, style, vae, few_digits):
    plots.style(style)
    try:
        figure = WITH_TEXT[kind](vae, *few_digits)
        figure.draw_without_rendering()
        drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    finally:
        plots.style("screen")
    assert min(drawn.x0, drawn.y0) >= -0.02
    assert drawn.x1 <= width + 0.02
    assert drawn.y1 <= height + 0.02


@pytest.mark.slow
def test_a_picture_belongs_to_no_window_that_a_cell_shows_at_its_end():
    plots.energy_surface()._repr_png_()
    assert pyplot.get_fignums() == []


@pytest.mark.slow
def test_the_formatters_of_ipython_show_it_as_one_picture():
    formatters = pytest.importorskip("IPython.core.formatters")
    shown, _ = formatters.DisplayFormatter().format(plots.energy_surface())
    assert sorted(shown) == ["image/png", "text/plain"]


def test_a_small_file_has_narrow_margins(tmp_path):
    figure = Picture(figsize=(4, 3), dpi=50)
    figure.add_axes((0.4, 0.4, 0.2, 0.2)).set(xticks=[], yticks=[])
    plots.save_small(figure, tmp_path / "small.png")
    with Image.open(tmp_path / "small.png") as image:
        width, height = image.size
    assert (width, height) == pytest.approx((40 + 16, 30 + 16), abs=4)
    figure.axes[0].imshow(np.linspace(0, 1, 4096).reshape(64, 64), "gray")
    for grays in (64, 16):
        plots.save_small(figure, tmp_path / "grays.png", grays)
        with Image.open(tmp_path / "grays.png") as image:
            assert len(image.getcolors()) <= grays
            assert len(image.getcolors()) > grays / 2
    plots.save_small(Picture(figsize=(4, 3), dpi=50), tmp_path / "empty.png")
    with Image.open(tmp_path / "empty.png") as image:
        assert image.size == (200, 150)


def test_a_histogram_of_few_scores_counts_them_in_whole_numbers():
    (few,) = anomaly.report.histogram(np.arange(20.0), 18.0).axes
    assert few.get_yscale() == "linear"
    assert all(tick == round(tick) for tick in few.get_yticks())
    (many,) = anomaly.report.histogram(np.repeat(np.arange(20.0), 30), 18.0).axes
    assert many.get_yscale() == "log"


def test_the_first_time_a_picture_is_shown_nothing_is_cut_off():
    z = np.random.default_rng(0).normal(size=(50, 2))
    figure = plots.scatters({"a": z, "b": 0.5 * z}, title="Two sets of points")
    figure._repr_png_()
    assert all(axes.get_tightbbox().y0 > 0 for axes in figure.axes)
