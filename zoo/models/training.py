"""How models of the zoo learn: steps, terms, metrics, compiling, and `fit`."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from zoo import engine
from zoo.engine.optimizer_group import fresh, group_of
from zoo.models import checks
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
        conditional: whether the model learns from labels too.
    """

    terms: tuple[str, ...] = ()
    conditional = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in ("train_step", "test_step"):
            if name in cls.__dict__:
                setattr(cls, name, engine.keras_step(cls.__dict__[name]))

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
        return engine.minimize(loss_and_terms, list(variables), optimizer, state)

    def total(self, terms: dict):
        """Weigh, sum and average terms into the scalar that is minimized."""
        weighted = (self.term_weights.get(name, 1.0) * term for name, term in terms.items())
        return sum(ops.mean(term) for term in weighted)

    @engine.keras_step
    def train_step(self, data):
        batch = self.unpack(data)

        def loss_fn():
            return weigh(self.loss_terms(batch, training=True), batch.weight)

        terms = self.minimize(loss_fn, self.trainable_variables, self.optimizer)
        return self.track(terms)

    @engine.keras_step
    def test_step(self, data):
        batch = self.unpack(data)
        return self.track(weigh(self.loss_terms(batch, training=False), batch.weight))

    def track(self, terms: dict, loss=None) -> dict:
        """Add the terms of one batch to the metrics; return the means so far by name.

        Args:
            terms: [batch] or scalars, by the names in `self.terms`.
            loss: what to report as `loss`; the weighted sum of the terms where it is None.
        """
        if loss is None:
            loss = sum(self.term_weights.get(name, 1.0) * term for name, term in terms.items())
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
        self._check_targets(y)
        x = ops.cast(x, "float32")
        label = ops.cast(y, "int32") if self.conditional else None
        if weight is not None:
            weight = ops.reshape(ops.cast(weight, "float32"), (-1,))
        return Batch(x, label, weight)

    def _check_targets(self, y):
        name = type(self).__name__
        if self.conditional and y is None:
            raise ValueError(
                f"{name} is conditional and learns from images and labels: fit(x, y), with y "
                f"integers from 0 to {self.num_classes - 1}; y is missing."
            )
        if not self.conditional and y is not None:
            raise ValueError(
                f"{name} learns from images alone, and something was given as y. Call fit(x); "
                "from a data set of pairs, dataset.map(lambda x, y: x)."
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
        """
        if unknown:
            raise TypeError(
                f"{type(self).__name__}.compile() does not take {', '.join(unknown)}: the terms of "
                "the loss are the model's own and are reported as metrics. What can be chosen is "
                "the likelihood, when the model is made."
            )
        updates = self.updates()
        optimizer = group_of(optimizer, updates) if updates else keras.optimizers.get(optimizer)
        self._compile_arguments = {
            "optimizer": optimizer,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "auto_scale_loss": auto_scale_loss,
        }
        fast = engine.fastest(networks.is_convolutional(self.encoder, self.decoder))
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

    def get_compile_config(self):
        if not self.compiled:
            return None
        arguments = dict(self._compile_arguments)
        return keras.saving.serialize_keras_object(arguments)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def _follow_trainable(self):
        """Compile again, with fresh optimizer states, after layers were frozen or thawed."""
        if [id(v) for v in self.trainable_variables] != self.trained_at_compile:
            arguments = dict(self._compile_arguments)
            arguments["optimizer"] = fresh(self.optimizer)
            self.compile(**arguments)

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        **kwargs,
    ):
        """Train; `keras.Model.fit` with the data checked first.

        After layers were frozen or thawed, the model is compiled again with an optimizer of the
        same settings: its step count stays, its other states start afresh.

        Args:
            x: images [n, *input_shape], float, in the likelihood's range; or a `tf.data.Dataset`,
                a `keras.utils.PyDataset` or a generator of batches.
            y: integer labels [n] for conditional models, else None.
            batch_size: 128 by default for arrays.
            epochs: how often to go through the data.
            sample_weight: float [n]; the terms of an image are multiplied by its weight.
            class_weight: weights by label, for conditional models.
            Others: as in `keras.Model.fit`.

        Raises:
            TypeError, ValueError: data that the model cannot learn from, with the way to mend it.
        """
        if not self.compiled:
            raise ValueError("Call compile() before fit().")
        if class_weight and not self.conditional:
            raise ValueError("class_weight needs labels; this model has none. Use sample_weight.")
        x = self._checked(x, y, sample_weight)
        if validation_data is not None:
            columns = _unpack(validation_data)
            validation_x = self._checked(*columns, prefix="validation_")
            if checks.is_array(validation_x):
                size = kwargs.pop("validation_batch_size", None) or batch_size or 128
                validation_data = engine.stream((validation_x, *columns[1:]), size, False)
        self._follow_trainable()
        if checks.is_array(x):
            columns, size = (x, y, sample_weight), batch_size or 128
            if validation_split and validation_data is None:
                columns, held_out = _split(columns, validation_split)
                validation_data = engine.stream(held_out, size, shuffle=False)
            x = engine.stream(columns, size, shuffle)
            y = batch_size = sample_weight = None
            validation_split, shuffle = 0.0, False
        limited = any(kwargs.get(name) for name in ("steps_per_epoch", "validation_steps"))
        self._bundle(1 if limited else engine.batches_of(x) // 10)
        return super().fit(
            x,
            y,
            batch_size,
            epochs,
            verbose,
            callbacks,
            validation_split,
            validation_data,
            shuffle,
            class_weight,
            sample_weight,
            **kwargs,
        )

    def evaluate(
        self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, **kwargs
    ):
        """Compute the terms of the loss; `keras.Model.evaluate` with the data checked first."""
        inside_fit = kwargs.get("_use_cached_eval_dataset")
        if not inside_fit:
            x = self._checked(x, y, sample_weight)
            if kwargs.get("steps"):
                self._bundle(1)
        if checks.is_array(x):
            x = engine.stream((x, y, sample_weight), batch_size or 128, shuffle=False)
            y = batch_size = sample_weight = None
        return super().evaluate(x, y, batch_size, verbose, sample_weight, **kwargs)

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """Reconstruct images; `keras.Model.predict` with arrays checked first."""
        if not self.conditional and checks.is_array(x):
            checks.check_images(x, self.image_shape, self.likelihood)
        if self.conditional and checks.is_array(x):
            raise ValueError('predict() of a conditional model takes {"x": images, "label": y}.')
        if steps:
            self._bundle(1)
        return super().predict(x, batch_size, verbose, steps, callbacks)

    def train_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """Train on one batch; `keras.Model.train_on_batch` with the batch checked first."""
        x = self._checked(x, y, sample_weight)
        self._follow_trainable()
        return super().train_on_batch(x, y, sample_weight, **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """Evaluate one batch; `keras.Model.test_on_batch` with the batch checked first."""
        x = self._checked(x, y, sample_weight)
        return super().test_on_batch(x, y, sample_weight, **kwargs)

    def _bundle(self, steps: int):
        """Run several steps per execution where the choice is ours, yet show some progress.

        Keras reads the number when it makes its functions, so all are made again.
        """
        if self._compile_arguments["steps_per_execution"] != "auto" or self.run_eagerly:
            return
        most = engine.fastest(convolutional=False)["steps_per_execution"]
        steps = max(1, min(most, steps))
        if steps != self.steps_per_execution:
            self.steps_per_execution = steps
            self.train_function = self.test_function = self.predict_function = None

    def _checked(self, x, y=None, weight=None, prefix=""):
        """Check data before a graph sees it, and return `x`; a generator comes back whole."""
        if x is None or isinstance(x, (tuple, dict)):
            came = "nothing" if x is None else f"a {type(x).__name__}"
            raise TypeError(
                f"{prefix}x is {came}; {type(self).__name__} takes an array of images, a data set "
                "or a generator of batches."
            )
        if not checks.is_array(x):
            batch, x = checks.first_batch(x)
            if batch is not None:
                self._checked(*_unpack(batch))
            return x
        self._check_targets(y)
        x = checks.check_images(x, self.image_shape, self.likelihood, prefix + "x")
        if self.conditional:
            checks.check_labels(ops.convert_to_numpy(y), len(x), self.num_classes, prefix + "y")
        if weight is not None:
            checks.check_weights(weight, len(x))
        return x


def weigh(terms: dict, weight) -> dict:
    """Multiply every term by the sample weights, where there are any."""
    if weight is None:
        return terms
    return {name: term * weight for name, term in terms.items()}


def _split(columns, split):
    """Set the last part of the data apart for validation, as Keras does."""
    rows = len(columns[0])
    cut = int(rows * (1.0 - split))
    if not 0 < cut < rows:
        raise ValueError(
            f"validation_split={split} of {rows} images leaves {cut} for training and "
            f"{rows - cut} for validation; both need at least one."
        )
    first = tuple(None if column is None else column[:cut] for column in columns)
    last = tuple(None if column is None else column[cut:] for column in columns)
    return first, last


def _unpack(data):
    return keras.utils.unpack_x_y_sample_weight(data)
