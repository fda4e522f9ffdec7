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
    "vectors": (lambda m, x, y: plots.samples(m["vectors"]), r"\(height, width, channels\)"),
    "a plane of vectors": (lambda m, x, y: plots.manifold(m["vectors"]), r"\(height, width"),
    "two channels": (lambda m, x, y: plots.samples(m["two channels"]), "not 2"),
    "no training": (lambda m, x, y: plots.training_curves({}), "at least one epoch"),
}


@pytest.fixture(scope="module")
def models(vae, cvae, plain):
    return {
        "vae": vae,
        "cvae": cvae,
        "plain": plain,
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
