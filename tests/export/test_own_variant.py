"""A class of one's own that encodes or decodes with a further network is exported with it."""

import keras
import numpy as np
import pytest

import export
import zoo


class Toned(zoo.VAE):
    """Decodes through a further layer, from 16 pixels to 16 pixels."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.tone = keras.layers.Dense(1)
        self.tone.build((None, 4, 4, 1))

    def image(self, z, label=None, training=False):
        return self.likelihood.mean(self.tone(self.decoder(z, training=training)))


class TonedPart(Toned):
    part_networks = {"decoder": ("decoder", "tone")}  # noqa: RUF012


def test_a_network_that_is_named_in_part_networks_is_exported(tmp_path):
    model = TonedPart((4, 4, 1), 2, hidden_units=(8,))
    model.tone.set_weights([np.array([[-2.0]], "float32"), np.array([0.5], "float32")])
    export.export_model(model, tmp_path / "out")
    z = np.random.default_rng(0).standard_normal((5, 2), np.float32)
    got = export.load(tmp_path / "out" / "decoder")(z=z)["x"]
    np.testing.assert_allclose(got, model.decode(z), atol=1e-5)


def test_without_it_the_error_names_the_attribute(tmp_path):
    model = Toned((4, 4, 1), 2, hidden_units=(8,))
    with pytest.raises(RuntimeError, match=r"add the network.*part_networks"):
        export.export_model(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()
