"""How models of the zoo learn: steps, terms, metrics, compiling."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from zoo.backend import backend
from zoo.backend.optimizer_group import clone_optimizer, group_of, normalize_config
from zoo.models import checks, streams
from zoo.nn import networks


class Batch(NamedTuple):
    """What a training step sees: images, and what was given with them or None."""

    x: Any
    label: Any = None
    weight: Any = None


class Trained(keras.Model):
    """A Keras model whose steps run on every backend and whose loss is a sum of named terms.

    Attributes of the class:
        terms: names of the terms of the loss, in order; each is a metric.
        monitored: the term that is reported as `loss`, where the weighted sum of the terms does
            not tell which model is better; None where it does.
        conditional: whether the model's networks take labels.
        learns_labels: whether it learns from labels; conditional models do.
        semi_supervised: whether labels may be -1, for "unlabelled".
    """

    terms: tuple[str, ...] = ()
    monitored: str | None = None
    conditional = False
    semi_supervised = False

    @property
    def learns_labels(self) -> bool:
        return self.conditional

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in ("train_step", "test_step"):
            if name in cls.__dict__:
                setattr(cls, name, backend.keras_step(cls.__dict__[name]))
        for name in ("encode", "decode", "reconstruct"):
            if name in cls.__dict__:
                setattr(cls, name, streams.by_batch(cls.__dict__[name]))

    def loss_terms(self, batch: Batch, training: bool) -> dict:
        """Return every term of the loss by name, as float32 [batch]; see `terms`.

        The loss is the sum of the terms, each times its weight in `term_weights` (1 where it has
        none), averaged over the batch.
        """
        raise NotImplementedError(f"{type(self).__name__} defines neither loss_terms nor steps.")

    def minimize(self, loss_fn, variables, optimizer) -> dict:
        """Take one step down the loss that `loss_fn()` returns as a dict of terms.

        Returns:
            the terms, with the values that they had before the step.
        """

        def loss_and_terms():
            terms = loss_fn()
            return self.total(terms), terms

        state = [*self.variables, *self.optimizer.variables]
        return backend.minimize(loss_and_terms, list(variables), optimizer, state)

    def update(self, name: str, loss_fn) -> dict:
        """Take one step of the update `name`, with its variables and its optimizer.

        See `updates` and `minimize`.
        """
        return self.minimize(loss_fn, self.updates()[name], self.optimizer[name])

    def total(self, terms: dict):
        """Weigh, sum and average terms into the scalar that is minimized."""
        return sum(backend.share_of_mean(term) for term in self.weighted(terms))

    def weighted(self, terms: dict) -> list:
        """Return the terms times their weights, without those of weight 0: they are watched."""
        weights = {name: self.term_weights.get(name, 1.0) for name in terms}
        return [
            weight * terms[name]
            for name, weight in weights.items()
            if not (isinstance(weight, float) and weight == 0.0)
        ]

    @backend.keras_step
    def train_step(self, data):
        batch = self.unpack(data)

        def loss_fn():
            return weigh(self.loss_terms(batch, training=True), batch.weight)

        terms = self.minimize(loss_fn, self.trainable_variables, self.optimizer)
        self.calibrate(terms, batch.weight)
        self.advance()
        return self.track(terms)

    def calibrate(self, terms: dict, weight):
        """Let the likelihood follow the reconstruction term of a batch, where it is calibrated."""
        likelihood = getattr(self, "input_likelihood", self.likelihood)
        if not likelihood.calibrated:
            return
        log_prob = -backend.batch_mean(terms["reconstruction"])
        share = 1.0
        if weight is not None:
            total = backend.batch_mean(weight)
            share = ops.cast(total > 0.0, "float32")
            log_prob = log_prob / ops.maximum(total, 1e-12)
        likelihood.calibrate(log_prob / math.prod(self.decoder.output.shape[1:]), share)

    def advance(self):
        """Do what a model does after each step of training; nothing, unless said otherwise."""
        return  # a body of words alone is more than TensorFlow's AutoGraph can read

    @backend.keras_step
    def test_step(self, data):
        batch = self.unpack(data)
        return self.track(weigh(self.loss_terms(batch, training=False), batch.weight))

    def track(self, terms: dict) -> dict:
        """Add the terms of one batch to the metrics; return the means so far by name.

        Args:
            terms: [batch] or scalars, by the names in `self.terms`.
        """
        for name in terms.keys() - self.trackers.keys():
            raise ValueError(
                f"The loss has a term {name!r} that {type(self).__name__}.terms does not name; say "
                f'in the class: terms = (*{type(self).__base__.__name__}.terms, "{name}").'
            )
        loss = terms[self.monitored] if self.monitored else sum(self.weighted(terms))
        for name, values in {"loss": loss, **terms}.items():
            # A batch counts by its images, also for a term that is one number a batch.
            self.trackers[name].update_state(values * ops.ones_like(loss))
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    @property
    def metrics(self):
        return list(self.trackers.values())

    def unpack(self, data) -> Batch:
        """Sort what Keras hands to a step into images, labels and sample weights."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        self._check_targets(x, y)
        x = ops.cast(x, "float32")
        label = ops.cast(y, "int32") if self.learns_labels else None
        if weight is not None:
            weight = ops.reshape(ops.cast(weight, "float32"), (-1,))
        return Batch(x, label, weight)

    def _check_targets(self, x, y, kind=None):
        """Refuse labels that are missing, and targets that are no labels and not the images.

        Args:
            kind: of data, as in `streams.IMAGES_ALONE`; None in a step, where shapes alone count.
        """
        name = type(self).__name__
        if self.learns_labels and y is None:
            unknown = ", -1 where unknown" if self.semi_supervised else ""
            learns = "is conditional and learns" if self.conditional else "learns"
            given = "fit(x, y)" if kind in (None, "array") else "batches (x, y)"
            raise ValueError(
                f"{name} {learns} from images and labels: {given}, with y "
                f"integers from 0 to {self.num_classes - 1}{unknown}; y is missing."
            )
        if self.learns_labels or y is None:
            return
        if not checks.are_the_images(x, y, values=kind is not None):
            raise ValueError(
                f"{name} learns from images alone, which are their own targets: y is left out, or "
                f"is x itself, and something else was given. Without y: "
                f"{streams.IMAGES_ALONE[kind or 'other']}. To restore damaged images, give "
                "zoo.DenoisingAutoencoder the clean ones and corruption=."
            )

    def save_own_variables(self, store):
        """Save the state of the noise too, so that a training goes on as if never stopped."""
        super().save_own_variables(store)
        store["seed_state"] = ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store):
        self.seed_generator.state.assign(store["seed_state"][()])
        super().load_own_variables({key: store[key] for key in store.keys() - {"seed_state"}})

    # Compiling

    def updates(self) -> dict[str, list]:
        """Return the variables of every update by its name; empty for models with one update."""
        return {}

    def compile(
        self,
        optimizer: Any = "adam",
        *,
        run_eagerly: bool = False,
        steps_per_execution: int | str = "auto",
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        **unknown,
    ):
        """Choose the optimizer, and how to run.

        Args:
            optimizer: a name or a Keras optimizer. For a model with several updates also a dict
                with an optimizer for each (`model.updates()` says their names); one given alone
                serves as the pattern for all.
            run_eagerly: for debugging.
            steps_per_execution, jit_compile: "auto" picks what is fastest for this model here.
            auto_scale_loss: scale losses dynamically under `mixed_float16`.

        Raises:
            TypeError: arguments that have no meaning here, such as `loss`.
            ValueError: less than one step per execution.
        """
        if unknown:
            raise TypeError(
                f"{type(self).__name__}.compile() does not take {', '.join(unknown)}: the terms of "
                "the loss are the model's own and are reported as metrics. What can be chosen is "
                "the likelihood, when the model is made."
            )
        if steps_per_execution != "auto":
            checks.positive(steps_per_execution, "steps_per_execution")
        with backend.strategy_scope(self):
            self._compile(optimizer, run_eagerly, steps_per_execution, jit_compile, auto_scale_loss)

    def _compile(self, optimizer, run_eagerly, steps_per_execution, jit_compile, auto_scale_loss):
        updates = self.updates()
        optimizer = group_of(optimizer, updates) if updates else keras.optimizers.get(optimizer)
        self._compile_arguments = {
            "optimizer": optimizer,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "auto_scale_loss": auto_scale_loss,
        }
        self.steps_asked_for = 0
        fast = self._fastest(size=128)
        if jit_compile == "auto":
            jit_compile = fast["jit_compile"] and not run_eagerly
        if steps_per_execution == "auto":
            steps_per_execution = 1 if run_eagerly else fast["steps_per_execution"]
        scale = auto_scale_loss and self.dtype_policy.name == "mixed_float16"
        if updates:
            if scale:
                optimizer.scale_losses()
            optimizer.build_members(updates)
        super().compile(
            optimizer=optimizer,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            auto_scale_loss=scale and not updates,
        )
        self.trained_at_compile = [id(v) for v in self.trainable_variables]

    def _fastest(self, size: int, steps: float = math.inf) -> dict:
        """Return what is fastest for so many batches of a size."""
        values = size * math.prod(getattr(self, "image_shape", ()))
        with backend.strategy_scope(self):
            return backend.fastest(networks.is_convolutional(*self.layers), 4 * values, steps)

    def get_compile_config(self):
        if not self.compiled:
            return None
        arguments = dict(self._compile_arguments)
        return keras.saving.serialize_keras_object(arguments)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(normalize_config(config)))
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def _follow_trainable(self):
        """Compile again, with fresh optimizer states, after layers were frozen or thawed."""
        if [id(v) for v in self.trainable_variables] != self.trained_at_compile:
            arguments = dict(self._compile_arguments)
            with backend.strategy_scope(self):
                arguments["optimizer"] = clone_optimizer(self.optimizer)
            self.compile(**arguments)


def weigh(terms: dict, weight) -> dict:
    """Multiply every term by the sample weights, where it has a value for every image."""
    if weight is None:
        return terms
    return {name: term * weight if len(term.shape) else term for name, term in terms.items()}
