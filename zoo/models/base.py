"""The base class of all models: training steps, settings, exported parts, saving."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Self

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.backend.optimizer_group import normalize_config
from zoo.checks import data as checks
from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike, Labels, Tensor
from zoo.checks.units import check_units
from zoo.inference import arrays
from zoo.inference.parts import OwnWeights, Part
from zoo.nn import network_properties
from zoo.nn.configured import Configured
from zoo.nn.distributions import likelihood_names
from zoo.nn.distributions.sequences import SequenceLikelihood
from zoo.nn.seeds import Seeds
from zoo.presets.loading import load
from zoo.presets.saving import save
from zoo.training import configuration, fitting, handed_in, settings
from zoo.training.loss_weight import LossWeight
from zoo.training.monitors import DivergenceMonitor, unlisted_metric


class Batch(NamedTuple):
    """A batch: x and, unless None, labels, sample weights, and clean images for noisy x."""

    x: Tensor
    label: Tensor = None
    weight: Tensor = None
    clean: Tensor = None

    @property
    def target(self) -> Any:
        """The images with which reconstructions are compared."""
        return self.x if self.clean is None else self.clean


class Losses:
    """The loss of a step, and its metrics.

    Args:
        terms: the terms of the loss, each [batch] or a scalar; the loss is the sum of their batch
            means.
        metrics: the metrics by name, each [batch] or a scalar.
    """

    def __init__(self, *terms, **metrics):
        self.terms, self.metrics = terms, metrics

    def plus(self, *terms, **metrics) -> Losses:
        """Return these losses with further terms and metrics."""
        return self + Losses(*terms, **metrics)

    def __add__(self, other: Losses) -> Losses:
        if not isinstance(other, Losses):
            raise TypeError(
                f"Further losses are a {type(other).__name__}; return zoo.models.base.Losses(term, "
                "name=metric), with terms and metrics [batch] or scalars."
            )
        return Losses(*self.terms, *other.terms, **self.metrics, **other.metrics)

    def weighted(self, weight: Tensor) -> Losses:
        """Return these losses multiplied by sample weights [batch]; scalars do not change."""
        for term in self.terms:
            if len(shape := getattr(term, "shape", ())) > 1:
                raise ValueError(
                    f"A term of the loss has shape {tuple(shape)}; [batch] or a scalar is "
                    "expected: sum over the other axes, such as ops.sum(term, axis=1)."
                )
        if weight is None:
            return self
        terms = [weighted(term, weight) for term in self.terms]
        return Losses(*terms, **{k: weighted(v, weight) for k, v in self.metrics.items()})


def weighted(values: Tensor, weight: Tensor) -> Tensor:
    """Return values [batch] multiplied by weights [batch], if any; a scalar does not change."""
    return values if weight is None or not len(values.shape) else values * weight


class BaseModel(keras.Model):
    """The base class of `BaseAutoencoder`, `BaseGenerator` and `BaseTranslator`.

    A model with one update defines `losses`. A model with several updates defines `train_step`,
    with one `self.minimize(...)` for each update, and lists in `updates` what each of them trains;
    the method `<update>_losses(batch, training)` returns the losses of an update. `fit`, `evaluate`
    and `compile` are documented in `zoo.training.fitting`.

    A setting is an argument of the constructor and an attribute of the same name, which is set
    once. Only weights of the loss can be changed later, see `LossWeight`.

    Args:
        likelihood: a name, or a likelihood such as `zoo.Gaussian(0.1)`.
        seed: the seed of the initial weights (not of given networks), of the noise in training, and
            of the order of the images. If it is None, Keras's seed (`keras.utils.set_random_seed`)
            determines the weights, and the rest is the same as with seed 0.
        name, dtype: the name of the model and the dtype of its variables, as for any Keras model; a
            `dtype` such as "mixed_bfloat16" is a policy.

    Attributes:
        settings: the attributes that hold arguments of the constructor.
        metric_names: the metrics of a step besides `loss`, in order.
        updates: for each update, the attributes (networks, a likelihood) that it trains. `evaluate`
            reports what the methods `<update>_losses(batch, training)` return, or `losses` if there
            are none.
        loss_metric: the metric that a model with such methods reports as `loss`.
        monitors: classes of callbacks that are part of every training.
        network_names: the attributes that hold networks.
        card_metrics: the metrics in its card, by their names in `zoo.metrics.CARD_METRICS`.
        family: the family of its presets, under which they are listed.
        conditional: whether the networks take labels.
        learns_labels: whether it learns from labels; conditional models do.
        num_classes: how many labels there are, or None.
        label_shape: the shape of a label that is an array, such as an image or a row of word
            numbers; () for one integer.
        label_dtype: "int32", or "float32" if labels are images.
        semi_supervised: whether labels may be -1, which means "unlabeled".
        takes_pairs: whether it can also learn to restore clean images from noisy ones, fit(noisy,
            clean). A class with its own `losses` or `train_step` must compare with `batch.target`
            and set this itself.
        prior: the distribution that `generate` draws codes from, or None.
        takes_missing: whether its rows may have NaN for values that were not seen. A class with
            its own `losses` or `train_step` must set this itself.
        learns_pairs: whether it learns from pairs of images, fit(x, y), y [n, *target_shape].
        shape_of_pairs: the setting that holds the shape of y in these pairs.
        makes_labels: whether `labels_from_images` computes the labels, so that the data need none.
        suited_settings: the settings with which a recipe for a user's data starts.
        settings_to_choose: settings without which no such recipe can be made, each with the remedy.
        restores: whether the model is trained to restore clean images from corrupted ones.
        picture: the most informative picture of the model: a name in `zoo.plots.previews.PREVIEWS`.
        untrained: attributes, such as "likelihood", whose variables no step trains.
        has_bits: whether codes are bits, 0.0 or 1.0.
        takes_signals: whether it takes sequences [time, channels], and no images.
        takes_further_losses: whether the loss includes the terms of `further_losses`.
        learns_variance: whether a Gaussian likelihood may have another variance than 1, so that
            `likelihood="gaussian"` is the better choice for photographs.
        part_networks: for each exported part, the attributes that hold the networks it uses.
        custom_networks: whether the networks are a user's own.
        image_shape: the shape of one image, signal or row.
        latent_dim: how many values a code has; 0 if there are no codes.
        seeds: the seeds of the initial weights; in your own class, make layers with
            `self.seeds.layer(keras.layers.Dense, 64)`.
        seed_generator: the seed generator for all random numbers in a step.
        licence: the licence of the weights, from a preset's card. Training a loaded preset clears
            it.
        label_names: the names of the classes, from a preset's card, for exports. Training clears
            them; set them after it.
        based_on: the name of the preset from which the weights were first loaded, for cards; for a
            preset from a hub it includes the commit, hf://user/name@commit; an address has no
            query.
    """

    settings: frozenset[str] = frozenset()
    metric_names: tuple[str, ...] = ("reconstruction",)
    loss_metric = "reconstruction"
    updates: ClassVar[dict[str, tuple[str, ...]]] = {}
    monitors: tuple[type, ...] = (DivergenceMonitor,)
    network_names: tuple[str, ...] = ()
    card_metrics: tuple[str, ...] = ()
    family = "autoencoder"
    conditional = False
    learns_labels = False
    num_classes: Any = None  # an int where there are labels of classes
    label_shape: tuple[int, ...] = ()
    label_dtype = "int32"
    semi_supervised = False
    takes_pairs = False
    takes_missing = False
    learns_pairs = False
    shape_of_pairs = "target_shape"
    makes_labels = False
    suited_settings: ClassVar[dict[str, Any]] = {}
    settings_to_choose: ClassVar[dict[str, str]] = {}
    picture = "samples"
    restores = False
    prior: Any = None
    untrained: tuple[str, ...] = ()
    has_bits = False
    takes_signals = False
    takes_further_losses = False
    learns_variance = True
    part_networks: ClassVar[dict[str, tuple[str, ...]]] = {}
    custom_networks = False
    latent_dim = 0
    state_of_training: tuple[int, ...] = ()  # ids, because Keras would count the weights twice
    licence: str | None = None
    label_names: tuple[str, ...] | None = None
    licence_is_the_presets = False
    based_on: str | None = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        settings.check_class(cls)
        cls.settings = settings.attributes_of(cls)
        if vars(cls).keys() & {"losses", "train_step"} and "takes_missing" not in vars(cls):
            cls.takes_missing = False  # its loss may not know about values that were not seen
        for name in ("train_step", "test_step"):
            if name in vars(cls):
                setattr(cls, name, backend.keras_step(vars(cls)[name]))
        if vars(cls).keys() & {"losses", "train_step"} and "takes_pairs" not in vars(cls):
            cls.takes_pairs = False  # it may compare with `batch.x`

    def __new__(cls, *args, **kwargs) -> Self:
        """Refuse unknown settings, with the nearest known names."""
        settings.check_names(cls, kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        *,
        likelihood: Any = "bernoulli",
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        checks.check_process()
        super().__init__(name=name, dtype=dtype)
        self.seed = None if seed is None else whole("seed", seed)
        self.seeds = Seeds(self.seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed or 0)
        likelihood = likelihood_names.get(likelihood)
        if isinstance(likelihood, SequenceLikelihood) and not self.takes_signals:
            raise ValueError(
                f"{likelihood!r} is a likelihood of sequences, which {type(self).__name__} does "
                "not take: use a SequenceVAE, or another likelihood."
            )
        if likelihood.takes_missing and not self.takes_missing:
            raise ValueError(
                f"{type(self).__name__} does not learn from missing values: give a likelihood "
                'without missing="learn", and fill in the values first; or use a zoo.Autoencoder, '
                "DenoisingAutoencoder, VAE or IWAE."
            )
        self.likelihood = likelihood.of_model(self)
        self.trackers = {
            name: keras.metrics.Mean(name=name) for name in ("loss", *self.metric_names)
        }
        self.built = True

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; of the settings, only weights of the loss can be set again."""
        if name in self.settings:
            # "input_shape" is the attribute `image_shape`.
            were_set = self.__dict__.setdefault("_settings", {"input_shape"})
            if name in were_set or callable(getattr(type(self), name, None)):  # a method
                value = settings.changed(self, name, value)
            were_set.add(name)
        if name == "licence":  # also the preset's, set once more: then it is the user's
            super().__setattr__("licence_is_the_presets", False)
        super().__setattr__(name, value)
        if isinstance(value, Configured):
            handed_in.track(self, name, value)

    @property
    def label_likelihood(self) -> Any:
        """The likelihood whose range labels have that are images."""
        return self.likelihood

    @property
    def variables(self) -> list:
        """Keras's variables of the model, and those of the loss's weights, which are not saved."""
        values = [value if isinstance(value, tuple) else (value,) for value in vars(self).values()]
        weights = [w for some in values for w in some if isinstance(w, LossWeight)]
        return [*super().variables, *(weight.value for weight in weights)]

    def add_metric_name(self, name: str) -> None:
        """Add a metric to those that `losses` reports, for this model only."""
        self.metric_names = (*self.metric_names, name)
        self.trackers[name] = keras.metrics.Mean(name=name)

    # One step

    def losses(self, batch: Batch, training: bool) -> Losses:
        """Return the loss of a batch and its metrics; see `Losses`."""
        raise NotImplementedError(f"{type(self).__name__} defines neither losses nor train_step.")

    @backend.keras_step
    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        metrics = self.minimize(lambda: self.losses(batch, training=True), batch)
        self.after_step(batch, metrics)
        return self.track(metrics)

    @backend.keras_step
    def test_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        of_updates = [getattr(self, f"{update}_losses", None) for update in self.updates]
        if not any(of_updates):
            losses = self.losses(batch, training=False).weighted(batch.weight)
            return self.track({"loss": sum(losses.terms), **losses.metrics})
        metrics = {}
        for losses_of in filter(None, of_updates):
            metrics |= losses_of(batch, training=False).weighted(batch.weight).metrics
        return self.track({**metrics, "loss": metrics[self.loss_metric]})

    def minimize(self, loss_fn: Callable, batch: Batch, update: str | None = None) -> dict:
        """Take one optimizer step on a loss.

        Args:
            loss_fn: a function that returns the `Losses` of the batch. batch: the batch, for its
                sample weights.
            update: a name in `updates`, whose networks are trained; None trains all variables.

        Returns:
            `loss` and the metrics before the step, [batch] or scalars.
        """
        optimizer = self.optimizer if update is None else self.optimizer.members[update]

        def scalar_and_metrics():
            losses = loss_fn().weighted(batch.weight)
            # The batch mean of each term; with several replicas, the share of this replica.
            scalar = sum(map(backend.share_of_mean, losses.terms))
            return scalar, {"loss": sum(losses.terms), **losses.metrics}

        state = [*self.variables, *self.optimizer.variables]
        variables = self.trained_by(update) if update else self.trainable_variables
        return backend.minimize(scalar_and_metrics, variables, optimizer, state)

    def trained_by(self, update: str) -> list:
        """Return the variables that an update trains."""
        trained = (getattr(self, name) for name in self.updates[update])
        return [variable for part in trained for variable in part.trainable_variables]

    def further_losses(self, x: Tensor, z: Tensor, q: Any = None) -> Losses:
        """Return further terms of the loss, by default none; override it in your own class.

        Args:
            x: the images with which reconstructions are compared, [batch, *input_shape].
            z: the codes that the decoder got, [batch, latent_dim], or [batch, samples, latent_dim]
                in variational models. q: q(z | x), from which these were sampled, or None.
        """
        return Losses()

    def after_step(self, batch: Batch, metrics: dict) -> None:
        """Do something after each training step; by default nothing."""
        return  # AutoGraph cannot read a function with only a docstring

    def unpack(self, data: Any) -> Batch:
        """Return the data of a step as a `Batch`: inputs, labels or clean images, and weights."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        checks.check_targets(self, x, y)
        label = ops.cast(y, self.label_dtype) if self.learns_labels else None
        if weight is not None:
            weight = ops.reshape(ops.cast(weight, "float32"), (-1,))
        pairs = self.takes_pairs and not self.learns_labels and y is not None
        clean = ops.cast(y, "float32") if pairs else None
        return Batch(ops.cast(x, "float32"), label, weight, clean)

    def track(self, metrics: dict) -> dict:
        """Add the loss and the metrics of a batch, [batch] or scalars, to the means of the epoch.

        Returns:
            the means so far, by name.
        """
        if unknown := metrics.keys() - self.trackers.keys():
            raise unlisted_metric(type(self), min(unknown))
        # A scalar metric is repeated for every row of the batch, so that all have the same weight.
        ones = ops.ones_like(next((v for v in metrics.values() if len(v.shape)), metrics["loss"]))
        for name, values in metrics.items():
            self.trackers[name].update_state(values * ones)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    @property
    def metrics(self) -> list:
        return [*self.trackers.values()]

    # Whole data; `zoo.training.fitting` and `zoo.inference.arrays` document these methods

    compile, fit, evaluate = fitting.compile, fitting.fit, fitting.evaluate
    predict, checked_inputs, input_specs = arrays.predict, arrays.checked_inputs, arrays.input_specs
    train_on_batch, test_on_batch = fitting.train_on_batch, fitting.evaluate_on_batch

    def before_training(self, data: checks.Data | None) -> None:
        """Prepare a training, given its checked data, or None for a single batch."""
        if data is not None and data.few is not None:
            check_units(self, data.few[0])
        if self.prior is not None and self.prior.starts_at_images:
            self.prior.start_at(None if data is None else data.rows_or_few())
        if self.licence_is_the_presets:
            self.licence, self.licence_is_the_presets = None, False
        if self.label_names:
            self.label_names = None  # training may be on other classes

    def data_of_batches(self, data: checks.Data | None) -> checks.Data | None:
        """Return the rows from which training takes its batches; by default all of them."""
        return data

    def after_fit(self, x: ArrayLike, y: Labels) -> None:
        """Check a finished training, given up to 256 of its rows and their labels or None."""

    def fastest(self, size: int, steps: float = math.inf) -> dict:
        """Return the fastest settings of `compile` for `steps` batches of `size` rows."""
        with backend.strategy_scope(self):
            convolutional = network_properties.is_convolutional(*self.layers)
            return backend.fastest(convolutional, 4 * size * math.prod(self.image_shape), steps)

    def make_train_function(self, force: bool = False) -> None:
        make = functools.partial(super().make_train_function, force)
        backend.make_step_function(make, self, "train_step")

    def make_test_function(self, force: bool = False) -> None:
        make = functools.partial(super().make_test_function, force)
        backend.make_step_function(make, self, "test_step")

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Build without a batch of data, because `make_train_function` builds the optimizer."""

    # Arrays; `zoo.inference.arrays` documents these methods

    checked_images, checked_labels = arrays.checked_images, arrays.checked_labels
    export = arrays.export

    def as_images(self, x: np.ndarray) -> np.ndarray:
        """Return what the model takes or gives as images for pictures, by default unchanged."""
        return x

    # Export

    def parts(self) -> dict[str, Part]:
        """Return the functions of the model that can be exported, by name."""
        raise NotImplementedError(f"{type(self).__name__} does not define its parts().")

    def part(self, name: str, function: Any, inputs: Any, outputs: Any, networks: Any) -> Part:
        """Return a part that may use weights of the model itself besides those of `networks`."""
        own = self._own_weights()
        more = (*handed_in.layers_of(self), *([OwnWeights(own)] if own else []))
        return Part(name, function, inputs, outputs, (*networks, *more))

    def _own_weights(self) -> list:
        """Return the weights from `add_weight`, except the state of training."""
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
    def from_preset(cls, name: Any, **options) -> Self:
        """Load a preset and check that it has this class; see `zoo.load`."""
        model: Any = load(name, **options)
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
