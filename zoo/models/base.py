"""The contract that all models of the zoo share."""

from __future__ import annotations

from typing import Any, ClassVar

import keras

from zoo.models import settings
from zoo.models.fitting import Fitted
from zoo.models.inference import Inference
from zoo.models.old_names import with_new_names
from zoo.models.signature import OwnWeights, Part, TensorInfo
from zoo.nn import given, likelihoods, networks, own_networks
from zoo.nn.configured import revived
from zoo.nn.given import whole


class BaseAutoencoder(Inference, Fitted):
    """An encoder, a decoder, and a likelihood that says how well the second undoes the first.

    Variants with one update write `loss_terms`; variants with several write `train_step`, with
    one `self.minimize(...)` each, and `updates`. Everything else (checks, metrics, compiling,
    saving, encoding, decoding) is here.

    Args:
        input_shape: of an image, (height, width, channels), or (features,).
        latent_dim: the length of a code; for networks of your own also its shape, (4, 4, 4).
        filters: widths of the encoder's 3x3 convolutions of stride 2; none for dense networks.
        hidden_units: widths of the dense layers between these and the code; the decoder mirrors
            both.
        activation: of the hidden layers.
        code_activation: of the code, for models whose encoder gives one code and no distribution;
            None leaves it linear.
        tie_weights: whether the decoder's kernels are the encoder's, transposed, one variable each;
            for dense networks without labels whose encoder gives one code.
        likelihood: "bernoulli" (pixels in [0, 1], from logits), "gaussian", "learned_gaussian",
            "categorical", "squared_error", or a likelihood such as `zoo.Gaussian(0.1)`.
        num_classes: how many labels there are; for conditional models only.
        encoder, decoder: networks of your own instead of the described ones: functional,
            sequential or subclassed Keras models. The encoder takes `x`, the decoder `z`
            (conditional ones a dict, with `label` beside). `input_shape` and `latent_dim` are
            needed where the networks do not say them. Codes may have any shape. The decoder gives
            the likelihood's parameters: logits for "bernoulli", for which a sigmoid at its end is
            taken off, and any other activation with bounds refused. The networks of the model
            share the weights of those given, which stay as they are otherwise.
        seed: of the initial weights (but of networks that are given), of the noise drawn in
            training, and of the order of the images. Where it is None, the weights are a matter of
            Keras's own seed, `keras.utils.set_random_seed`, and the rest is as with 0.
        name, dtype: of the model and its variables, as for any Keras model; a `dtype` such as
            "mixed_bfloat16" is a policy.

    Attributes:
        code_shape: of what `encode` gives for an image; (latent_dim,) but for networks of your own.
        heads: names of the encoder's outputs, each of `latent_dim` values.
        terms: names of the terms of the loss, in order; each is a metric.
        network_names: the attributes that hold networks.
        takes_no: settings of the bases that the class does not take: by name, the one value that
            changes nothing, and why it takes no other.
        conditional: whether the networks take a label.
        restores: whether the model is trained to give the clean image of a damaged one.
        prior: what `generate` draws codes from; None where there is none.
        unit_variance: whether "gaussian" has a deviation of 1 instead of one that is calibrated.
        cmap: the colours of pictures of images with one channel, as matplotlib names them; None for
            ink on paper, where 1 is black. `fit` chooses by its images.
        licence: of the weights, as the card of a preset states it; None once they are trained on,
            and "not stated" in exported files then: set it to your own.
        based_on: the name of the preset that the weights were first loaded from, for cards.

    Example: a variant is a subclass. A term of the loss has a name in `terms`; a setting is an
    argument, an attribute and an entry of `get_config`; a weight of its own is saved and exported.

        import keras
        import numpy as np
        from keras import ops

        import zoo

        @keras.saving.register_keras_serializable(package="mine")
        class Tempered(zoo.VAE):
            terms = (*zoo.VAE.terms, "brightness")

            def __init__(self, *args, weight=1.0, **kwargs):
                super().__init__(*args, **kwargs)
                self.weight = self.term_weights["brightness"] = weight
                self.gain = self.add_weight((), "ones", name="gain")

            def loss_terms(self, batch, training):
                images = self.call(batch.x, training)
                gap = ops.mean(images - batch.x, axis=tuple(range(1, len(batch.x.shape))))
                return {**super().loss_terms(batch, training), "brightness": ops.square(gap)}

            def image(self, z, label=None, training=False):
                return super().image(z, label, training) ** self.gain

            def get_config(self):
                return {**super().get_config(), "weight": self.weight}

        model = Tempered((4, 4, 1), 2, hidden_units=(8,), weight=3.0)
        model.compile("adam", run_eagerly=True)
        history = model.fit(np.random.default_rng(0).random((8, 4, 4, 1), "float32"), verbose=0)
        print(history.history["brightness"])
    """

    heads: tuple[str, ...] = ("z",)
    terms: tuple[str, ...] = ("reconstruction",)
    network_names: tuple[str, ...] = ("encoder", "decoder")
    conditional = False
    restores = False
    takes_no: ClassVar[dict[str, tuple[Any, str]]] = {}
    state_of_training: tuple[int, ...] = ()  # ids, as Keras would count the weights twice
    prior = None
    unit_variance = False
    cmap: str | None = None
    licence: str | None = None
    licence_of_preset: str | None = None
    based_on: str | None = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        settings.prepare(cls, BaseAutoencoder)

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] = (512, 256),
        activation: str = "relu",
        code_activation: str | None = None,
        tie_weights: bool = False,
        likelihood: Any = "bernoulli",
        num_classes: int | None = None,
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **unknown,
    ):
        if num_classes is not None and not self.conditional:
            unknown["num_classes"] = num_classes
        if unknown:
            raise settings.unknown(type(self), unknown)
        super().__init__(name=name, dtype=dtype)
        if (encoder is None) != (decoder is None):
            raise ValueError("Give both encoder= and decoder=, or neither and input_shape=.")
        self.custom_networks = encoder is not None
        if self.conditional and num_classes is None:
            raise ValueError(f"{type(self).__name__} is conditional: give num_classes=.")
        self.num_classes = whole("num_classes", num_classes, least=1) if self.conditional else None
        if input_shape is not None:
            expected = "input_shape=(height, width, channels), or (features,)"
            input_shape = given.shape("input_shape", input_shape, expected)
        if latent_dim is not None:
            latent_dim = self._checked_code_shape(latent_dim)
        self.filters = given.widths("filters", filters)
        self.hidden_units = given.widths("hidden_units", hidden_units)
        self.activation, self.code_activation, self.tie_weights = (
            activation,
            code_activation,
            bool(tie_weights),
        )
        self.likelihood = likelihoods.get(likelihood).of_model(self)
        self.seed = None if seed is None else whole("seed", seed)
        shape = latent_dim
        if self.custom_networks:
            encoder, decoder, shape = own_networks.taken(
                encoder,
                decoder,
                heads=self.heads,
                label_beside=self.label_beside,
                likelihood=self.likelihood,
                input_shape=input_shape,
                latent_dim=latent_dim,
            )
        else:
            encoder, decoder = self._described_networks(input_shape, latent_dim)
        self.encoder, self.decoder = encoder, decoder
        self.image_shape, self.latent_dim = networks.fitting_shapes(
            encoder, decoder, self.label_beside, self.likelihood
        )
        self.code_shape = shape if isinstance(shape, tuple) else (self.latent_dim,)
        self._check_given("input_shape", input_shape, self.image_shape)
        if latent_dim not in (self.latent_dim, self.code_shape):
            self._check_given("latent_dim", latent_dim, self.latent_dim)
        self.seed_generator = keras.random.SeedGenerator(self.seed or 0)
        self.term_weights: dict[str, float] = {}
        self.trackers = {name: keras.metrics.Mean(name=name) for name in ("loss", *self.terms)}
        self.built = True

    def _described_networks(self, input_shape, latent_dim):
        if input_shape is None or latent_dim is None:
            raise ValueError(
                f"{type(self).__name__} needs input_shape= and latent_dim=, such as "
                "input_shape=(28, 28, 1), latent_dim=16; or encoder= and decoder=."
            )
        if self.filters and len(input_shape) != 3:
            raise ValueError(
                f"filters={self.filters} asks for convolutions, which need input_shape=(height, "
                f"width, channels), not {tuple(input_shape)}."
            )
        if len(self.heads) > 1 and (self.tie_weights or self.code_activation):
            raise ValueError(
                f"{type(self).__name__} encodes to a distribution, {' and '.join(self.heads)}: "
                "code_activation= and tie_weights= are for models with one code, such as "
                "Autoencoder."
            )
        if self.tie_weights and (self.filters or self.conditional or self.likelihood.values > 1):
            raise ValueError(
                "tie_weights=True shares the kernels of dense networks without labels that give "
                "one value a pixel; leave out filters=, and choose another likelihood= where it has "
                "several."
            )
        description = {
            "filters": self.filters,
            "hidden_units": self.hidden_units,
            "activation": self.activation,
            "dtype": self.dtype_policy,
        }
        heads = dict.fromkeys(self.heads, latent_dim)
        encoder = self._described_encoder(
            input_shape,
            heads,
            code_activation=self.code_activation,
            num_classes=self.num_classes if "x" in self.label_beside else None,
            **description,
        )
        decoder = networks.decoder(
            self.likelihood.parameter_shape(input_shape),
            latent_dim,
            tied_to=encoder if self.tie_weights else None,
            num_classes=self.num_classes,
            **description,
        )
        return encoder, decoder

    def _checked_code_shape(self, latent_dim):
        if isinstance(latent_dim, str) or not hasattr(latent_dim, "__iter__"):
            return whole("latent_dim", latent_dim, least=1)
        if not self.custom_networks:
            raise TypeError(
                f"latent_dim is {latent_dim!r}; described networks have codes of one length, such "
                "as latent_dim=16. Codes of other shapes need an encoder= and decoder= of your own."
            )
        shape = given.shape("latent_dim", latent_dim, "the shape of a code, such as (4, 4, 4)")
        return shape if len(shape) > 1 else shape[0]

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

    # Tensors

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
        """Return the deterministic code of images, as tensors, flat: [batch, latent_dim]."""
        return self.encoded(x, label, training)[self.heads[0]]

    def encoded(self, x, label=None, training=False) -> dict:
        """Return what the encoder says of images, by the names in `heads`, as tensors."""
        codes = self.encoder(self.network_inputs("x", x, label), training=training)
        return codes if len(self.heads) > 1 else {self.heads[0]: codes}

    def image(self, z, label=None, training=False):
        """Return the mean image of codes, as tensors, [batch, *input_shape]."""
        parameters = self.decoder(self.network_inputs("z", z, label), training=training)
        return self.likelihood.mean(parameters)

    # Leaving

    def parts(self) -> dict[str, Part]:
        """Return the functions of the model that can be exported, by name."""
        low, high = self.likelihood.low, self.likelihood.high
        prior = self.prior_description()
        x = TensorInfo("x", "float32", self.image_shape, low, high)
        z = TensorInfo("z", "float32", self.code_shape, prior=prior)
        beside = dict.fromkeys(("x", "z"), ())
        for name in self.label_beside:
            beside[name] = (TensorInfo("label", "int32", (), 0, self.num_classes - 1),)
        heads = tuple(TensorInfo(head, "float32", self.code_shape) for head in self.heads)

        def encode(tensors):
            codes = self.encoded(tensors["x"], tensors.get("label"))
            return {head: self._shaped(codes[head]) for head in self.heads}

        def decode(tensors):
            return {"x": self.image(self._flat(tensors["z"]), tensors.get("label"))}

        return {
            "encoder": self.part("encoder", encode, (x, *beside["x"]), heads, (self.encoder,)),
            "decoder": self.part("decoder", decode, (z, *beside["z"]), (x,), (self.decoder,)),
        }

    def part(self, name, function, inputs, outputs, networks) -> Part:
        """Return a part that may use the model's own weights besides those of networks."""
        own = self._own_weights()
        return Part(
            name, function, inputs, outputs, (*networks, *([OwnWeights(own)] if own else []))
        )

    def _own_weights(self) -> list:
        """Return what `add_weight` made, less the state of training."""
        others = {id(weight) for layer in self.layers for weight in layer.weights}
        others |= {*self.state_of_training}
        return [weight for weight in self.weights if id(weight) not in others]

    def add_state(self, *args, **kwargs):
        """Add a weight that training alone reads and changes, and that no export needs."""
        weight = self.add_weight(*args, trainable=False, **kwargs)
        self.state_of_training = (*self.state_of_training, id(weight))
        return weight

    def get_config(self):
        config = {
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            "input_shape": self.image_shape,
            "latent_dim": self.latent_dim if len(self.code_shape) == 1 else self.code_shape,
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
            config["hidden_units"] = self.hidden_units
            for key in ("activation", "code_activation"):
                value = getattr(self, key)
                callable_ = callable(value)
                config[key] = keras.saving.serialize_keras_object(value) if callable_ else value
            config["tie_weights"] = self.tie_weights
        if self.cmap:
            config["cmap"] = self.cmap
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
        config = revived(with_new_names(config), custom_objects)
        frozen, cmap = config.pop("frozen", ()), config.pop("cmap", None)
        with own_networks.as_saved():
            model = cls(**config)
        model.cmap = cmap
        for name, layer in model._freezable().items():
            if name in frozen:
                layer.trainable = False
        return model

    @classmethod
    def from_preset(cls, name, **options):
        """Load a preset and check that it is of this class; see `zoo.load`."""
        import zoo  # not at the top, as presets import the models

        model = zoo.load(name, **options)
        if not isinstance(model, cls):
            raise TypeError(f"{name} is a {type(model).__name__}, not a {cls.__name__}.")
        return model

    def save_to_preset(self, folder, **options):
        """Write a preset folder; see `zoo.save`."""
        import zoo  # not at the top, as presets import the models

        zoo.save(self, folder, **options)
