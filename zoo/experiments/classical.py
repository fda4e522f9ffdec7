"""Experiments with classical autoencoders: noise, sparsity, contraction, depth."""

from __future__ import annotations

import keras
import numpy as np

import zoo
from zoo import data, metrics, plots, recipes
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, error, fit, pca_error
from zoo.metrics.card_metrics import rounded
from zoo.nn import energies
from zoo.recipes import training

DIFFERENTIATED, DRAWS = 1000, 30  # images, and samples of an image, for Jacobian norms
QUICK = {"DIFFERENTIATED": 20, "DRAWS": 2}


@experiment(minutes=4)
def corruption_levels(epochs: int = 15, verbose: int | str = 2) -> Table:
    """Compare filters and restorations of one-layer models trained with different masking noise."""
    (x, _), (x_test, _) = data.load("mnist")
    tests = {
        "25 % masked": zoo.Masking(0.25),
        "50 % masked": zoo.Masking(0.5),
        "10 % salt and pepper": zoo.SaltAndPepper(0.1),
    }
    corrupted = {name: corruption.sample(x_test, seed=0) for name, corruption in tests.items()}
    rows = [["the corrupted images", *(decibels(c, x_test) for c in corrupted.values())]]
    models = {}
    for level in (0.0, 0.1, 0.2, 0.5):
        name = f"trained at {level:.0%} masked" if level else "ordinary autoencoder"
        model = zoo.DenoisingAutoencoder(
            (28, 28, 1),
            500,
            hidden_units=(),
            code_activation="sigmoid",
            tie_weights=True,
            corruption=zoo.Masking(level),
            seed=SEED,
        )
        fit(model, x, epochs, 2e-3, verbose)
        rows.append([name, *(decibels(model.reconstruct(c), x_test) for c in corrupted.values())])
        models[name] = model
    return Table(
        "Denoising: what corruption in training does",
        f"MNIST, 784-500 sigmoid units with tied kernels, {epochs} epochs on the 60,000 training "
        "images; peak signal-to-noise ratio in dB of the 10,000 test images, corrupted with seed "
        "0, after passing through the model.",
        ("model", *tests),
        rows,
        plots.filters_of_several(models),
    )


@experiment(minutes=30)
def deep_pretraining(epochs: int = 60, verbose: int | str = 2) -> Table:
    """Train 784-1000-500-250-30 with and without pre-training by a stack of Boltzmann machines."""
    (x, _), (x_test, _) = data.load("mnist")
    recipe = recipes.get("deep_belief_ae_mnist")
    errors = {}
    for pretrained in (True, False):
        keras.utils.set_random_seed(SEED)
        model = training.make_model(recipe)
        if pretrained:
            training.start(model, recipe, (x, None), verbose)
            errors["unrolled, not fine-tuned"] = error(model, x_test)
        fit(model, x, epochs, recipe.optimizer["learning_rate"], verbose)
        errors["fine-tuned" if pretrained else "without pre-training"] = error(model, x_test)
    rows = [
        ["PCA, 30 dimensions", 13.87, pca_error(x, x_test, 30)],
        ["unrolled, not fine-tuned", None, errors["unrolled, not fine-tuned"]],
        ["RBM pre-training, fine-tuned", 3.00, errors["fine-tuned"]],
        ["without pre-training", None, errors["without pre-training"]],
    ]
    return Table(
        "A deep autoencoder with and without pre-training",
        "MNIST, 784-1000-500-250-30 with sigmoid layers and a linear code, "
        f"{recipe.pretraining['epochs']} epochs per Boltzmann machine, then {epochs} epochs of "
        "fine-tuning by Adam (cross-entropy) on the 60,000 training images; squared error summed "
        "over pixels per test image, pixels in [0, 1]. Reported: Hinton and Salakhutdinov 2006, by "
        "conjugate gradients.",
        ("model", "reported", "obtained"),
        rows,
    )


@experiment(minutes=3)
def sparsity(epochs: int = 40, verbose: int | str = 2) -> Table:
    """Train the model of `sparse_ae_mnist` with and without its penalty."""
    (x, _), (x_test, _) = data.load("mnist")
    recipe = recipes.get("sparse_ae_mnist")
    rows = []
    for weight in (recipe.model["weight"], 0.0):
        recipe.model["weight"] = weight
        model = training.make_model(recipe)
        fit(model, x, epochs, recipe.optimizer["learning_rate"], verbose)
        logs = model.evaluate(x_test, verbose=0, return_dict=True)
        rows.append(
            [
                f"penalty of weight {weight:g}" if weight else "no penalty",
                rounded(model.encode(x_test).mean()),
                rounded(logs["reconstruction"]),
                error(model, x_test),
            ]
        )
    return Table(
        f"Sparsity: a target of {recipe.model['rho']:g} for the mean activity",
        f"MNIST, {recipe.model['latent_dim']} sigmoid units with tied kernels, {epochs} epochs on "
        "the 60,000 training images; means over the 10,000 test images.",
        ("model", "mean activity", "cross-entropy in nats", "squared error"),
        rows,
    )


