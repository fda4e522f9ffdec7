"""The contract that all models of the zoo share."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo import engine
from zoo.models import checks
from zoo.models.fitting import Fitted
from zoo.models.part import Part, TensorInfo
from zoo.nn import likelihoods, networks
from zoo.nn.configured import revived


class BaseAutoencoder(Fitted):
    """An encoder, a decoder, and a likelihood that says how well the second undoes the first.

    Variants with one update write `loss_terms`; variants with several write `train_step`, with
    one `self.minimize(...)` each, and `updates`. Everything else (checks, metrics, compiling,
    saving, encoding, decoding) is here.

    Args:
        input_shape: of an image, (height, width, channels), or (features,).
        latent_dim: the length of a code.
        filters: widths of the encoder's 3x3 convolutions of stride 2; none for dense networks.
        hidden: widths of the dense layers between these and the code. The decoder mirrors both.
        activation: of the hidden layers.
        code_activation: of the code, for models whose encoder gives one code and no distribution;
            None leaves it linear.
        tied: whether the decoder's kernels are the encoder's, transposed, as one variable each;
            for dense networks without labels whose encoder gives one code.
        likelihood: "bernoulli" (pixels in [0, 1], from logits), "gaussian", "learned_gaussian",
            "categorical", "squared_error", or a `zoo.nn.likelihoods.Likelihood`.
        num_classes: how many labels there are; for conditional models only.
        encoder, decoder: networks of your own instead of the described ones. The encoder takes
            `x`, the decoder `z` (conditional ones a dict, with `label` beside); the decoder gives
            the likelihood's parameters: logits for "bernoulli".
        seed: of the noise drawn in training, and of the order of the images.

    Attributes:
        heads: names of the encoder's outputs, each of `latent_dim` values.
        terms: names of the terms of the loss, in order; each is a metric.
        network_names: the attributes that hold networks.
        conditional: whether the networks take a label.
        restores: whether the model is trained to give the clean image of a damaged one.
        prior: what `generate` draws codes from; None where there is none.
        licence: of the weights, as the card of a preset states it; None once they are trained on,
            and "not stated" in exported files then: set it to your own.
        based_on: the name of the preset that the weights were first loaded from, for cards.
    """

    heads: tuple[str, ...] = ("z",)
    terms: tuple[str, ...] = ("reconstruction",)
    network_names: tuple[str, ...] = ("encoder", "decoder")
    conditional = False
    restores = False
    prior = None
    licence: str | None = None
    licence_of_preset: str | None = None
    based_on: str | None = None

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | None = None,
        *,
        filters: tuple[int, ...] = (),
        hidden: tuple[int, ...] = (512, 256),
        activation: str = "relu",
        code_activation: str | None = None,
        tied: bool = False,
        likelihood: Any = "bernoulli",
        num_classes: int | None = None,
        encoder: keras.Model | None = None,
        decoder: keras.Model | None = None,
        seed: int = 0,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if (encoder is None) != (decoder is None):
            raise ValueError("Give both encoder= and decoder=, or neither and input_shape=.")
        self.custom_networks = encoder is not None
        if self.conditional and not num_classes:
            raise ValueError(f"{type(self).__name__} is conditional: give num_classes=.")
        self.num_classes = int(num_classes) if self.conditional else None
        self.filters, self.hidden = tuple(filters), tuple(hidden)
        self.activation, self.code_activation, self.tied = activation, code_activation, bool(tied)
        self.likelihood = likelihoods.get(likelihood)
        self.seed = int(seed)
        if not self.custom_networks:
            encoder, decoder = self._described_networks(input_shape, latent_dim)
        self.encoder, self.decoder = encoder, decoder
        self.image_shape, self.latent_dim = networks.fitting_shapes(
            encoder, decoder, self.heads, self.label_beside, self.likelihood
        )
        self._check_given("input_shape", input_shape, self.image_shape)
        self._check_given("latent_dim", latent_dim, self.latent_dim)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.term_weights: dict[str, float] = {}
        self.trackers = {name: keras.metrics.Mean(name=name) for name in ("loss", *self.terms)}
        self.built = True

    def _described_networks(self, input_shape, latent_dim):
        if input_shape is None or latent_dim is None:
            raise ValueError(
                f"{type(self).__name__} needs input_shape= and latent_dim=, such as "
                "input_shape=(28, 28, 1), latent_dim=16; or encoder= and decoder=."
            )
        if min(input_shape) < 1 or latent_dim < 1:
            raise ValueError(
                f"input_shape={input_shape} and latent_dim={latent_dim} must be positive."
            )
        if self.filters and len(input_shape) != 3:
            raise ValueError(
                f"filters={self.filters} asks for convolutions, which need input_shape=(height, "
                f"width, channels), not {tuple(input_shape)}."
            )
        if len(self.heads) > 1 and (self.tied or self.code_activation):
            raise ValueError(
                f"{type(self).__name__} encodes to a distribution, {' and '.join(self.heads)}: "
                "code_activation= and tied= are for models with one code, such as Autoencoder."
            )
        if self.tied and (self.filters or self.conditional or self.likelihood.values > 1):
            raise ValueError(
                "tied=True shares the kernels of dense networks without labels that give one value "
                "a pixel; leave out filters=, and choose another likelihood= where it has several."
            )
        description = {
            "filters": self.filters,
            "hidden": self.hidden,
            "activation": self.activation,
            "dtype": self.dtype_policy,
        }
        heads = dict.fromkeys(self.heads, latent_dim)
        encoder = self._described_encoder(
            tuple(input_shape),
            heads,
            code_activation=self.code_activation,
            num_classes=self.num_classes if "x" in self.label_beside else None,
            **description,
        )
        decoder = networks.decoder(
            self.likelihood.parameter_shape(tuple(input_shape)),
            latent_dim,
            tied_to=encoder if self.tied else None,
            num_classes=self.num_classes,
            **description,
        )
        return encoder, decoder

    def _described_encoder(self, *args, **options):
        return networks.encoder(*args, **options)

    def add_term(self, name: str, weight: float = 1.0):
        """Add a term to those that `loss_terms` returns, with its weight in the loss."""
        self.terms = (*self.terms, name)
        self.trackers[name] = keras.metrics.Mean(name=name)
        self.term_weights[name] = float(weight)

    def _check_given(self, name, given, found):
        given = tuple(given) if isinstance(found, tuple) and given is not None else given
        if given is not None and given != found:
            raise ValueError(f"{name} is {given}, and the networks have {found}.")

    # Using

    @property
    def label_beside(self) -> tuple[str, ...]:
        """What is given together with a label: `x` to the encoder, `z` to the decoder."""
        return ("x", "z") if self.conditional else ()

    def network_inputs(self, name: str, value, label):
        """Return what a network takes: a tensor, or with a label a dict of tensors."""
        return {name: value, "label": label} if name in self.label_beside else value

    def call(self, inputs, training=False):
        """Reconstruct images: `x`, or `{"x": x, "label": y}`, to the same shape."""
        x, label = (inputs["x"], inputs["label"]) if self.conditional else (inputs, None)
        z = self.code(x, label, training)
        return self.image(z, label, training)

    def code(self, x, label=None, training=False):
        """Return the deterministic code of images, as tensors, [batch, latent_dim]."""
        return self.encoded(x, label, training)[self.heads[0]]

    def encoded(self, x, label=None, training=False) -> dict:
        """Return what the encoder says of images, by the names in `heads`, as tensors."""
        codes = self.encoder(self.network_inputs("x", x, label), training=training)
        return codes if len(self.heads) > 1 else {self.heads[0]: codes}

    def image(self, z, label=None, training=False):
        """Return the mean image of codes, as tensors, [batch, *input_shape]."""
        parameters = self.decoder(self.network_inputs("z", z, label), training=training)
        return self.likelihood.mean(parameters)

    def encode(self, x, labels=None, *, batch_size: int = 1024) -> np.ndarray:
        """Return the codes of images; deterministic.

        Args:
            x: images [n, *input_shape], in the likelihood's range.
            labels: integers [n] for conditional models.
            batch_size: how many images to hold in a network at once.

        Returns:
            float32 [n, latent_dim].
        """
        x, labels = self._checked_images(x, labels)
        return self._run("code", x, labels, batch_size)

    def decode(self, z, labels=None, *, batch_size: int = 1024) -> np.ndarray:
        """Return the mean images of codes.

        Args:
            z: [n, latent_dim].
            labels: integers [n] for conditional models.

        Returns:
            float32 [n, *input_shape]; in [0, 1] for a Bernoulli likelihood.
        """
        z = checks.check_codes(z, self.latent_dim)
        return self._run("image", z, self._checked_labels(labels, len(z)), batch_size)

    def reconstruct(self, x, labels=None, *, batch_size: int = 1024) -> np.ndarray:
        """Return the images that the codes of `x` decode to, [n, *input_shape]."""
        z = self.encode(x, labels, batch_size=batch_size)
        return self.decode(z, labels, batch_size=batch_size)

    @property
    def can_generate(self) -> bool:
        """Whether `generate` makes images."""
        return self.prior is not None

    def generate(self, n: int | None = None, labels=None, *, seed: int | None = None) -> np.ndarray:
        """Decode draws from the prior.

        Args:
            n: how many; may be left out where labels are given.
            labels: integers [n], for conditional models.
            seed: the same seed gives the same images.

        Returns:
            float32 [n, *input_shape]: mean images.

        Raises:
            TypeError: for models without a prior.
        """
        if not self.can_generate:
            raise TypeError(
                f"{type(self).__name__} has no prior over codes and cannot generate; use a VAE, "
                "CVAE or AAE, or decode() codes of your own."
            )
        if n is None:
            if labels is None:
                raise ValueError("Say how many images to generate: generate(16).")
            n = np.size(labels)
        if n < 1:
            raise ValueError(f"n is {n}; generate at least one image.")
        labels = self._checked_labels(labels, n)
        return self.decode(self.codes_to_generate(n, labels, seed), labels)

    def codes_to_generate(self, n, labels, seed) -> np.ndarray:
        """Return draws from the prior, float32 [n, latent_dim]; its labels were checked."""
        del labels
        return self.prior.sample(n, seed=seed)

    def style(self, z, labels):
        """Return what codes [n, latent_dim] of a conditional model say beside their labels."""
        del labels
        return z

    def styled(self, style, labels):
        """Return the codes of styles [n, latent_dim] with labels [n]; undoes `style`."""
        del labels
        return style

    def prior_description(self) -> dict | None:
        """Return what a consumer of exported files needs to know to draw codes."""
        return self.prior.describe() if self.prior else None

    def _checked_images(self, x, labels):
        x = checks.check_images(x, self.image_shape, self.likelihood)
        return checks.in_numpy(x), self._checked_labels(labels, len(x))

    def _checked_labels(self, labels, n):
        if self.conditional:
            return checks.check_labels(labels, n, self.num_classes, "labels")
        if labels is not None:
            raise ValueError(f"{type(self).__name__} is not conditional and takes no labels.")
        return None

    def _run(self, method, values, labels, batch_size):
        """Run `self.<method>` compiled, in batches, on an array or a tuple of arrays."""
        functions = self.__dict__.setdefault("_compiled_functions", {})
        if method not in functions:
            functions[method] = engine.compiled(getattr(self, method), self.variables)
        arrays = [*values] if isinstance(values, tuple) else [values]
        arrays += [] if labels is None else [labels]
        pieces = [
            functions[method](
                *(ops.convert_to_tensor(np.asarray(a[i : i + batch_size])) for a in arrays)
            )
            for i in range(0, len(arrays[0]), batch_size)
        ]
        return np.concatenate([ops.convert_to_numpy(piece) for piece in pieces])

    # Leaving

    def parts(self) -> dict[str, Part]:
        """Return the functions of the model that can be exported, by name."""
        low, high = self.likelihood.low, self.likelihood.high
        prior = self.prior_description()
        x = TensorInfo("x", "float32", self.image_shape, low, high)
        z = TensorInfo("z", "float32", (self.latent_dim,), prior=prior)
        beside = dict.fromkeys(("x", "z"), ())
        for name in self.label_beside:
            beside[name] = (TensorInfo("label", "int32", (), 0, self.num_classes - 1),)
        heads = tuple(TensorInfo(head, "float32", (self.latent_dim,)) for head in self.heads)

        def encode(tensors):
            codes = self.encoded(tensors["x"], tensors.get("label"))
            return {head: codes[head] for head in self.heads}

        def decode(tensors):
            return {"x": self.image(tensors["z"], tensors.get("label"))}

        return {
            "encoder": Part("encoder", encode, (x, *beside["x"]), heads, (self.encoder,)),
            "decoder": Part("decoder", decode, (z, *beside["z"]), (x,), (self.decoder,)),
        }

    def get_config(self):
        config = {
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            "input_shape": self.image_shape,
            "latent_dim": self.latent_dim,
            "likelihood": keras.saving.serialize_keras_object(self.likelihood),
            "seed": self.seed,
        }
        if self.conditional:
            config["num_classes"] = self.num_classes
        if self.custom_networks:
            config["encoder"] = keras.saving.serialize_keras_object(self.encoder)
            config["decoder"] = keras.saving.serialize_keras_object(self.decoder)
        else:
            config["filters"] = self.filters
            config["hidden"] = self.hidden
            for key in ("activation", "code_activation"):
                value = getattr(self, key)
                callable_ = callable(value)
                config[key] = keras.saving.serialize_keras_object(value) if callable_ else value
            config["tied"] = self.tied
        frozen = [name for name, layer in self._freezable().items() if not layer.trainable]
        return {**config, "frozen": frozen} if frozen else config

    def _freezable(self) -> dict:
        """Return the networks and their layers by name, such as `encoder/dense_0`."""
        found = {}
        for name in self.network_names:
            network = getattr(self, name)
            found[name] = network
            found |= {f"{name}/{layer.name}": layer for layer in network.layers}
        return found

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = revived(config, custom_objects)
        frozen = config.pop("frozen", ())
        model = cls(**config)
        for name, layer in model._freezable().items():
            if name in frozen:
                layer.trainable = False
        return model

    @classmethod
    def from_preset(cls, name, **options):
        """Load a preset and check that it is of this class; see `zoo.load`."""
        from zoo import presets

        model = presets.load(name, **options)
        if not isinstance(model, cls):
            raise TypeError(f"{name} is a {type(model).__name__}, not a {cls.__name__}.")
        return model

    def save_to_preset(self, folder, **options):
        """Write a preset folder; see `zoo.save`."""
        from zoo import presets

        presets.save(self, folder, **options)
