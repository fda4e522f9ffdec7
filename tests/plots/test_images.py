"""Drawings are shown as ink on paper, photographs as they are, and every pixel is shown."""

import numpy as np
import pytest

import zoo
from zoo import plots
from zoo.plots.sheets import suited_colors

generator = np.random.default_rng(0)
PHOTOGRAPHS = generator.uniform(0.2, 0.9, (12, 8, 8, 1)).astype("float32")


def trained(x, cls=zoo.VAE, **options):
    model = cls(x.shape[1:], 2, hidden_units=(4,), **options)
    model.compile()
    labels = [np.arange(len(x)) % 10] if model.conditional else []
    model.fit(x, *labels, verbose=0)
    return model


def image_of(figure, panel=0):
    image, *_ = figure.axes[panel].get_images()  # marks may lie over it
    return image


@pytest.mark.parametrize(
    ("images", "colors"),
    [
        (lambda digits: PHOTOGRAPHS, "gray"),
        (lambda digits: 1 - digits, "gray"),  # ink on a white ground as it is
        (lambda digits: digits, "gray_r"),
        (lambda digits: (digits - 0.3) / 0.4, "gray_r"),
    ],
)
def test_photographs_are_distinguished_from_drawings_by_their_borders(images, colors, few_digits):
    assert suited_colors(images(few_digits[0][:64])) == colors


PICTURES = {
    "samples": lambda m, x, y, **o: plots.samples(m["vae"], rows=2, columns=3, **o),
    "styles": lambda m, x, y, **o: plots.style_grid(m["cvae"], styles=2, **o),
    "analogies": lambda m, x, y, **o: plots.analogies(m["cvae"], x, y, n=2, **o),
    "reconstructions": lambda m, x, y, **o: plots.reconstructions(m["vae"], x, n=3, **o),
    "reconstructions of several": lambda m, x, y, **o: plots.reconstructions_of_several(
        {"a model of a long name": m["vae"]}, x, n=3, **o
    ),
    "restorations": lambda m, x, y, **o: plots.restorations(
        m["vae"], x, zoo.Masking(0.5), n=3, **o
    ),
    "interpolations": lambda m, x, y, **o: plots.interpolations(m["vae"], x, pairs=1, **o),
    "traversal": lambda m, x, y, **o: plots.traversal(m["vae"], steps=3, **o),
    "manifold": lambda m, x, y, **o: plots.manifold(m["vae"], x, side=3, **o),
}


@pytest.fixture(scope="module")
def photographs():
    """Models of photographs, these and labels."""
    classes = trained(PHOTOGRAPHS, zoo.CVAE, num_classes=10)
    return {"vae": trained(PHOTOGRAPHS), "cvae": classes}, PHOTOGRAPHS, np.arange(12) % 10


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_the_colors_that_suit_it_unless_told(name, photographs):
    assert image_of(PICTURES[name](*photographs)).get_cmap().name == "gray"
    assert image_of(PICTURES[name](*photographs, cmap="viridis")).get_cmap().name == "viridis"


def test_drawings_are_ink_on_paper():
    model = zoo.load("vae_digits")
    assert image_of(plots.samples(model, rows=2, columns=3)).get_cmap().name == "gray_r"


def test_gaps_stay_white_in_every_color(photographs):
    for cmap in ("gray", "viridis"):
        figure = plots.samples(photographs[0]["vae"], rows=2, columns=3, cmap=cmap)
        figure.draw_without_rendering()
        image = image_of(figure)
        shown = image.to_rgba(image.get_array(), alpha=None)
        assert (shown[8] == shown[8, 0]).all()
        assert shown[8, 0, 3] == 0  # nothing is drawn there, on white


@pytest.mark.parametrize("name", PICTURES)
def test_each_pixel_of_an_image_has_one_on_the_screen(name):
    x = generator.random((4, 70, 64, 1), np.float32)
    models = {
        "vae": zoo.VAE((70, 64, 1), 2, hidden_units=(4,)),
        "cvae": zoo.CVAE((70, 64, 1), 2, hidden_units=(4,), num_classes=10),
    }
    figure = PICTURES[name](models, x, np.arange(4))
    figure.draw_without_rendering()
    height, width = image_of(figure).get_array().shape
    box = figure.axes[0].get_window_extent()
    assert box.height >= height
    assert box.width >= width


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PICTURES, "energy"])
def test_titles_and_names_lie_within_the_picture(name, photographs):
    figure = plots.energy_surface() if name == "energy" else PICTURES[name](*photographs)
    figure.draw_without_rendering()
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1 - 1


@pytest.mark.slow
def test_many_classes_push_no_names_out_of_the_picture():
    model = zoo.VAE((64, 64, 1), 2, hidden_units=(4,))
    x = generator.random((40, 64, 64, 1), np.float32)
    figure = plots.manifold(model, x, np.arange(40), side=6)
    figure.draw_without_rendering()
    assert min(axes.get_tightbbox().x0 for axes in figure.axes) >= 0


def test_filters_and_traversals_of_drawings_have_one_color_map():
    """Positive weights are black, and codes at the ends of a traversal do not decide its colors."""
    model = zoo.Autoencoder((8, 8, 1), 100, hidden_units=())
    assert image_of(plots.filters(model)).get_cmap().name == "gray_r"
    assert image_of(plots.filters_of_several({"it": model})).get_cmap().name == "gray_r"
    for name in ("linear_ae_mnist", "sparse_ae_mnist", "vae_digits"):
        assert image_of(plots.traversal(zoo.load(name), rows=5)).get_cmap().name == "gray_r"