@experiment(minutes=5)
def penalties(epochs: int = 5, verbose: int | str = 2) -> Table:
    """Compare the kernels of one-layer models with weight penalties and of a Boltzmann machine."""
    (x, _), (x_test, _) = data.load("mnist")
    kinds = {
        "no penalty": (zoo.Autoencoder, {"hidden_units": (), "tie_weights": True}),
        "L1, weight 1e-3": (zoo.Autoencoder, {"hidden_units": (), "tie_weights": True, "l1": 1e-3}),
        "L2, weight 1e-2": (zoo.Autoencoder, {"hidden_units": (), "tie_weights": True, "l2": 1e-2}),
        "Boltzmann machine": (zoo.RBM, {}),
    }
    rows, models = [], {}
    for name, (model_class, options) in kinds.items():
        model = model_class((28, 28, 1), 200, code_activation="sigmoid", seed=SEED, **options)
        fit(model, x, epochs, 1e-3, verbose)
        kernel = keras.ops.convert_to_numpy(model.encoder.get_layer("z").kernel)
        small = 100 * np.mean(np.abs(kernel) < 0.01)
        norms = rounded(np.abs(kernel).sum()), rounded(np.square(kernel).sum())
        rows.append([name, *norms, round(float(small), 1), error(model, x_test)])
        models[name] = model
    return Table(
        "The kernels of models with weight penalties, and of a Boltzmann machine",
        f"MNIST, 784-200 sigmoid units with tied kernels, {epochs} epochs by Adam on the 60,000 "
        "training images; squared error summed over pixels per test image.",
        ("model", "sum of |W|", "sum of W^2", "% of |W| below 0.01", "squared error"),
        rows,
        plots.filters_of_several(models),
    )


@experiment(minutes=1)
def contraction() -> Table:
    """Compare the methods that compute the contractive penalty, for the same model and images."""
    preset = zoo.load("contractive_ae_mnist")
    _, (x, _) = data.load("mnist")
    x = keras.ops.convert_to_tensor(x[:DIFFERENTIATED])
    ways = {
        "closed form": {"jacobian": "closed"},
        "exact, row by row": {"jacobian": "exact"},
        "Hutchinson": {"jacobian": "hutchinson"},
        **{
            f"stochastic, noise {noise:g}": {"jacobian": "stochastic", "noise": noise}
            for noise in (1.0, 0.3, 0.1, 0.03, 0.01)
        },
    }
    rows = []
    for name, options in ways.items():
        model = type(preset).from_config({**preset.get_config(), **options})
        model.set_weights(preset.get_weights())
        drawn = options["jacobian"] in ("hutchinson", "stochastic")
        means = [_mean_penalty(model, x) for _ in range(DRAWS if drawn else 1)]
        expected = rows[0][1] if rows else means[0]
        spread = np.std(means, ddof=1) / np.sqrt(len(means)) if drawn else None
        mean = float(np.mean(means))
        rows.append(
            [
                name,
                rounded(mean),
                None if spread is None else float(f"{spread:.2g}"),
                round(100 * (mean / expected - 1), 1) + 0.0,
            ]
        )
    return Table(
        "Contraction: the squared Jacobian norm, computed in four ways",
        f"contractive_ae_mnist (784-1000 sigmoid units), mean over the first {len(x):,} test "
        f"images of MNIST; for the two methods with noise, the mean of {DRAWS} samples per image "
        "with its standard error. Stochastic: |h(x) - h(x + e)|^2 / s^2 with e ~ N(0, s^2 I), "
        "which approaches the norm as s goes to 0.",
        ("method", "mean of the squared norm", "standard error", "difference in %"),
        rows,
    )


def _mean_penalty(model, x):
    batch = min(100, len(x))
    means = [
        keras.ops.mean(model.contraction(part, model.encoder(part)))
        for part in keras.ops.split(x, len(x) // batch)
    ]
    return float(keras.ops.mean(keras.ops.stack(means)))


@experiment(minutes=0.1)
def energy() -> Table:
    """Tabulate the free energy inside of, on and outside of an ellipse, by temperature."""
    points = {"the center": (0.0, 0.0), "on the ellipse": (2.0, 0.0), "outside": (3.0, 0.0)}
    tables = [energies.ellipse_energies(point, 2.0, 1.0) for point in points.values()]
    rows = [
        [f"{beta:g}", *(rounded(float(energies.free_energy(table, beta))) for table in tables)]
        for beta in (0.1, 1.0, 5.0, 25.0, 125.0, np.inf)
    ]
    return Table(
        "Energy: the free energy of a latent variable on an ellipse",
        "E(y, z) = |y - (2 cos z, sin z)|^2 with z uniform on the circle; F(y) = -1/beta ln mean_z "
        "exp(-beta E(y, z)), at infinite beta min_z E(y, z), which is the squared distance to the "
        "ellipse: 1, 0 and 1 at the center, at (2, 0) on the ellipse, and at (3, 0) outside.",
        ("beta", *points),
        rows,
        plots.energy_surface(),
    )


def decibels(restored: np.ndarray, x: np.ndarray) -> float:
    """Return the mean signal-to-noise ratio of images, with two decimals."""
    return round(metrics.psnr(restored, x), 2)
