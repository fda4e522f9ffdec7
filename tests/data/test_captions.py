"""Captions as word numbers, drawn scenes, and models that are given captions."""

import keras
import numpy as np
import pytest
from support.tiny import array

import zoo
from zoo.data import captions
from zoo.experiments import scenes

SHAPE = (8, 8, 1)


# Words


def test_captions_come_back_from_their_numbers():
    texts = ["two large dark circles above a cross", "a square above three small triangles"]
    numbers = captions.WORDS.numbers(texts)
    assert (numbers.shape, numbers.dtype) == ((2, 9), np.int32)
    assert captions.WORDS.captions(numbers) == texts
    assert numbers.max() < len(captions.WORDS)


def test_a_vocabulary_of_ones_own_has_all_words_and_the_longest_caption():
    words = zoo.data.Vocabulary.of(["The cat, asleep.", "a dark and quiet cat"])
    assert words.words == ("a", "and", "asleep", "cat", "dark", "quiet", "the")
    assert (len(words), words.length) == (8, 5)
    np.testing.assert_array_equal(words.numbers(["THE cat!"]), [[7, 4, 0, 0, 0]])


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ("a circle above a cross", TypeError, "one string; give a list"),
        ([3], TypeError, "A caption is 3"),
        (["a circel above a cross"], ValueError, "unknown word 'circel'; did you mean 'circle'"),
        (["a " * 10], ValueError, "has 10 words; at most 9"),
    ],
)
def test_captions_that_no_model_knows_are_refused(given, error, says):
    with pytest.raises(error, match=says):
        captions.WORDS.numbers(given)


# Scenes


def test_scenes_are_those_that_captions_say():
    images, content, words = captions.draw(200, seed=3)
    assert (images.shape, images.dtype) == ((200, 32, 32, 1), np.float32)
    assert (images.min(), images.max()) == (0.0, pytest.approx(0.95))
    for text, (upper, lower) in zip(captions.WORDS.captions(words), content, strict=True):
        for group, part in zip((upper, lower), text.split(" above "), strict=True):
            count, size, shade, shape = group
            first, *middle, last = part.split()
            assert first == captions.COUNTS[count]
            assert last == list(captions.SHAPES.items())[shape][int(count > 0)]
            assert set(middle) <= {captions.SIZES[size], captions.SHADES[shade]}


def test_the_number_of_shapes_in_an_image_is_the_count():
    from scipy import ndimage

    images, content, _ = captions.draw(60, seed=1)
    for image, groups in zip(images[..., 0], content, strict=True):
        for half, (count, *_) in zip((image[:16], image[16:]), groups, strict=True):
            # Half of the gray: between two shapes that nearly touch there is less.
            assert ndimage.label(half > half.max() / 2)[1] == count + 1


