"""What cannot be shown is refused, with what would help."""

import pytest

import zoo
from zoo import plots

REFUSED = {
    "a manifold of 3 dimensions": (lambda m, x, y: plots.manifold(m["wide"]), "2 latent"),
    "a manifold with classes": (lambda m, x, y: plots.manifold(m["flat cvae"]), "style_grid"),
    "a manifold without a range": (lambda m, x, y: plots.manifold(m["plain"]), "x= or limits="),
    "a grid of one": (lambda m, x, y: plots.manifold(m["vae"], side=1), "side is 1"),
    "styles without classes": (lambda m, x, y: plots.style_grid(m["vae"]), "conditional"),
    "no styles": (lambda m, x, y: plots.style_grid(m["cvae"], styles=0), "styles is 0"),
    "names too few": (
        lambda m, x, y: plots.style_grid(m["cvae"], class_names=["a"]),
        "1 names; the model has 10",
    ),
    "analogies without classes": (lambda m, x, y: plots.analogies(m["vae"], x, y), "conditional"),
    "samples without a prior": (lambda m, x, y: plots.samples(m["plain"]), "prior"),
    "no samples": (lambda m, x, y: plots.samples(m["vae"], rows=0), "rows=0"),
    "labels without classes": (
        lambda m, x, y: plots.samples(m["vae"], rows=1, columns=1, labels=[1]),
        "not conditional",
    ),
    "labels too few": (lambda m, x, y: plots.samples(m["cvae"], labels=[1]), "96 integers"),
    "a class without classes": (
        lambda m, x, y: plots.traversal(m["vae"], label=1),
        "leave out label",
    ),
    "a class too high": (lambda m, x, y: plots.traversal(m["cvae"], label=10), "from 0 to 9"),
    "no steps": (lambda m, x, y: plots.traversal(m["vae"], steps=0), "steps is 0"),
    "no rows": (lambda m, x, y: plots.traversal(m["vae"], rows=0), "rows is 0"),
    "a start of another size": (
        lambda m, x, y: plots.traversal(m["vae"], start=[1, 2, 3]),
        r"start has shape \(3,\)",
    ),
    "no images": (lambda m, x, y: plots.reconstructions(m["vae"], x, n=0), "empty"),
    "images of 255": (lambda m, x, y: plots.codes(m["vae"], x * 255), "divide by 255"),
    "colors for other images": (lambda m, x, y: plots.codes(m["vae"], x, y[:3]), "256 codes"),
    "colors by floats": (lambda m, x, y: plots.codes(m["vae"], x, y / 2), "integers"),
    "bubbles without a posterior": (lambda m, x, y: plots.bubbles(m["plain"], x), "of a VAE"),
    "bubbles of 3 dimensions": (lambda m, x, y: plots.bubbles(m["wide"], x), "2 latent"),
    "an order without a posterior": (lambda m, x, y: plots.traversal(m["plain"], x=x), "of a VAE"),
    "too few to go between": (
        lambda m, x, y: plots.interpolations(m["vae"], x[:3], pairs=2),
        "2 pairs need 4 images",
    ),
    "no steps between": (lambda m, x, y: plots.interpolations(m["vae"], x, steps=1), "steps 1"),
    "vectors": (
        lambda m, x, y: plots.samples(m["vectors"]),
        r"\(height, width, channels\); given are rows of shape \(20,\).*`signals`",
    ),
    "a plane of vectors": (lambda m, x, y: plots.manifold(m["vectors"]), r"\(height, width"),
    "two channels": (lambda m, x, y: plots.samples(m["two channels"]), "not 2"),
    "no training": (lambda m, x, y: plots.training_curves({}), "at least one epoch"),
    "two trainings": (
        lambda m, x, y: plots.training_curves({"a": {"loss": [1.0]}, "b": {"loss": [2.0]}}),
        "what one `fit` returned",
    ),
    "a list of losses": (lambda m, x, y: plots.training_curves([1.0, 2.0]), "is a list"),
    "one limit": (lambda m, x, y: plots.manifold(m["vae 2"], limits=3), "two numbers"),
    "limits of each axis": (
        lambda m, x, y: plots.manifold(m["vae 2"], limits=((-1, 1), (-2, 2))),
        "two numbers",
    ),
    "half a point": (lambda m, x, y: plots.manifold(m["vae 2"], side=5.5), "whole number"),
    "a manifold of a name": (lambda m, x, y: plots.manifold(m["flat cvae"], label="7"), "0 to 9"),
    "a walk of a class too high": (lambda m, x, y: plots.walk(m["cvae"], label=10), "0 to 9"),
    "no filters": (lambda m, x, y: plots.filters(m["plain"], rows=0), "rows=0"),
    "no filters a row": (
        lambda m, x, y: plots.filters_of_several({"a": m["plain"]}, side=0),
        "side is 0",
    ),
    "no columns": (lambda m, x, y: plots.tile(x, 0), "columns is 0"),
    "names too few for codes": (
        lambda m, x, y: plots.codes(m["vae"], x, y, class_names=["a"]),
        "1 names; the labels go up to 9",
    ),
    "the name of a model": (lambda m, x, y: plots.codes("vae_digits", x), "zoo.load"),
    "rows of unequal length": (
        lambda m, x, y: plots.rows_of_images({"a": x[:5], "b": x[:3]}, "Rows"),
        "as many images",
    ),
    "bytes in rows": (
        lambda m, x, y: plots.rows_of_images({"a": (255 * x[:5]).astype("uint8")}, "Rows"),
        r"reach 255.*/ 255",
    ),
    "bytes that were found": (
        lambda m, x, y: plots.hits(x[:2], (255 * x[None, :4]).astype("uint8").repeat(2, 0)),
        r"reach 255.*/ 255",
    ),
    "a gap below 0": (lambda m, x, y: plots.rows_of_images({"a": x[:5]}, "a", gap=-1), "gap is"),
    "codes of three numbers": (lambda m, x, y: plots.scatters({"a": x[:5, :3, 0, 0]}), "n, 2"),
    "codes that are NaN": (
        lambda m, x, y: plots.scatters({"a": x[:5, :2, 0, 0] * float("nan")}),
        "NaN",
    ),
    "too few labels of codes": (
        lambda m, x, y: plots.scatters({"a": x[:5, :2, 0, 0]}, y[:2]),
        "5 integers",
    ),
    "too few labels of moving codes": (
        lambda m, x, y: plots.moving_codes({"a": x[:5, :6, :2, 0]}, y[:2]),
        "6 integers",
    ),
    "one label": (lambda m, x, y: plots.samples(m["cvae"], labels=7), r"np.full\(96, 7\)"),
}


