"""Models with other numbers of classes, lengths of codes and shapes: every weight that fits."""

import keras
import numpy as np
import pytest
from keras import ops

import zoo
from zoo.presets.other_sizes import resized, start_from

SHAPE, MORE = (8, 8, 1), 13
PETALS = zoo.GaussianMixture.petals(MORE)


def made(cls, latent_dim=3, **settings):
    """Return a model whose weights are all drawn, biases too, as if it were trained."""
    settings = {"hidden_units": (16,), "num_classes": 10, **settings}
    settings = {name: value for name, value in settings.items() if value is not None}
    model = cls(SHAPE, latent_dim, **settings, seed=1)
    generator = np.random.default_rng(0)
    model.set_weights([w + generator.normal(0, 0.2, w.shape) for w in model.get_weights()])
    return model


AAE = {"decoder_hidden_units": (16,), "discriminator_hidden_units": (8,)}
LABELED = {
    "CVAE": lambda: made(zoo.CVAE),
    "CVAE, convolutional": lambda: made(zoo.CVAE, filters=(4,)),
    "CVAE, learned prior": lambda: made(zoo.CVAE, prior="learned"),
    "M1": lambda: made(zoo.M1, classifier_epochs=1),
    "M2": lambda: made(zoo.M2),
    "SupervisedAAE": lambda: made(zoo.SupervisedAAE),
    "SemiSupervisedAAE": lambda: made(zoo.SemiSupervisedAAE, **AAE),
    "ClusteringAAE": lambda: made(zoo.ClusteringAAE, **AAE),
    "ClusteringAAE, conditional": lambda: made(
        zoo.ClusteringAAE, conditional_discriminator=True, **AAE
    ),
    "ClusteringAAE, heads": lambda: made(zoo.ClusteringAAE, head_distance=3.0, **AAE),
    "CAAE": lambda: made(zoo.CAAE, filters=(4,)),
    "LabelInformedAAE": lambda: made(zoo.LabelInformedAAE, 2, prior=zoo.GaussianMixture.petals(10)),
}
TRAINED = ("CVAE, learned prior", "M2", "LabelInformedAAE", "CAAE")


def outputs(network, **inputs):
    """Return the outputs of a network, by name; the label -1 is a one-hot row of zeros."""
    taken = network.input
    several = isinstance(taken, dict)
    found = network({k: inputs[k] for k in taken} if several else inputs[taken.name])
    found = found if isinstance(found, dict) else {"": found}
    return {name: ops.convert_to_numpy(value) for name, value in found.items()}


