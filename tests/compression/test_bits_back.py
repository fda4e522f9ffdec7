"""Bits back: images come back bit by bit, in as many bits as the bound says."""

import zlib

import numpy as np
import pytest
from support.each_class import longer

import zoo
from zoo.compression import BitsBack
from zoo.compression.bits_back import _FIXED, _SUM, MAGIC

IMAGES = (zoo.data.load("digits")[0][0][:150] > 0.5).astype("float32")


@pytest.fixture(scope="module")
def coder():
    model = zoo.VAE((8, 8, 1), 4, hidden_units=(32,), prior=zoo.Normal(4, scale=2.0), seed=1)
    model.compile("adam")
    model.fit(IMAGES, epochs=3, verbose=0)
    return BitsBack(model)


@longer
@pytest.mark.backend
def test_every_image_comes_back(coder):
    compressed = coder.compress(IMAGES)
    assert (coder.decompress(compressed.data) == IMAGES).all()
    assert compressed.bits < compressed.stream_bits <= 8 * len(compressed.data)


@pytest.mark.slow
def test_the_length_is_the_negative_elbo(coder):
    """Over several seeds of the spare bits, which decide which codes are drawn."""
    lengths = [coder.compress(IMAGES, seed).bits / len(IMAGES) for seed in range(4)]
    bound = zoo.metrics.negative_elbo(coder.model, np.repeat(IMAGES, 4, axis=0))[0]
    assert np.mean(lengths) == pytest.approx(bound / np.log(2), rel=0.01)


def test_the_spare_bits_are_got_back_whatever_they_are(coder):
    for seed in range(3):
        compressed = coder.compress(IMAGES[:5], seed)
        assert (coder.decompress(compressed.data) == IMAGES[:5]).all()


@pytest.mark.parametrize(("latent_dim", "scale"), [(300, 1.0), (4, 0.001), (4, 100.0)])
def test_long_codes_and_priors_of_any_scale_are_taken(latent_dim, scale):
    """Spare bits suffice for the first code, so that the stream grows from there."""
    prior = zoo.Normal(latent_dim, scale=scale)
    coder = BitsBack(zoo.VAE((8, 8, 1), latent_dim, hidden_units=(8,), prior=prior, seed=1))
    compressed = coder.compress(IMAGES[:4])
    assert (coder.decompress(compressed.data) == IMAGES[:4]).all()
    assert compressed.stream_bits - compressed.bits >= 32 * latent_dim


def test_other_pixels_and_shapes_are_refused(coder):
    with pytest.raises(ValueError, match="other than 0 and 1"):
        coder.compress(0.5 * IMAGES)
    with pytest.raises(ValueError, match="shape"):
        coder.compress(IMAGES[:, :4])


@pytest.mark.parametrize(
    "model",
    [
        lambda: zoo.Autoencoder((8, 8, 1), 2, hidden_units=(4,)),
        lambda: zoo.VAE((8, 8, 1), 2, hidden_units=(4,), likelihood="gaussian"),
        lambda: zoo.VAE((8, 8, 1), 2, hidden_units=(4,), prior=zoo.GaussianMixture.petals(3)),
        lambda: zoo.CVAE((8, 8, 1), 2, hidden_units=(4,), num_classes=3),
    ],
)
def test_models_without_such_a_bound_are_refused(model):
    with pytest.raises(TypeError, match="needs a variational autoencoder"):
        BitsBack(model())


def test_damaged_data_are_refused(coder):
    data = coder.compress(IMAGES[:3]).data
    for place in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[place] ^= 1
        with pytest.raises(ValueError, match=r"^mine "):
            coder.decompress(bytes(damaged), "mine")
    for length in range(0, len(data), 9):
        with pytest.raises(ValueError, match=r"^mine "):
            coder.decompress(data[:length], "mine")


@pytest.mark.slow
def test_forged_streams_are_refused_and_not_endless(coder):
    """Whoever forges a stream can compute its checksum, too."""
    generator = np.random.default_rng(0)
    data = coder.compress(IMAGES[:3]).data
    version, _, identity, seed, _ = _FIXED.unpack_from(data, len(MAGIC))
    for n in (1, 3, 2000):
        for _ in range(4):
            words = generator.integers(1, 2**32, 200, "uint32").astype("<u4").tobytes()
            body = MAGIC + _FIXED.pack(version, n, identity, seed, len(words)) + words
            with pytest.raises(ValueError, match=r"cannot be restored here|too many"):
                coder.decompress(body + _SUM.pack(zlib.crc32(body)))


def test_data_of_another_model_or_machine_are_refused(coder, monkeypatch):
    data = coder.compress(IMAGES[:3]).data
    other = BitsBack(zoo.VAE((8, 8, 1), 4, hidden_units=(32,), prior=zoo.Normal(4, scale=2.0)))
    with pytest.raises(ValueError, match="another model"):
        other.decompress(data)
    exact = coder._probabilities
    monkeypatch.setattr(coder, "_probabilities", lambda k: np.clip(exact(k) + 1e-3, 0, 1))
    with pytest.raises(ValueError, match="computes other probabilities"):
        coder.decompress(data)