@pytest.mark.slow
def test_the_same_seed_draws_the_same_and_held_out_scenes_are_apart():
    first, again, other = (captions.draw(20, seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    _, train, _ = captions.draw(5000, seed=0, held_out=False)
    _, test, _ = captions.draw(500, seed=1, held_out=True)
    pairs = [{tuple(scene.ravel()) for scene in content} for content in (train, test)]
    assert not pairs[0] & pairs[1]
    for place in (0, 1):  # every group is seen, above and below
        assert {tuple(group) for group in test[:, place]} <= {tuple(g) for g in train[:, place]}


def test_what_a_caption_says_is_what_is_compared():
    words = captions.WORDS.numbers(["a large circle above two dark crosses"])
    said = scenes.is_said(words)[0]
    np.testing.assert_array_equal(said, [[1, 1, 0, 1], [1, 0, 1, 1]])

    class Reader:
        def predict(self, images, **options):
            return [np.eye(4)[[read]] for read in (0, 1, 1, 0, 1, 0, 0, 1)]

    content = np.array([[[0, 1, 0, 0], [1, 0, 1, 1]]])  # the lower shade is read wrongly
    found = scenes.agreement(Reader(), None, content, words)
    assert found == [pytest.approx(100 * 5 / 6, abs=0.01), 100.0, 100.0, 0.0, 100.0, 0.0]


# Models


@pytest.fixture
def model():
    return zoo.CVAE(SHAPE, 2, label_shape=(3,), num_classes=4, hidden_units=(8,), seed=0)


@pytest.fixture(scope="module")
def few():
    x = zoo.data.load("digits")[0][0][:40]
    return x, np.random.default_rng(0).integers(0, 4, (40, 3))


@pytest.mark.backend
def test_the_order_of_words_counts(model, few):
    z = np.zeros((3, 2), "float32")
    decoded = model.decode(z, [[1, 2, 3], [3, 2, 1], [1, 2, 0]])
    assert len(np.unique(decoded.round(6), axis=0)) == 3
    model.compile("adam")
    model.fit(*few, verbose=0)
    assert array(model({"x": few[0][:2], "label": few[1][:2]})).shape == (2, *SHAPE)


def test_captions_that_do_not_fit_a_model_are_refused(model, few):
    x, words = few
    model.compile()
    for y, error, says in (
        (words[:, :2], ValueError, r"y has shape \(40, 2\); the model takes integers from 0 to 3"),
        (words + 1, ValueError, "y goes from 1 to 4"),
        (words - 1, ValueError, "y goes from -1"),
        (words + 0.5, TypeError, "y has dtype float64"),
        (words[:5], ValueError, "40 inputs, but 5 in y"),
        (None, ValueError, "y is missing"),
    ):
        with pytest.raises(error, match=says):
            model.fit(x, y, verbose=0)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data")
def test_a_data_set_of_captions_is_checked(model, few):
    import tensorflow as tf

    model.compile(run_eagerly=True)
    data = tf.data.Dataset.from_tensor_slices(few).batch(20)
    model.fit(data, validation_data=data, verbose=0)
    with pytest.raises(ValueError, match="y goes from"):
        model.fit(data.map(lambda x, y: (x, y + 4)), verbose=0)
    with pytest.raises(ValueError, match="y has shape"):
        model.fit(data.map(lambda x, y: (x, y[:, :2])), verbose=0)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export reads TF graphs")
def test_an_exported_decoder_takes_words(model, tmp_path):
    import export

    export.export_model(model, tmp_path / "out", parts=("decoder",), formats=("onnx",))
    session = export.load(tmp_path / "out" / "decoder")
    z, words = np.ones((2, 2), "float32"), np.array([[1, 2, 3], [3, 0, 0]], "int32")
    np.testing.assert_allclose(session(z=z, label=words)["x"], model.decode(z, words), atol=1e-5)
    with pytest.raises(ValueError, match="label"):
        session(z=z, label=words + 4)


@pytest.mark.slow
def test_captions_in_a_file_are_trained_from_to_a_preset_with_a_picture(few, tmp_path, capsys):
    from zoo.cli.main import main

    x, words = few
    np.savez(tmp_path / "captions.npz", x=x, y=words)
    data = ["--data", str(tmp_path / "captions.npz")]
    out = ["--out", str(tmp_path / "mine")]
    code = main(
        ["train", "CVAE", *data, *out, "--epochs", "1", "--num-classes", "20", "--latent-dim", "2"]
    )
    assert code == 0, capsys.readouterr().err
    model = zoo.load(tmp_path / "mine")
    assert (model.label_shape, model.num_classes) == ((3,), 20)  # as asked, and not of these words
    assert (tmp_path / "mine" / "preview.png").exists()
    picture = tmp_path / "x.png"
    assert main(["generate", out[1], *data, "--out", str(picture)]) == 0
    assert picture.exists()


def test_the_picture_of_a_recipe_of_captions_is_drawn():
    from zoo import recipes
    from zoo.recipes import training

    model = training.make_model(recipes.get("cvae_scenes"))
    images, _, words = captions.draw(30)
    assert set(training._pictures(model, images, words)) == {"preview.png"}


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: zoo.data.Vocabulary.of("a cat"), TypeError, "one string"),
        (lambda: zoo.data.Vocabulary("a cat", 3), TypeError, "one string"),
        (lambda: zoo.data.Vocabulary.of(["", ""]), ValueError, "no words"),
        (lambda: captions.WORDS.captions([[99, 0]]), ValueError, "integers from 0 to 16"),
        (lambda: captions.WORDS.captions([[-1, 0]]), ValueError, "integers from 0 to 16"),
        (lambda: captions.WORDS.captions([1, 0]), ValueError, "integers from 0 to 16"),
        (lambda: captions.draw(0), ValueError, "n is 0"),
        (
            lambda: zoo.CVAE(SHAPE, 2, label_shape=SHAPE, num_classes=10),
            ValueError,
            "a row of word numbers",
        ),
    ],
)
def test_what_are_no_words_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
