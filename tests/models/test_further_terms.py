"""Further terms of the loss, which a class of one's own adds by `further_losses`."""

import keras
import numpy as np
import pytest
from keras import ops
from support.each_class import every_class
from support.tiny import X, array, tensor, terms

import zoo
from zoo.models import CLASSES

SHAPE = (4, 4, 1)


class MeanSquaredCode(zoo.VAE):
    """Adds mean |z|^2, and notes what it gets."""

    metric_names = (*zoo.VAE.metric_names, "squares")

    def further_losses(self, x, z, q=None):
        self.noted.append((x, z, q))
        squares = ops.mean(ops.sum(ops.square(z), axis=-1), axis=1)
        return zoo.models.base.Losses(2.0 * squares, squares=squares)


@pytest.mark.backend
def test_a_further_term_gets_the_images_codes_and_distribution_that_the_loss_used():
    """Binary pixels are drawn anew at each call, so that a second look would differ."""
    model = MeanSquaredCode(SHAPE, 2, hidden_units=(8,), binarize="dynamic", samples=3)
    vars(model)["noted"], calls = [], []
    encoder = model.encoder
    vars(model)["posterior"] = lambda *args: (calls.append(1), zoo.VAE.posterior(model, *args))[1]
    found = terms(model, X, training=True)
    ((x, z, q),) = model.noted
    assert set(np.unique(array(x))) == {0.0, 1.0}
    assert tuple(z.shape) == (len(X), 3, 2)
    mean = array(encoder(tensor(array(x)))["z_mean"])
    np.testing.assert_allclose(array(q.mean), mean, atol=1e-6)
    log_likelihoods = array(model.log_likelihoods(x, z))
    np.testing.assert_allclose(found["reconstruction"], -log_likelihoods.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(found["squares"], (array(z) ** 2).sum(-1).mean(1), rtol=1e-5)
    assert len(calls) == 1


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="compiles 13 classes for long")
@pytest.mark.parametrize(
    "name", every_class([name for name, cls in CLASSES.items() if cls.takes_further_losses])
)
def test_every_class_with_one_code_per_image_adds_a_further_term(name):
    from support.each_class import data_of, make

    model, got = make(name, seed=0), []
    x = data_of(name, X)
    model.compile("adam", run_eagerly=True)

    def further_losses(x, z, q=None):
        got.append((x.shape, z.shape, q))
        return zoo.models.base.Losses(ops.sum(ops.square(z)) * 1e6)

    vars(model)["further_losses"] = further_losses
    y = (np.arange(len(X)) % 3,) if model.learns_labels else ()
    y = (X,) if model.learns_pairs else y
    model.train_on_batch(x, *y)
    assert got[0][0] == x.shape
    assert got[0][1][0] == len(X)
    assert (got[0][2] is not None) == isinstance(model, zoo.VAE)


@pytest.mark.parametrize("cls", [zoo.M2, zoo.ClusteringAAE, zoo.GAN, zoo.RBM])
def test_a_class_whose_loss_has_no_such_terms_refuses_them(cls):
    with pytest.raises(TypeError, match="defines further_losses, but the loss of"):
        type("Mine", (cls,), {"further_losses": lambda self, x, z, q=None: None})


@pytest.mark.parametrize(
    ("returned", "error", "said"),
    [
        (lambda z: ops.sum(ops.abs(z)), TypeError, "return zoo.models.base.Losses"),
        (lambda z: None, TypeError, "Further losses are a NoneType"),
        (
            lambda z: zoo.models.base.Losses(ops.sum(ops.abs(z), axis=2)),
            ValueError,
            r"A term of the loss has shape \(\d+, 1\); \[batch\] or a scalar is expected",
        ),
    ],
)
def test_a_further_term_of_another_kind_is_refused_in_words(returned, error, said):
    cls = type("Mine", (zoo.VAE,), {"further_losses": lambda self, x, z, q=None: returned(z)})
    model = cls(SHAPE, 2, hidden_units=(8,))
    model.compile("sgd")
    with pytest.raises(error, match=said):
        model.fit(X, verbose=0)