@pytest.mark.parametrize("name", LABELED)
def test_with_other_classes_all_but_the_labels_stays(name, tmp_path):
    """As networks say for a label of zeros, which shows every place that is not a label's."""
    old = LABELED[name]()
    prior = PETALS if name == "LabelInformedAAE" else None
    new, kept = resized(old, num_classes=MORE, prior=prior)
    assert (new.num_classes, type(new), new.latent_dim) == (MORE, type(old), old.latent_dim)
    generator = np.random.default_rng(0)
    z, x = (
        generator.normal(size=(5, old.latent_dim)).astype("float32"),
        generator.random((5, *SHAPE)),
    )
    x, none = x.astype("float32"), np.full(5, -1)
    for network in ("decoder", "discriminator", "image_discriminator", "trunk"):
        if hasattr(old, network):
            got = outputs(getattr(new, network), x=x, z=z, label=none)
            for key, value in outputs(getattr(old, network), x=x, z=z, label=none).items():
                np.testing.assert_allclose(got[key], value, atol=1e-5, err_msg=network)
    codes = outputs(new.encoder, x=x, label=none)
    if "z" in old.label_inputs and isinstance(old, zoo.VAE):  # q(z | x) = N(0, 1): nothing is said
        assert all((code == 0).all() for code in codes.values())
    else:
        for key, value in outputs(old.encoder, x=x, label=none).items():
            np.testing.assert_allclose(codes[key], value, atol=1e-5)
    assert not {*kept.whole} & {*kept.new}
    if name not in TRAINED:
        return
    new.compile("adam")
    y = np.arange(5 * MORE) % MORE
    x = generator.random((len(y), *SHAPE)).astype("float32")
    new.fit(x, y, verbose=0)
    zoo.save(new, tmp_path / "saved")
    again = zoo.load(tmp_path / "saved")
    for one, other in zip(again.get_weights(), new.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_of_new_labels_are_like_those_that_were_trained():
    old = made(zoo.CVAE)
    kernel = old.decoder.get_layer("dense_0").kernel
    values = ops.convert_to_numpy(kernel).copy()
    values[3:] = np.random.default_rng(0).normal(2.0, 0.1, values[3:].shape)  # of the labels
    kernel.assign(values)
    new = resized(old, num_classes=40)[0].decoder.get_layer("dense_0").kernel
    rows = ops.convert_to_numpy(new)[3:]
    assert rows.shape[0] == 40
    assert abs(rows.mean() - 2.0) < 0.05
    assert 0.07 < rows.std() < 0.13
    assert len(np.unique(rows, axis=0)) == 40


def test_the_unlabeled_row_of_a_discriminator_stays_the_last():
    old = LABELED["LabelInformedAAE"]()
    new, _ = resized(old, num_classes=MORE, prior=PETALS)
    z = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
    expected = outputs(old.discriminator, z=z, label=np.full(4, 10))[""]
    np.testing.assert_allclose(
        outputs(new.discriminator, z=z, label=np.full(4, MORE))[""], expected, atol=1e-6
    )
    with pytest.raises(ValueError, match=r"cannot have num_classes=13: .* prior has 10 components"):
        resized(old, num_classes=MORE)


SIZED = {name: LABELED[name] for name in ("CVAE", "M2", "ClusteringAAE", "CAAE", "SupervisedAAE")}
SIZED["ClusteringAAE, conditional"] = LABELED["ClusteringAAE, conditional"]
SIZED |= {
    "VAE": lambda: made(zoo.VAE, num_classes=None),
    "VAE, its own prior": lambda: made(zoo.VAE, num_classes=None, prior=zoo.Normal(3, scale=2.0)),
    "AAE": lambda: made(zoo.AAE, num_classes=None),
    "AAE, universal posterior": lambda: made(zoo.AAE, num_classes=None, posterior="universal"),
    "RBM": lambda: made(zoo.RBM, num_classes=None, hidden_units=None),
    "EBGAN": lambda: made(zoo.EBGAN, num_classes=None, filters=(4,)),
}


@pytest.mark.parametrize("latent_dim", [2, 5])
@pytest.mark.parametrize("name", SIZED)
def test_with_longer_or_shorter_codes_the_values_that_both_have_stay(name, latent_dim):
    old = SIZED[name]()
    new, kept = resized(old, latent_dim=latent_dim)
    both, generator = min(3, latent_dim), np.random.default_rng(0)
    x, y = generator.random((6, *SHAPE)).astype("float32"), np.arange(6)
    old_codes = outputs(old.encoder, x=x, label=y)
    for key, value in outputs(new.encoder, x=x, label=y).items():
        assert value.shape == (6, latent_dim)
        np.testing.assert_allclose(value[:, :both], old_codes[key][:, :both], atol=1e-5)
    z = np.zeros((6, max(3, latent_dim)), "float32")
    z[:, :both] = generator.normal(size=(6, both))
    for network in ("decoder", "discriminator"):
        if network == "decoder" or (hasattr(old, network) and not isinstance(old, zoo.EBGAN)):
            np.testing.assert_allclose(
                outputs(getattr(new, network), z=z[:, :latent_dim], label=y)[""],
                outputs(getattr(old, network), z=z[:, :3], label=y)[""],
                atol=1e-5,
                err_msg=network,
            )
    assert not kept.new
    assert bool(kept.partly) == (latent_dim > 3)


def test_with_other_images_only_the_layers_of_their_size_are_new():
    old = made(zoo.CVAE, filters=(4,))
    new, kept = resized(old, input_shape=(12, 16, 1), latent_dim=5, num_classes=4)
    assert (new.image_shape, new.latent_dim, new.num_classes) == ((12, 16, 1), 5, 4)
    assert "encoder/conv_0/kernel" in kept.whole
    assert {"encoder/dense_0/kernel", "decoder/grid/kernel"} <= {*kept.new}
    np.testing.assert_array_equal(
        *(model.encoder.get_layer("conv_0").get_weights()[0] for model in (old, new))
    )
    assert kept.partly == ["decoder/dense_0/kernel"]
    mask = kept.masks["decoder/dense_0/kernel"]  # 5 values of a code, 4 labels
    assert mask.all(axis=1).tolist() == [True] * 3 + [False] * 6


def test_what_cannot_be_resized_is_said():
    x = keras.Input(SHAPE)
    network = keras.Model(x, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    z = keras.Input((2,))
    back = keras.Model(z, keras.layers.Reshape(SHAPE)(keras.layers.Dense(64)(z)))
    with pytest.raises(ValueError, match="networks of your own, whose sizes are fixed"):
        resized(zoo.Autoencoder(encoder=network, decoder=back), latent_dim=3)
    with pytest.raises(TypeError, match="Autoencoder takes no num_classes="):
        resized(zoo.Autoencoder(SHAPE, 2), num_classes=3)
    with pytest.raises(ValueError, match=r"cannot have input_shape=\(8, 8\)"):
        resized(made(zoo.VAE, num_classes=None, filters=(4,)), input_shape=(8, 8))


@pytest.fixture
def preset(tmp_path):
    model = made(zoo.CVAE)
    model.compile(keras.optimizers.Adam(3e-4))
    model.licence = "CC BY 4.0"
    zoo.save(model, tmp_path / "digits", about={"licence": "CC BY 4.0"})
    return tmp_path / "digits"


def test_a_preset_is_loaded_with_other_sizes_and_says_which_weights_are_new(preset, tmp_path):
    with pytest.warns(UserWarning, match=r"num_classes=20: 2,\d+ of 2,\d+ weights are kept.* new"):
        model = zoo.load(preset, num_classes=20)
    assert (model.num_classes, model.based_on, model.licence) == (20, "digits", "CC BY 4.0")
    assert float(model.optimizer.learning_rate) == pytest.approx(3e-4)
    card = zoo.save(model, tmp_path / "more")
    assert (card["num_classes"], card["based_on"]) == (20, "digits")
    assert zoo.load(tmp_path / "more").generate(labels=[19], seed=0).shape == (1, *SHAPE)
    x, y = np.zeros((20, *SHAPE), "float32"), np.arange(20)
    model.fit(x, y, verbose=0)
    assert model.licence is None
    assert zoo.CVAE.from_preset(preset, latent_dim=3).latent_dim == 3  # nothing to say


def test_the_files_of_a_preset_are_checked_before_any_size_is_changed(preset):
    path = preset / "model.weights.h5"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match="sha256"):
        zoo.load(preset, num_classes=20)
    with pytest.raises(ValueError, match="prior= needs a new num_classes="):
        zoo.load("vae_digits", prior=zoo.Normal(3))


def test_a_model_starts_from_one_of_another_class_where_networks_agree():
    old = made(zoo.Autoencoder, num_classes=None)
    model = zoo.DenoisingAutoencoder(SHAPE, 5, hidden_units=(16,), corruption={"masking": 0.1})
    kept = start_from(model, old)
    np.testing.assert_array_equal(
        model.encoder.get_layer("dense_0").get_weights()[0],
        old.encoder.get_layer("dense_0").get_weights()[0],
    )
    assert "encoder/z/kernel" in kept.partly
    with pytest.raises(ValueError, match="No weight of this Autoencoder fits a VAE"):
        start_from(zoo.VAE((5, 5, 1), 7, hidden_units=(9,)), old)
