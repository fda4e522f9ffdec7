"""Clusters without labels: the three updates, heads, and the rule by which errors are counted."""

import keras
import numpy as np
import pytest
from keras import ops
from support.each_class import longer
from support.tiny import X, array, randomized

import zoo
from zoo.models.base import Batch

pytestmark = pytest.mark.backend


def clustering(**options):
    options = {"num_classes": 4, "hidden_units": (5,), "decoder_hidden_units": (6,), **options}
    return zoo.ClusteringAAE((4, 4, 1), 2, discriminator_hidden_units=(5,), **options)


@longer
def test_heads_are_pushed_apart_by_the_distance_they_lack():
    model = clustering(num_classes=3, head_distance=2.0)
    heads = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 5.0]])
    model.join.get_layer("heads").set_weights([heads])
    lacking = 2.0 - 1.0  # the other two pairs are 5 and more apart
    assert float(array(model.head_repulsion())) == pytest.approx(lacking, abs=1e-4)
    losses = model.reconstruction_losses(Batch(ops.convert_to_tensor(X)), training=False)
    assert float(array(losses.metrics["head_repulsion"])) == pytest.approx(lacking, abs=1e-4)
    model.compile(keras.optimizers.SGD(0.2))
    model.fit(X, epochs=15, verbose=0)
    moved = array(model.join.get_layer("heads").kernel)
    assert np.linalg.norm(moved[0] - moved[1]) > 1.5


def test_a_representation_is_the_style_plus_the_expected_head():
    model = randomized(clustering(head_distance=1.0))
    heads = array(model.join.get_layer("heads").kernel)
    expected = model.encode(X) + model.predict_proba(X) @ heads
    np.testing.assert_allclose(model.represent(X), expected, rtol=1e-4, atol=1e-5)
    both = randomized(clustering())
    np.testing.assert_allclose(
        both.represent(X),
        np.concatenate([both.predict_proba(X), both.encode(X)], axis=1),
        rtol=1e-4,
    )


def test_images_are_reconstructed_by_the_cluster_they_are_found_in():
    model = randomized(clustering())
    found = model.predict_labels(X)
    np.testing.assert_array_equal(model.reconstruct(X), model.reconstruct(X, found))
    assert not np.array_equal(model.reconstruct(X), model.reconstruct(X, (found + 1) % 4))


def test_the_trunk_gets_corrupted_images_in_training_and_clean_ones_elsewhere():
    model = randomized(clustering(corruption={"masking": 1.0}))
    x = ops.convert_to_tensor(X)
    # Layers that normalize over the batch would hide what they see: take their stored moments.
    trunk = model.trunk
    # Past PyTorch, which takes nothing but modules in the place of one.
    vars(model)["trunk"] = lambda images, training=None: trunk(images, training=False)
    for training, seen in ((True, np.zeros_like(X)), (False, X)):
        features = trunk(seen)
        logits, style = model.codes(x, training)
        np.testing.assert_allclose(array(logits), array(model.classifier(features)), rtol=1e-5)
        np.testing.assert_allclose(array(style), array(model.style_head(features)), rtol=1e-5)


def test_heads_are_trained_by_the_reconstruction_only():
    model = clustering(head_distance=2.0)
    named = {name: {id(v) for v in model.trained_by(name)} for name in model.updates}
    (kernel,) = model.join.trainable_variables
    assert [name for name, ids in named.items() if id(kernel) in ids] == ["reconstruction"]


@pytest.mark.slow
@pytest.mark.compiled
def test_digits_are_sorted_without_labels():
    (x, y), _ = zoo.data.load("digits")
    model = zoo.ClusteringAAE(
        (8, 8, 1),
        4,
        num_classes=20,
        hidden_units=(128,),
        decoder_hidden_units=(128,),
        corruption={"gaussian": 0.2},
    )
    model.compile(keras.optimizers.Adam(1e-3, beta_1=0.5))
    model.fit(x, batch_size=50, epochs=60, verbose=0)
    assert zoo.metrics.clustering_error(model, x, y) < 50  # nine in ten would be chance


def test_labels_are_not_taken():
    model = clustering()
    model.compile()
    with pytest.raises(ValueError, match="learns from images only"):
        model.fit(X, np.zeros(12, int))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head_distance": 0.0}, "head_distance is 0.0"),
        ({"posterior": "gaussian"}, "takes no posterior="),
        ({"dropout": 0.5}, "takes no dropout="),
        ({"instance_noise": -1.0}, "instance_noise is -1.0"),
        ({"corruption": {"gaussian": -1.0}}, "stddev is -1.0"),
        ({"encoder": 1}, "takes no encoder="),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        clustering(**options)


def test_a_conditional_discriminator_gets_the_predicted_class_with_styles_and_with_samples():
    model = randomized(clustering(conditional_discriminator=True))
    batch, label = Batch(ops.convert_to_tensor(X)), model.predict_labels(X)

    def judged(z):
        return array(model.discriminator({"z": z, "label": label}))[:, 0]

    losses = model.generator_losses(batch, training=False).metrics
    expected = np.log1p(np.exp(-judged(model.encode(X))))
    np.testing.assert_allclose(array(losses["generator"]), expected, rtol=1e-4)
    samples = model.prior.sample(len(X), seed=0)
    model.prior_samples_like = lambda batch: ops.convert_to_tensor(samples)
    losses = model.discriminator_losses(batch, training=False).metrics
    expected = np.log1p(np.exp(-judged(samples))) + np.log1p(np.exp(judged(model.encode(X))))
    np.testing.assert_allclose(array(losses["discriminator"]), expected, rtol=1e-4)
    assert len(set(label.tolist())) > 1
