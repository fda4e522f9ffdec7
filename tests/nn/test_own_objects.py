"""Likelihoods, priors and corruptions of one's own: what they must have, and variables in them."""

import re

import keras
import numpy as np
import pytest
from keras import ops
from support.each_class import longer
from support.tiny import X, array

import zoo
from zoo.nn.corruption import Corruption
from zoo.nn.distributions import Likelihood, Prior

SHAPE = (4, 4, 1)


def registered(cls):
    return keras.saving.register_keras_serializable(package="tests")(cls)


@registered
class Laplace(Likelihood):
    """Every pixel has the density exp(-|x - u| / s) / (2 s), with one learned scale s."""

    def __init__(self):
        self.log_scale = keras.Variable(np.float32(np.log(0.5)))

    def log_prob(self, x, parameters):
        scale = ops.exp(self.log_scale)
        return -ops.sum(ops.abs(x - parameters) / scale + ops.log(2.0 * scale), axis=(1, 2, 3))

    def mean(self, parameters):
        return parameters


@registered
class Brightened(Likelihood):
    """A squared error of images that a learned layer made of the decoder's output."""

    def __init__(self):
        self.layers = [keras.layers.Dense(1)]  # not built yet

    def log_prob(self, x, parameters):
        return -ops.sum(ops.square(x - self.mean(parameters)), axis=(1, 2, 3))

    def mean(self, parameters):
        return self.layers[0](parameters)


@registered
class Centered(Prior):
    """N(m, I) with a learned mean m."""

    def __init__(self, latent_dim):
        self.latent_dim = latent_dim
        self.center = keras.Variable(np.zeros(latent_dim, "float32"))

    def transform(self, noise, uniform, label):
        return self.center + noise

    def log_prob(self, z):
        squares = ops.square(ops.convert_to_tensor(z, "float32") - self.center)
        return -0.5 * ops.sum(squares + np.log(2.0 * np.pi), axis=-1)

    def get_config(self):
        return {"latent_dim": self.latent_dim}


@registered
class Fading(Corruption):
    """Pixels times a number that is learned."""

    def __init__(self):
        self.share = keras.Variable(np.float32(0.8))

    def apply(self, x, noise):
        return self.share * x


CUSTOM = {cls.__name__: cls for cls in (Laplace, Brightened, Centered, Fading)}


def frozen(model):
    """Return a model whose networks do not learn, so that only what it was given does."""
    for name in model.network_names:
        getattr(model, name).trainable = False
    return model


def fitted(model, rate=0.1, epochs=12):
    model.compile(keras.optimizers.SGD(rate))
    model.fit(X, batch_size=len(X), epochs=epochs, verbose=0)
    return model


@longer
@pytest.mark.backend
@pytest.mark.parametrize("cls", [zoo.Autoencoder, zoo.VAE, zoo.AAE, zoo.TargetPropAutoencoder])
def test_the_learned_scale_of_a_laplace_is_the_mean_absolute_error(cls):
    """d/ds sum(|x - u| / s + ln 2 s) = 0 at s = mean |x - u|, however the codes are drawn."""
    model = frozen(cls(SHAPE, 2, hidden_units=(8,), likelihood=Laplace(), seed=0))
    model.decoder.layers[-1].set_weights([0 * w for w in model.decoder.layers[-1].get_weights()])
    fitted(model, 0.03)
    scale = np.exp(array(model.likelihood.log_scale))
    assert scale == pytest.approx(np.abs(X - model.reconstruct(X)).mean(), rel=1e-3)
    assert scale != pytest.approx(0.5, rel=0.02)


@longer
@pytest.mark.backend
@pytest.mark.parametrize("cls", [zoo.VAE, zoo.IWAE])
def test_the_learned_mean_of_a_prior_is_the_mean_of_the_codes(cls):
    """E log N(z; m, I) is largest at the mean of z; of IWAE with one sample, too."""
    model = cls(SHAPE, 2, hidden_units=(8,), prior=Centered(2), samples=1, seed=0)
    model.encoder.get_layer("z_mean").set_weights([np.ones((8, 2)), np.array([3.0, -1.0])])
    bias = model.encoder.get_layer("z_log_var").get_weights()
    model.encoder.get_layer("z_log_var").set_weights([0 * bias[0], 0 * bias[1] - 12.0])
    fitted(frozen(model), 0.5)
    codes = model.encode(X).mean(axis=0)
    np.testing.assert_allclose(array(model.prior.center), codes, atol=0.01)
    np.testing.assert_allclose(
        model.generate(4, seed=0), model.decode(model.prior.sample(4, seed=0))
    )


@pytest.mark.backend
def test_a_corruption_and_a_layer_in_a_likelihood_are_trained():
    model = zoo.DenoisingAutoencoder(
        SHAPE, 2, hidden_units=(8,), likelihood=Brightened(), corruption=Fading()
    )
    before = [array(w).copy() for w in model.trainable_weights]
    fitted(model, epochs=1)
    after = [array(w) for w in model.trainable_weights]
    assert len(before) == 2 + 1 + 8
    assert all(np.abs(a - b).max() > 0 for a, b in zip(after, before, strict=True))


