"""Invalid data from users is refused, with a solution in the error."""

import numpy as np
import pytest
from support.steps import compile_as_written

import zoo
from zoo import data
from zoo.checks import data as checks
from zoo.nn.distributions import likelihood_names

METHODS = ("fit", "evaluate", "encode")


@pytest.fixture(scope="module")
def vae():
    model = zoo.VAE((8, 8, 1), 2, hidden_units=(16,))
    model.compile()
    return model


@pytest.fixture(scope="module")
def cvae():
    model = zoo.CVAE((8, 8, 1), 2, hidden_units=(16,), num_classes=10)
    model.compile()
    return model


@pytest.fixture(scope="module")
def digits():
    (x, y), _ = data.load("digits")
    return x[:9], y[:9]


def with_nan(x):
    x = x.copy()
    x[4, 3, 3, 0] = np.nan
    return x


def with_infinity(x):
    x = x.copy()
    x[4, 3, 3, 0] = np.inf
    return x


BAD_IMAGES = {
    "uint8 pixels": (
        lambda x: (x * 255).astype("uint8"),
        TypeError,
        ["dtype uint8", "takes floats", "/ 255"],
    ),
    "other integers": (lambda x: (x * 255).astype("int16"), TypeError, ["dtype int16", "/ 255"]),
    "truth values": (lambda x: x > 0.5, TypeError, ["dtype bool", 'astype("float32")']),
    "texts": (lambda x: x.astype(str), TypeError, ["dtype <U", "float32"]),
    "objects": (lambda x: x.astype(object), TypeError, ["dtype object", "float32"]),
    "pixels up to 255": (
        lambda x: x * 255,
        ValueError,
        ["reach 255.0", "Bernoulli likelihood needs [0, 1]", "divide by 255"],
    ),
    "pixels from -1 to 1": (
        lambda x: 2 * x - 1,
        ValueError,
        ["the values of x go down to -1.0", "[0, 1]", "rescale", 'likelihood="gaussian"'],
    ),
    "pixels up to 16": (lambda x: x * 16, ValueError, ["reach 16.0", "[0, 1]", "rescale"]),
    "NaN": (with_nan, ValueError, ["NaN or infinite", "remove or replace"]),
    "infinity": (with_infinity, ValueError, ["NaN or infinite"]),
    "no channel": (
        lambda x: x[..., 0],
        ValueError,
        ["shape (9, 8, 8)", "(8, 8, 1)", "x[..., None]"],
    ),
    "three channels": (
        lambda x: np.repeat(x, 3, axis=-1),
        ValueError,
        ["shape (9, 8, 8, 3)", "(n, 8, 8, 1)", "convert"],
    ),
    "another size": (
        lambda x: x[:, :4, :4],
        ValueError,
        ["shape (9, 4, 4, 1)", "(n, 8, 8, 1)", "Resize"],
    ),
    "flat images": (
        lambda x: x.reshape(9, 64),
        ValueError,
        ["shape (9, 64)", "x.reshape(-1, 8, 8, 1)"],
    ),
    "one image": (lambda x: x[0], ValueError, ["shape (8, 8, 1)", "single image: x[None]"]),
    "no images": (lambda x: x[:0], ValueError, ["x is empty", "at least one image"]),
    "an empty list": (lambda x: [], ValueError, ["x is empty", "at least one image"]),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_images_that_do_not_fit_are_refused(kind, method, vae, digits):
    spoil, error, says = BAD_IMAGES[kind]
    with pytest.raises(error) as caught:
        getattr(vae, method)(spoil(digits[0]))
    for text in says:
        assert text in str(caught.value)


BAD_LABELS = {
    "missing": (lambda y: None, ValueError, ["missing", "conditional", "from 0 to 9"]),
    "one-hot": (
        lambda y: np.eye(10)[y],
        ValueError,
        ["(9, 10)", "one-hot", "9 integers from 0 to 9", ".argmax(axis=1)"],
    ),
    "floats": (
        lambda y: y + 0.5,
        TypeError,
        ["float64", "holds fractions, such as 0.5", "9 integers from 0 to 9"],
    ),
    "NaN": (
        lambda y: np.where(y > 6, np.nan, y),
        ValueError,
        ["NaN or infinite in 2 of 9 places", "x[known], "],
    ),
    "texts": (lambda y: y.astype(str), TypeError, ["<U", "9 integers", "return_inverse=True"]),
    "a list of texts": (lambda y: [str(i) for i in y], TypeError, ["<U", "return_inverse=True"]),
    "below zero": (lambda y: y - 1, ValueError, ["goes from -1 to", "from 0 to 9"]),
    "one above the last class": (lambda y: y + (y == 8) * 2, ValueError, ["to 10", "from 0 to 9"]),
    "too few": (lambda y: y[:5], ValueError, ["shape (5,)", "9 integers"]),
    "a column": (lambda y: y[:, None], ValueError, ["shape (9, 1)", "np.ravel(", "9 integers"]),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", BAD_LABELS)
def test_labels_that_do_not_fit_are_refused(kind, method, cvae, digits):
    spoil, error, says = BAD_LABELS[kind]
    with pytest.raises(error) as caught:
        getattr(cvae, method)(digits[0], spoil(digits[1]))
    for text in says:
        assert text in str(caught.value)


@pytest.mark.parametrize("method", METHODS)
def test_labels_for_a_model_that_is_not_conditional_are_refused(method, vae, digits):
    with pytest.raises(ValueError, match=r"images only|takes no labels"):
        getattr(vae, method)(*digits)


def test_refused_data_change_nothing(vae, digits):
    before = vae.get_weights()
    with pytest.raises(ValueError):
        vae.fit(with_nan(digits[0]))
    for old, new in zip(before, vae.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_validation_data_are_checked_under_their_own_name(vae, cvae, digits):
    x, y = digits
    with pytest.raises(TypeError, match="validation_x has dtype uint8"):
        vae.fit(x, validation_data=((x * 255).astype("uint8"),))
    with pytest.raises(ValueError, match="validation_y goes from 10"):
        cvae.fit(x, y, validation_data=(x, y + 10))


def test_images_and_labels_of_every_sensible_kind_are_taken(vae, cvae, digits):
    x, y = digits
    expected = vae.encode(x)
    for same in (x.astype("float64"), x.tolist(), np.asfortranarray(x)):
        np.testing.assert_allclose(vae.encode(same), expected, atol=1e-6)
    expected = cvae.encode(x, y)
    for same in (y.tolist(), y.astype("uint8"), y.astype("int64")):
        np.testing.assert_array_equal(cvae.encode(x, same), expected)


def test_a_likelihood_without_a_range_takes_any_finite_pixels_but_bytes(digits):
    x = digits[0] * 12.3 - 4
    assert checks.check_images(x, (8, 8, 1), likelihood_names.get("squared_error")) is x
    with pytest.raises(ValueError, match="NaN"):
        checks.check_images(with_nan(x), (8, 8, 1), likelihood_names.get("squared_error"))
    with pytest.raises(ValueError, match="reach 255.0.*divide by 255"):
        checks.check_images(digits[0] * 255, (8, 8, 1), likelihood_names.get("gaussian"))


def test_images_too_large_for_float32_are_refused():
    with pytest.raises(ValueError, match="NaN or infinite"):
        checks.check_images(np.full((2, 4), 1e300), (4,), likelihood_names.get("gaussian"))


ODD_DESCRIPTIONS = [
    {},
    {"class_name": "function"},
    {"class_name": "function", "config": {}},
    {"class_name": {}, "config": {}},
    {"class_name": ["VAE"], "config": {}, "module": "zoo.models.vae", "registered_name": "zoo>VAE"},
    {"class_name": 3, "config": 3},
    {"class_name": "Popen", "config": {}, "module": "subprocess", "registered_name": "Popen"},
    {"class_name": "Dense", "config": {"units": 1}, "module": "keras.layers"},
    {"swiss_roll": 3},
]


@pytest.mark.parametrize("argument", ["likelihood", "prior", "corruption", "beta"])
@pytest.mark.parametrize("description", ODD_DESCRIPTIONS)
def test_a_description_of_something_else_is_refused(argument, description):
    with pytest.raises((TypeError, ValueError), match=f"{argument} (is|must be|names) "):
        zoo.VAE((4, 4, 1), 2, hidden_units=(4,), **{argument: description})


def test_columns_of_a_table_are_not_called_pixels():
    model = zoo.VAE((5,), 2, hidden_units=(4,))
    model.compile()
    table = np.random.default_rng(0).standard_normal((9, 5)).astype("float32")
    for x in (table, 100 * np.abs(table), (100 * table).astype("int32")):
        with pytest.raises((ValueError, TypeError)) as caught:
            model.fit(x)
        assert "pixel" not in str(caught.value)
    with pytest.raises(ValueError, match=r'values of x .* \[0, 1\].*likelihood="gaussian"'):
        model.fit(table)


NUMBERS = {
    "class_weight of a class that is not there": (
        {"class_weight": {3: 2.0, 12: 1.0}},
        ValueError,
        "12;.* 9",
    ),
    "class_weight by name": ({"class_weight": {"seven": 1.0}}, ValueError, "names 'seven'"),
    "class_weight that is none": ({"class_weight": {3: "much"}}, ValueError, r"\[3\] is 'much'"),
    "class_weight below zero": ({"class_weight": {3: -1.0}}, ValueError, "at least 0"),
    "class_weight as a list": ({"class_weight": [1.0] * 10}, TypeError, "is a list; give a dict"),
    "batch_size of 0": ({"batch_size": 0}, ValueError, "batch_size is 0; give a whole number"),
    "batch_size below 0": ({"batch_size": -3}, ValueError, "batch_size is -3"),
    "batch_size of a half": ({"batch_size": 2.5}, ValueError, "whole number"),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_invalid_settings_of_fit_are_refused(kind, cvae, digits):
    options, error, says = NUMBERS[kind]
    with pytest.raises(error, match=says):
        cvae.fit(*digits, **options)


def test_batches_of_no_images_are_refused_everywhere(cvae, digits):
    x, y = digits
    for call in (
        lambda: cvae.fit(x, y, validation_data=(x, y), validation_batch_size=0),
        lambda: cvae.evaluate(x, y, batch_size=0),
        lambda: cvae.predict({"x": x, "label": y}, batch_size=0),
        lambda: cvae.encode(x, y, batch_size=0),
        lambda: cvae.decode(np.zeros((9, 2)), y, batch_size=-1),
    ):
        with pytest.raises(ValueError, match="batch_size is .*; give a whole number"):
            call()


@pytest.mark.parametrize(
    ("steps", "error"), [(0, ValueError), (-1, ValueError), ("many", TypeError)]
)
def test_an_execution_without_steps_is_refused(steps, error):
    model = zoo.VAE((8, 8, 1), 2, hidden_units=(16,))
    with pytest.raises(error, match="steps_per_execution is .*at least 1"):
        compile_as_written(model, steps_per_execution=steps)


@pytest.mark.parametrize(
    ("codes", "error", "says"),
    [
        (np.zeros((3, 5)), ValueError, r"shape \(3, 5\); codes have shape \(n, 2\)"),
        (np.zeros(2), ValueError, r"shape \(2,\)"),
        (np.full((1, 2), np.nan), ValueError, "NaN"),
        (np.full((1, 2), 1e300), ValueError, "or too large for float32"),
        (np.full((1, 2), -1e39), ValueError, "or too large for float32"),
        (np.zeros((0, 2)), ValueError, "empty"),
        (np.array([["a", "b"]]), TypeError, "dtype <U1"),
    ],
)
def test_codes_that_do_not_fit_are_refused(codes, error, says, vae):
    with pytest.raises(error, match=says):
        vae.decode(codes)
