"""The base class of all models of the zoo."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.backend.optimizer_group import normalize_config
from zoo.checks import arguments, streams
from zoo.checks import data as checks
from zoo.checks.arguments import whole
from zoo.checks.units import check_units
from zoo.inference import arrays
from zoo.inference.parts import OwnWeights, Part, encoder_and_decoder
from zoo.nn import network_properties, networks, proportions
from zoo.nn.configured import Configured
from zoo.nn.described_networks import (
    checked_code_shape,
    described_networks,
    described_sizes,
    networks_of,
)
from zoo.nn.distributions import likelihood_names
from zoo.nn.distributions.requirements import check_likelihood
from zoo.presets.loading import load
from zoo.presets.saving import save
from zoo.training import configuration, handed_in, settings
from zoo.training.loss_weight import LossWeight
from zoo.training.trainer import Losses, Trainer


class BaseAutoencoder(Trainer):
    """The base class of all models: an encoder, a decoder and a likelihood p(x | z) of images.

    A variant with one update defines `losses`. A variant with several updates defines `train_step`,
    with one `self.minimize(...)` for each update; see `zoo.training.trainer.Trainer`. The methods
    that take and return arrays (`encode`, `decode`, `reconstruct`, `generate`) are in
    `zoo.inference.arrays`.

    Args:
        input_shape: (height, width, channels), (time, channels) of signals, or (features,).
        latent_dim: the length of a code; with your own networks it may be a shape, (4, 4, 4).
        network: "dense", "dense_resnet" (dense layers beside a linear path), "conv", "resnet"
            (residual blocks), or "conv1d" (these for signals); without it "conv" if there are
            `filters`, else "dense".
        filters: widths of the encoder's convolutions of stride 2; if only `network` is given, as
            many as suit the shape.
        hidden_units: widths of the dense layers between the convolutions and the code, (512, 256)
            or as suit `network`. The decoder has the encoder's layers in reverse order.
        activation: of the hidden layers.
        code_activation: of the code, for models whose encoder gives one code and no distribution;
            None leaves it linear.
        tie_weights: whether the decoder uses the encoder's kernels, transposed; for dense networks
            without labels whose encoder gives one code.
        likelihood: "bernoulli" (pixels in [0, 1], from logits), "gaussian", "learned_gaussian",
            "categorical", "squared_error", "poisson", "negative_binomial", or a likelihood such as
            `zoo.Gaussian(0.1)`.
        num_classes: how many labels there are; for conditional models only.
        encoder, decoder: your own networks instead of the described ones: functional, sequential
            or subclassed Keras models. The encoder takes `x`, the decoder `z` (of conditional
            models a dict with `label`). Give `input_shape` and `latent_dim` if the networks do not
            state them. Codes may have any shape. The decoder gives the likelihood's parameters:
            logits for "bernoulli". There a sigmoid at the end of the decoder is removed, and any
            other bounded activation is refused. The model's networks share the weights of the
            given networks, which do not change otherwise.
        seed: of the initial weights (not of given networks), of the noise in training, and of the
            order of the images. If it is None, Keras's own seed (`keras.utils.set_random_seed`)
            determines the weights, and the rest is as with 0.
        name, dtype: of the model and its variables, as for any Keras model; a `dtype` such as
            "mixed_bfloat16" is a policy.

    Attributes:
        code_shape: the shape of one code, as `encode` gives it; (latent_dim,) unless the networks
            are your own. Steps of training and `code` have flat codes, [batch, latent_dim].
        encoder_outputs: names of the encoder's outputs, each of `latent_dim` values.
        metric_names: the metrics of a step besides `loss`, in order.
        network_names: the attributes that hold networks.
        card_metrics: the metrics of its card, names in `zoo.metrics.CARD_METRICS`.
        takes_no: settings of the base classes that the class does not take: by name, the only
            value that is accepted (it changes nothing), and the reason.
        conditional: whether the networks take labels; see `label_inputs`.
        label_inputs: which networks take a label: "x" stands for the encoder, "z" for the decoder;
            by default both networks of a conditional model.
        label_before_code: whether a one-hot label comes before the code in the decoder's input.
        learns_labels: whether it learns from labels; conditional models do.
        label_shape: of a label that is an array, such as an image or a row of word numbers; () for
            one integer.
        label_dtype: "int32", or of images "float32".
        semi_supervised: whether labels may be -1, for "unlabeled".
        takes_pairs: whether it also learns to give clean images for noisy ones, fit(noisy, clean).
            A class with its own `losses` or `train_step` compares with `batch.target` and says so.
        family: the group of presets that its presets belong to.
        restores: whether the model is trained to restore clean images from corrupted ones.
        has_encoder: whether it encodes and reconstructs images; not a `GAN`, nor a translator.
        prior: the distribution that `generate` draws codes from, or None.
        unit_variance: whether "gaussian" has the standard deviation 1 instead of a calibrated one.
        untrained: attributes such as "likelihood" whose variables no step trains.
        takes_further_losses: whether the loss has the terms of `further_losses`.
        part_networks: by exported part, the attributes that hold the networks it uses.
        cmap: the matplotlib color map for images with one channel; None shows 1 as black on white.
            `fit` chooses it by its images.
        licence: of the weights, from a preset's card. Training sets it to None: set your own.
        based_on: the name of the preset that the weights were first loaded from, for cards; of one
            from a hub with the commit, hf://user/name@commit; of an address without its query.
    """

    encoder_outputs: tuple[str, ...] = ("z",)
    metric_names: tuple[str, ...] = ("reconstruction",)
    network_names: tuple[str, ...] = ("encoder", "decoder")
    card_metrics: tuple[str, ...] = ("reconstruction error", "nearest-neighbor accuracy")
    label_inputs: tuple[str, ...] = ()
    conditional = False
    label_before_code = False
    learns_labels = False
    label_shape: tuple[int, ...] = ()
    label_dtype = "int32"
    semi_supervised = False
    takes_pairs = False
    restores = False
    has_encoder = True
    takes_no: ClassVar[dict[str, tuple[Any, str]]] = {}
    untrained: tuple[str, ...] = ()
    takes_further_losses = False
    part_networks: ClassVar[dict[str, tuple[str, ...]]] = {}
    state_of_training: tuple[int, ...] = ()  # ids, as Keras would count the weights twice
    prior = None
    unit_variance = False
    family = "autoencoder"
    cmap: str | None = None
    licence: str | None = None
    licence_of_preset: str | None = None
    based_on: str | None = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        settings.prepare(cls, BaseAutoencoder)  # also wraps __init__: it checks and seeds
        settings.refuse_old_hooks(cls)
        if "conditional" in vars(cls) and "learns_labels" not in vars(cls):
            cls.learns_labels = cls.conditional
        if cls.conditional and not cls.label_inputs:
            cls.label_inputs = ("x", "z")
        if vars(cls).keys() & {"losses", "train_step"} and "takes_pairs" not in vars(cls):
            cls.takes_pairs = False  # it may compare with `batch.x`
        for name in ("encode", "decode", "reconstruct"):
            if name in vars(cls):
                setattr(cls, name, streams.by_batch(vars(cls)[name]))

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
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
        checks.check_process()
        super().__init__(name=name, dtype=dtype)
        if self.has_encoder and (encoder is None) != (decoder is None):
            raise ValueError("Give both encoder= and decoder=, or neither and input_shape=.")
        self.custom_networks = decoder is not None
        if self.conditional and num_classes is None and not self.label_shape:
            raise ValueError(f"{type(self).__name__} is conditional: give num_classes=.")
        self.num_classes = (
            None if num_classes is None else whole("num_classes", num_classes, least=1)
        )
        if input_shape is not None:
            expected = "input_shape=(height, width, channels), (time, channels) or (features,)"
            input_shape = arguments.shape("input_shape", input_shape, expected)
        if latent_dim is not None:
            latent_dim = checked_code_shape(latent_dim, self.custom_networks)
        sizes = described_sizes(self, input_shape, network, filters, hidden_units)
        self.network, self.filters, self.hidden_units = sizes
        self.activation, self.code_activation = activation, code_activation
        self.tie_weights = bool(tie_weights)
        self.likelihood = likelihood_names.get(likelihood).of_model(self)
        self.seed = None if seed is None else whole("seed", seed)
        self._make_networks(encoder, decoder, input_shape, latent_dim)
        if self.decoder is not None:
            check_likelihood(self.likelihood, self.image_shape, self.decoder.output.shape[1:])
        if not self.custom_networks:
            proportions.warn_of_too_many_parameters(self)
        self.seed_generator = keras.random.SeedGenerator(self.seed or 0)
        self.trackers = {
            name: keras.metrics.Mean(name=name) for name in ("loss", *self.metric_names)
        }
        self.built = True

    def _make_networks(self, encoder, decoder, input_shape, latent_dim):
        made = networks_of(self, encoder, decoder, input_shape, latent_dim)
        self.encoder, self.decoder, self.image_shape, self.code_shape = made
        self.latent_dim = math.prod(self.code_shape)  # values in a code

    def _described_networks(self, input_shape, latent_dim):
        return described_networks(self, input_shape, latent_dim)

    def _described_encoder(self, *args, **options):
        return networks.encoder(*args, **options)

    def add_metric_name(self, name: str) -> None:
        """Add a name to those that `losses` reports, for this model only."""
        self.metric_names = (*self.metric_names, name)
        self.trackers[name] = keras.metrics.Mean(name=name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute: of settings only the weights of the loss, see `LossWeight`."""
        if "_is_made" in vars(self) and name in self.fixed_settings:
            value = settings.changed(self, name, value)
        super().__setattr__(name, value)
        if isinstance(value, Configured):
            handed_in.track(self, name, value)

    @property
    def variables(self) -> list:
        """The variables of Keras, and those of the loss's weights, which are not saved."""
        settings = [s if isinstance(s, tuple) else (s,) for s in vars(self).values()]
        weights = [s for values in settings for s in values if isinstance(s, LossWeight)]
        return [*super().variables, *(weight.value for weight in weights)]

    # Tensors

    def encoder_input(self, x: Any, label: Any) -> Any:
        """Return the input of the encoder: a tensor, or a dict of tensors with a label."""
        return {"x": x, "label": label} if "x" in self.label_inputs else x

    def decoder_input(self, z: Any, label: Any) -> Any:
        """Return the input of the decoder: a tensor, or a dict of tensors with a label."""
        return {"z": z, "label": label} if "z" in self.label_inputs else z

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Reconstruct images: `x`, or `{"x": x, "label": y}`, to the same shape."""
        x, label = (inputs["x"], inputs["label"]) if self.conditional else (inputs, None)
        z = self.code(x, label, training)
        return self.image(z, label, training)

    def code(self, x: Any, label: Any = None, training: bool = False) -> Any:
        """Return the deterministic code of images, as tensors, flat: [batch, latent_dim]."""
        return self.encoder(self.encoder_input(x, label), training=training)

    def encoded(self, x: Any, label: Any = None) -> dict:
        """Return the outputs of the exported encoder, by the names in `encoder_outputs`."""
        return {self.encoder_outputs[0]: self.code(x, label)}

    def observation(self, z: Any, label: Any = None, training: bool = False) -> Any:
        """Return p(x | z) of codes [batch, latent_dim]."""
        return self.likelihood(self.decoder(self.decoder_input(z, label), training=training))

    def image(self, z: Any, label: Any = None, training: bool = False) -> Any:
        """Return the mean image of codes, as tensors, [batch, *input_shape]."""
        return self.observation(z, label, training).mean

    def parameters_of(self, z: Any, label: Any = None) -> Any:
        """Return the parameters of p(x | z), the outputs of the decoder, [batch, ...]."""
        return self.observation(z, label).parameters

    # Methods that take and return arrays; `zoo.inference.arrays` documents them

    encode, decode, reconstruct = arrays.encode, arrays.decode, arrays.reconstruct
    reconstruction_error, generate = arrays.reconstruction_error, arrays.generate
    shaped, flat = arrays.shaped, arrays.flat
    checked_images, checked_labels = arrays.checked_images, arrays.checked_labels
    run_in_batches = arrays.run_in_batches
    predict, export = arrays.predict, arrays.export

    @property
    def can_generate(self) -> bool:
        """Whether `generate` makes images."""
        return self.prior is not None

    def prior_samples(self, n: Any, labels: Any, seed: Any) -> np.ndarray:
        """Return codes to generate from, float32 [n, latent_dim]; the labels were checked."""
        return self.prior.styled(self.prior.sample(n, seed=seed), labels)

    def style(self, z: Any, labels: Any) -> Any:
        """Return the styles of codes [n, latent_dim]: the information that is not in the label."""
        return self.prior.style(z, labels) if self.prior else z

    def styled(self, style: Any, labels: Any) -> Any:
        """Return the codes of styles [n, latent_dim] with labels [n]; the inverse of `style`."""
        return self.prior.styled(style, labels) if self.prior else style

    # Training

    def further_losses(self, x: Any, z: Any, q: Any = None) -> Losses:
        """Return further terms of the loss, for a class of your own; by default there are none.

        Args:
            x: what the reconstruction is compared with, [batch, *input_shape].
            z: the codes that the decoder got, [batch, latent_dim], or of variational models
                [batch, samples, latent_dim]. q: q(z | x), which these were sampled from, or None.
        """
        return Losses()

    def before_training(self, data: Any) -> None:
        """Check the units of the data, choose the color map, and remove the preset's licence."""
        if data is not None and data.few is not None:
            check_units(self, data.few[0])
        gray = len(self.image_shape) == 3 and self.image_shape[-1] == 1
        if gray and data is not None and data.few is not None:
            x, _ = data.few
            border = np.concatenate([x[:, [0, -1]].ravel(), x[:, :, [0, -1]].ravel()])
            drawn = np.median(border) <= x.min() + 0.1 * (x.max() - x.min())
            self.cmap = None if drawn else "gray"  # drawings are mostly empty at their borders
        if self.licence is self.licence_of_preset:  # not `==`: a user may set the same text
            self.licence = None

    def after_step(self, batch: Any, metrics: dict) -> None:
        """Update the standard deviation of a calibrated likelihood."""
        likelihood = getattr(self, "decoder_likelihood", self.likelihood)
        if not likelihood.calibrated:
            return
        log_prob, has_weight = -backend.batch_mean(metrics["reconstruction"]), 1.0
        if batch.weight is not None:
            total = backend.batch_mean(batch.weight)
            has_weight = ops.cast(total > 0.0, "float32")
            log_prob = log_prob / ops.maximum(total, 1e-12)
        likelihood.calibrate(log_prob / math.prod(self.decoder.output.shape[1:]), has_weight)

    def fastest(self, size: Any, steps: Any = math.inf) -> dict:
        with backend.strategy_scope(self):
            convolutional = network_properties.is_convolutional(*self.layers)
            return backend.fastest(convolutional, 4 * size * math.prod(self.image_shape), steps)

    # Export

    def parts(self) -> dict[str, Part]:
        """Return the functions of the model that can be exported, by name."""
        return encoder_and_decoder(self)

    def part(self, name: str, function: Any, inputs: Any, outputs: Any, networks: Any) -> Part:
        """Return a part that may use the model's own weights besides those of `networks`."""
        own = self._own_weights()
        more = (*handed_in.layers_of(self), *([OwnWeights(own)] if own else []))
        return Part(name, function, inputs, outputs, (*networks, *more))

    def _own_weights(self) -> list:
        """Return the weights from `add_weight`, without the state of training."""
        others = {id(weight) for layer in self.layers for weight in layer.weights}
        others |= {*self.state_of_training}
        return [weight for weight in self.weights if id(weight) not in others]

    def add_state(self, *args, **kwargs) -> Any:
        """Add a weight that only training reads and changes; exports do not contain it."""
        weight = self.add_weight(*args, trainable=False, **kwargs)
        self.state_of_training = (*self.state_of_training, id(weight))
        return weight

    # Saving

    get_config, setting = configuration.get_config, configuration.setting
    from_config = classmethod(configuration.from_config)

    @classmethod
    def from_preset(cls, name: Any, **options) -> BaseAutoencoder:
        """Load a preset and check that it is of this class; see `zoo.load`."""
        model = load(name, **options)
        if not isinstance(model, cls):
            raise TypeError(f"{name} is a {type(model).__name__}, not a {cls.__name__}.")
        return model

    def save_to_preset(self, folder: Any, **options) -> None:
        """Write a preset folder; see `zoo.save`."""
        save(self, folder, **options)

    def get_compile_config(self) -> dict | None:
        if not self.compiled:
            return None
        return keras.saving.serialize_keras_object(dict(self._compile_arguments))

    def compile_from_config(self, config: dict) -> None:
        self.compile(**keras.saving.deserialize_keras_object(normalize_config(config)))
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def save_own_variables(self, store: Any) -> None:
        """Also save the state of the random generator, so that a resumed training is the same."""
        super().save_own_variables(store)
        store["seed_state"] = ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store: Any) -> None:
        self.seed_generator.state.assign(store["seed_state"][()])
        super().load_own_variables({key: store[key] for key in store.keys() - {"seed_state"}})