def learning_all(likelihood):
    options = {"likelihood": likelihood, "prior": Centered(2), "corruption": Fading()}
    return zoo.VAE(SHAPE, 2, hidden_units=(8,), **options)


@longer
@pytest.mark.backend
@pytest.mark.parametrize("likelihood", [Laplace, Brightened])
def test_what_they_hold_is_saved_loaded_and_trained_further(likelihood, tmp_path):
    model = learning_all(likelihood())
    model.compile("adam")
    model.fit(X, batch_size=6, epochs=2, verbose=0)
    zoo.save(model, tmp_path / "preset")
    model.save(tmp_path / "model.keras")
    loaded = zoo.load(tmp_path / "preset", custom_objects=CUSTOM)
    resumed = keras.saving.load_model(tmp_path / "model.keras", custom_objects=CUSTOM)
    for again in (loaded, resumed, zoo.load(tmp_path / "model.keras", custom_objects=CUSTOM)):
        assert float(array(again.corruption.share)) != pytest.approx(0.8, abs=1e-6)
        assert len(again.weights) == len(model.weights)
        for new, old in zip(again.weights, model.weights, strict=True):
            np.testing.assert_array_equal(array(new), array(old))
    for going_on in (model, resumed):
        going_on.fit(X, batch_size=6, epochs=2, shuffle=False, verbose=0)
    for new, old in zip(resumed.trainable_weights, model.trainable_weights, strict=True):
        np.testing.assert_allclose(array(new), array(old), atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports need TensorFlow")
def test_what_a_likelihood_holds_is_in_the_exported_decoder(tmp_path):
    import export

    model = learning_all(Brightened())
    layer = model.likelihood.layers[0]
    layer.set_weights([np.array([[-0.5]], "float32"), np.array([0.25], "float32")])
    export.export_model(model, tmp_path / "out")
    z = np.random.default_rng(0).standard_normal((5, 2), np.float32)
    np.testing.assert_allclose(
        export.load(tmp_path / "out" / "decoder")(z=z)["x"], model.decode(z), atol=1e-5
    )


@pytest.mark.parametrize("name", ["DFCVAE", "VAEGAN", "GAN", "EBGAN", "BEGAN", "Pix2Pix"])
def test_variables_that_no_step_would_train_are_refused(name):
    from support.each_class import make

    with pytest.raises(ValueError, match=f"^likelihood is Laplace.*no update of {name} trains its"):
        make(name, likelihood=Laplace()).compile()
    fixed = Laplace()
    fixed.log_scale.trainable = False
    make(name, likelihood=fixed).compile()


@pytest.mark.parametrize(
    ("cls", "setting"), [(zoo.AAE, "prior"), (zoo.GAN, "prior"), (zoo.EBGAN, "prior_of_noise")]
)
def test_a_prior_that_no_step_would_train_is_refused(cls, setting):
    with pytest.raises(ValueError, match=rf"^{setting} is Centered.*no update of {cls.__name__}"):
        cls(SHAPE, 2, hidden_units=(8,), **{setting: Centered(2)}).compile()


# What they must have


class ByHand(Prior):
    """The standard normal, without the closed form that `zoo.Normal` has."""

    latent_dim = 2

    def sample(self, n, labels=None, seed=None):
        return np.random.default_rng(seed).standard_normal((n, 2), np.float32)

    def log_prob(self, z):
        return -0.5 * ops.sum(ops.square(z) + np.log(2.0 * np.pi), axis=-1)


@pytest.mark.parametrize("cls", [zoo.VAE, zoo.IWAE, zoo.CVAE])
def test_sample_and_log_prob_are_enough_for_a_prior(cls):
    options = {"num_classes": 3} if cls is zoo.CVAE else {}
    own, known = (
        cls(SHAPE, 2, hidden_units=(8,), prior=prior, samples=2, seed=0, **options)
        for prior in (ByHand(), zoo.Normal(2))
    )
    y = (np.arange(len(X)) % 3,) if options else ()
    np.testing.assert_allclose(
        own.log_likelihood(X, *y, samples=50).value, known.log_likelihood(X, *y, samples=50).value
    )
    many, labels = X.repeat(200, axis=0), tuple(labels.repeat(200) for labels in y)
    z = own.encode(many, *labels, sample=True, seed=0)
    estimated, exact = (np.mean(m.kl_and_log_prob(many, z, *labels)[0]) for m in (own, known))
    assert estimated == pytest.approx(exact, abs=0.05)
    assert own.generate(3, *y[:1] and [[0, 1, 2]], seed=0).shape == (3, *SHAPE)
    own.compile("adam")
    own.fit(X, *y, verbose=0)


def without(base, **methods):
    return type("Mine", (base,), methods)()


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        (
            without(Prior, latent_dim=2),
            r"lacks something that sample\(\) needs: Mine does not define transform",
        ),
        (
            without(Prior, transform=lambda self, n, u, c: n),
            "has no latent_dim, but the codes have 2",
        ),
        (without(ByHand, latent_dim=3), "has 3 dimensions, but the codes have 2"),
        (
            without(ByHand, sample=lambda self, n, seed: np.zeros((n, 5))),
            r"gives shape \(2, 5\) for",
        ),
        (without(ByHand, log_prob=lambda self, z: z), r"gives shape \(3, 2\) for log_prob\(z\)"),
        (
            without(ByHand, log_prob=lambda self, z: 1 / 0),
            r"fails in log_prob\(\), tried on 2 rows",
        ),
        (
            without(Prior, latent_dim=2, transform=lambda self, n, u, c: n),
            "no density in closed form",
        ),
        (zoo.Uniform(2), "has the log-density -inf at the code of 100 in each dimension"),
        (zoo.SwissRoll(), "lacks something that log_prob.. needs: SwissRoll has no density"),
        (
            zoo.CategoricalPrior(2),
            "gives single points, but this model needs a density",
        ),
        (object(), "give a prior such as zoo.Normal"),
    ],
)
def test_a_prior_that_lacks_something_is_refused_when_it_is_handed_in(prior, said):
    with pytest.raises((TypeError, ValueError), match=said):
        zoo.VAE(SHAPE, 2, hidden_units=(8,), prior=prior)