@pytest.fixture(scope="module")
def models(vae, cvae, plain):
    return {
        "vae": vae,
        "cvae": cvae,
        "plain": plain,
        "vae 2": zoo.VAE((8, 8, 1), 2, hidden_units=(4,)),
        "wide": zoo.VAE((8, 8, 1), 3, hidden_units=(4,)),
        "flat cvae": zoo.CVAE((8, 8, 1), 2, hidden_units=(4,), num_classes=10),
        "vectors": zoo.VAE((20,), 2, hidden_units=(4,)),
        "two channels": zoo.VAE((8, 8, 2), 2, hidden_units=(4,)),
    }


@pytest.mark.parametrize("kind", REFUSED)
def test_impossible_pictures_are_refused(kind, models, few_digits):
    show, says = REFUSED[kind]
    with pytest.raises(ValueError, match=says):
        show(models, *few_digits)


BY_NAME = {
    "models": plots.reconstructions_of_several,
    "filters": lambda given, x: plots.filters_of_several(given),
    "rows": lambda given, x: plots.rows_of_images(given, "Rows"),
    "signals": lambda given, x: plots.signals(given),
    "codes": lambda given, x: plots.scatters(given),
    "moving": lambda given, x: plots.moving_codes(given),
    "drawings": lambda given, x: plots.drawings(given, "Drawings"),
}


@pytest.mark.parametrize("kind", BY_NAME)
def test_what_is_named_in_a_picture_is_given_by_name(kind, few_digits):
    for given, said in (({}, "an empty dict"), ([few_digits[0]], "a list")):
        with pytest.raises(ValueError, match=f"by name, as .* not {said}"):
            BY_NAME[kind](given, few_digits[0])


def test_a_corruption_is_given_as_for_a_model(plain, few_digits):
    x = few_digits[0]
    by_name = plots.restorations(plain, x, {"masking": 0.25})
    pictures = [f._repr_png_() for f in (by_name, plots.restorations(plain, x, zoo.Masking(0.25)))]
    assert pictures[0] == pictures[1]
    with pytest.raises(TypeError, match="such as"):
        plots.restorations(plain, x, "masking")


PICTURES_OF_CODES = {
    "reconstructions": lambda m, x: plots.reconstructions(m, x),
    "of several": lambda m, x: plots.reconstructions_of_several({"m": m}, x),
    "interpolations": lambda m, x: plots.interpolations(m, x),
    "photographs": lambda m, x: plots.photographs(m, x),
    "restorations": lambda m, x: plots.restorations(m, x, zoo.Masking(0.2)),
    "codes": lambda m, x: plots.codes(m, x),
    "a manifold with images": lambda m, x: plots.manifold(m, x),
    "filters": lambda m, x: plots.filters(m),
}


@pytest.mark.parametrize("kind", PICTURES_OF_CODES)
@pytest.mark.parametrize("cls", ["GAN", "Pix2Pix"])
def test_pictures_of_codes_are_refused_without_an_encoder(kind, cls, few_digits):
    x = few_digits[0]
    model = (
        zoo.GAN((8, 8, 1), 2, hidden_units=(4,))
        if cls == "GAN"
        else zoo.Pix2Pix((8, 8, 1), filters=(4,))
    )
    sizes_first = (kind, cls) == ("a manifold with images", "Pix2Pix")  # it has no codes either
    message = "2 latent dimensions, not 0" if sizes_first else f"encoder, and a {cls} has none"
    with pytest.raises(ValueError, match=message):
        PICTURES_OF_CODES[kind](model, x)