def test_an_adversarial_model_needs_no_density():
    square = without(Prior, latent_dim=2, transform=lambda self, noise, u, c: ops.sign(noise))
    assert zoo.AAE(SHAPE, 2, hidden_units=(8,), prior=square).generate(2, seed=0).shape[0] == 2
    with pytest.raises(TypeError, match="lacks something that draw"):
        zoo.AAE(SHAPE, 2, hidden_units=(8,), prior=ByHand())


def plain_error(**more):
    squared = {
        "log_prob": lambda self, x, p: -ops.sum(ops.square(x - p), axis=(1, 2, 3)),
        "mean": lambda self, p: p,
    }
    return without(Likelihood, **{**squared, **more})


@pytest.mark.parametrize(
    ("likelihood", "said"),
    [
        (without(Likelihood), "lacks something that log_prob"),
        (plain_error(mean=Likelihood.mean), "lacks something that mean"),
        (
            plain_error(log_prob=lambda self, x, p: x - p),
            r"gives shape \(2, 4, 4, 1\) for log_prob",
        ),
        (plain_error(mean=lambda self, p: p[:, :2]), r"gives shape \(2, 2, 4, 1\) for mean"),
        (plain_error(low=1.0, high=0.0), "has low=1.0 and high=0.0; low must be below high"),
        (plain_error(low="0"), "has low='0'; give a number, or None for no end"),
    ],
)
def test_a_likelihood_that_lacks_something_is_refused_when_it_is_handed_in(likelihood, said):
    with pytest.raises((TypeError, ValueError), match=said):
        zoo.Autoencoder(SHAPE, 2, hidden_units=(8,), likelihood=likelihood)


@pytest.mark.parametrize(
    ("corruption", "said"),
    [
        (without(Corruption), "lacks something that apply"),
        (without(Corruption, noise="pink"), "has noise='pink'; it is 'uniform' or 'normal'"),
        (without(Corruption, apply=lambda self, x, n: x[:, :2]), r"gives shape \(2, 2, 4, 1\)"),
    ],
)
@pytest.mark.parametrize("cls", [zoo.DenoisingAutoencoder, zoo.VAE])
def test_a_corruption_that_lacks_something_is_refused(cls, corruption, said):
    with pytest.raises((TypeError, ValueError), match=said):
        cls(SHAPE, 2, hidden_units=(8,), corruption=corruption)


# Ranges with one end


def counts(low=0.0, high=None):
    return plain_error(low=low, high=high)


@pytest.mark.parametrize(
    ("low", "high", "words", "outside"),
    [(0.0, None, r"\[0, inf\)", -0.5), (None, 3.0, r"\(-inf, 3\]", 3.5)],
)
def test_a_range_may_have_one_end(low, high, words, outside, tmp_path):
    model = zoo.Autoencoder(SHAPE, 2, hidden_units=(8,), likelihood=counts(low, high))
    model.compile("adam")
    model.fit(X * 2.5, verbose=0)
    assert model.encode(X * 2.5).shape == (len(X), 2)
    wrong = X.copy()
    wrong[3, 0, 0, 0] = outside
    for refused in (lambda: model.fit(wrong, verbose=0), lambda: model.encode(wrong)):
        with pytest.raises(ValueError, match=rf"likelihood needs {words}"):
            refused()
    zoo.save(model, tmp_path / "preset")
    assert re.fullmatch(words, zoo.card(tmp_path / "preset")["input"]["range"])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a stream of TensorFlow")
def test_streams_know_a_range_with_one_end():
    import tensorflow as tf

    model = zoo.Autoencoder(SHAPE, 2, hidden_units=(8,), likelihood=counts())
    model.compile("adam")
    model.fit(tf.data.Dataset.from_tensor_slices(X * 9).batch(6), verbose=0)
    wrong = np.concatenate([X, X - 1.0])
    with pytest.raises(ValueError, match=r"likelihood needs \[0, inf\)"):
        model.fit(tf.data.Dataset.from_tensor_slices(wrong).batch(12), verbose=0)
