"""The contract, for every model class in the settings that differ."""

import keras
import numpy as np
import pytest
from keras import layers
from support import cases, contract, contract_data, each_class
from support.tiny import features_of_images

import zoo
from zoo.backend import backend
from zoo.checks.constructors import arguments_of
from zoo.models import CLASSES
from zoo.nn.distributions import likelihoods

pytestmark = [pytest.mark.backend, pytest.mark.graph]

SHAPE = (8, 8, 1)
SHAPES = {"signals": (16, 4), "vectors": (64,)}  # the same digits for networks of these
SHAPES["colors"] = (8, 8, 3)
SHAPES["drawings"] = (12, 5)


def small(cls, **options):
    width = {"hidden_units": (16,)} if cls is not zoo.RBM else {}
    return lambda **more: cls(SHAPE, 3, **{**width, **options, **more})


def of_signals(cls, shape=SHAPES["signals"], **options):
    options = {"network": "conv1d", "filters": (4, 8), **options}
    return lambda **more: cls(shape, 3, **options, **more)


def of_sequences(cls, shape=SHAPES["signals"], **options):
    options = {"encoder_units": 6, "decoder_units": 8, **options}
    return lambda **more: cls(shape, 3, **{**options, **more})


def convolutional(cls, **options):
    return lambda **more: cls(SHAPE, 3, **{**options, **more})


def flat(cls, **options):
    return lambda **more: cls(SHAPE, 2, **{"hidden_units": (16,), **options, **more})


def stacked(**options):
    """M1M2 with nearly certain codes, so that its terms hardly depend on their draw."""
    lower = zoo.VAE(SHAPE, 4, hidden_units=(16,))
    options = {"likelihood": zoo.Gaussian(1.0), **options}
    model = zoo.M1M2(lower, 3, num_classes=10, hidden_units=(16,), **options)
    for network in (model.lower.encoder, model.latent_head):
        kernel, bias = network.get_layer("z_log_var").get_weights()
        network.get_layer("z_log_var").set_weights([0 * kernel, 0 * bias - 9.0])
    return model


def own_networks(dtype=None):
    """A VAE whose networks a user made, with batch normalization in the encoder."""
    x = keras.Input(SHAPE)
    features = layers.Flatten()(x)
    features = layers.BatchNormalization(dtype=dtype)(
        layers.Dense(16, activation="tanh", dtype=dtype)(features)
    )
    heads = {
        name: layers.Dense(3, name=name, dtype="float32")(features)
        for name in ("z_mean", "z_log_var")
    }
    z = keras.Input((3,))
    logits = layers.Dense(64, dtype="float32")(layers.Dense(16, activation="tanh", dtype=dtype)(z))
    return zoo.VAE(
        encoder=keras.Model(x, heads),
        decoder=keras.Model(z, layers.Reshape(SHAPE)(logits)),
        dtype=dtype,
    )


def own_sequential(dtype=None):
    """An autoencoder of sequential networks, whose decoder ends in a sigmoid that is taken off."""
    down = [
        layers.Flatten(),
        layers.Dense(16, "relu", dtype=dtype),
        layers.Dense(3, dtype="float32"),
    ]
    up = [layers.Dense(16, "relu", dtype=dtype), layers.Dense(64, "sigmoid", dtype="float32")]
    return zoo.Autoencoder(
        input_shape=SHAPE,
        encoder=keras.Sequential(down),
        decoder=keras.Sequential([*up, layers.Reshape(SHAPE)]),
        dtype=dtype,
    )


SETTINGS = {
    "Autoencoder": small(zoo.Autoencoder),
    "Autoencoder, squared error": small(
        zoo.Autoencoder, likelihood="squared_error", hidden_units=()
    ),
    "Autoencoder, convolutional": small(zoo.Autoencoder, filters=(4,)),
    "Autoencoder, residual": small(zoo.Autoencoder, network="resnet", filters=(4,)),
    "Autoencoder, tied, with penalties": small(
        zoo.Autoencoder, tie_weights=True, code_activation="tanh", l1=1e-3, l2=1e-3
    ),
    "Autoencoder, sequential": own_sequential,
    "SparseAutoencoder": small(zoo.SparseAutoencoder, hidden_units=()),
    "SparseAutoencoder, l1": small(zoo.SparseAutoencoder, penalty="l1", hidden_units=()),
    "DenoisingAutoencoder": small(
        zoo.DenoisingAutoencoder, corruption={"masking": 0.2, "gaussian": 0.1}, num_corruptions=2
    ),
    "ContractiveAutoencoder": small(zoo.ContractiveAutoencoder, hidden_units=()),
    "ContractiveAutoencoder, exact": small(
        zoo.ContractiveAutoencoder, jacobian="exact", filters=(4,)
    ),
    "ContractiveAutoencoder, hutchinson": small(zoo.ContractiveAutoencoder),
    "ContractiveAutoencoder, masked": small(
        zoo.ContractiveAutoencoder, jacobian="stochastic", noise=zoo.Masking(0.3), hidden_units=()
    ),
    "ContractiveAutoencoder, stochastic": small(
        zoo.ContractiveAutoencoder, jacobian="stochastic", hidden_units=()
    ),
    "BinaryAutoencoder": small(zoo.BinaryAutoencoder),
    "BinaryAutoencoder, by noise, corrupted": small(
        zoo.BinaryAutoencoder, binarization="noise", balance=0.0, corruption={"masking": 0.2}
    ),
    "CompressiveAutoencoder": convolutional(zoo.CompressiveAutoencoder, filters=(4,)),
    "CompressiveAutoencoder, one rate": convolutional(
        zoo.CompressiveAutoencoder, filters=(4, 4), tradeoffs=(50,)
    ),
    "CorrespondenceAutoencoder": small(zoo.CorrespondenceAutoencoder, second_shape=SHAPE),
    "CorrespondenceAutoencoder, full, convolutional": small(
        zoo.CorrespondenceAutoencoder,
        second_shape=SHAPE,
        variant="full",
        alpha=0.3,
        filters=(4,),
    ),
    "RBM": small(zoo.RBM),
    "RBM, binarized": small(zoo.RBM, binarize="dynamic"),
    "RBM, persistent, Gaussian": small(
        zoo.RBM, chains=20, likelihood="gaussian", code_activation="linear"
    ),
    "TargetPropAutoencoder": small(zoo.TargetPropAutoencoder, iterations=3),
    "VAE": small(zoo.VAE),
    "VAE, convolutional": small(zoo.VAE, filters=(4, 8)),
    "VAE, residual": small(zoo.VAE, network="resnet", filters=(4, 8), hidden_units=()),
    "VAE, residual, of signals": of_signals(zoo.VAE),
    "VAE, Gaussian, wide prior": small(
        zoo.VAE, likelihood="gaussian", prior=zoo.Normal(3, scale=2.0), beta=2.0
    ),
    "VAE, networks of one's own": own_networks,
    "VAE, denoising, binarized": small(
        zoo.VAE, samples=2, free_bits=0.1, binarize="dynamic", corruption={"masking": 0.2}
    ),
    "VAE, two heads, with a schedule": small(
        zoo.VAE,
        likelihood="learned_gaussian",
        beta=keras.optimizers.schedules.PolynomialDecay(0.5, 100, 1.0),
    ),
    "VAE, categorical": small(zoo.VAE, likelihood="categorical", binarize=None),
    "VAE, VampPrior": small(zoo.VAE, prior={"vamp": {"components": 6}}),
    "IWAE": small(zoo.IWAE, samples=3),
    "IWAE, doubly reparameterized": small(
        zoo.IWAE, samples=3, estimator="doubly_reparameterized", prior={"vamp": {"components": 5}}
    ),
    "CVAE": small(zoo.CVAE, num_classes=10),
    "CVAE, images as labels": small(
        zoo.CVAE, label_shape=SHAPE, likelihood=likelihoods.Categorical(4), hidden_units=(32,)
    ),
    "CVAE, captions": small(zoo.CVAE, label_shape=(3,), num_classes=10),
    "CVAE, learned prior": small(zoo.CVAE, num_classes=10, prior="learned"),
    "CVAE, convolutional": small(zoo.CVAE, num_classes=10, filters=(4,)),
    "M1": small(zoo.M1, num_classes=10),
    "M1M2": stacked,
    "M2": small(zoo.M2, num_classes=10, dropout=0.2),
    "M2, residual": small(zoo.M2, num_classes=10, network="resnet", filters=(4,)),
    "M2, convolutional": small(zoo.M2, num_classes=10, filters=(4,), warm_up=5),
    "AAE": small(zoo.AAE, prior=zoo.Normal(3, scale=5.0)),
    "AAE, convolutional": small(zoo.AAE, filters=(4,)),
    "AAE, residual, of vectors": of_signals(zoo.AAE, SHAPES["vectors"], hidden_units=(16,)),
    "AAE, gaussian posterior": small(zoo.AAE, posterior="gaussian"),
    "AAE, dropout": small(zoo.AAE, dropout=0.3, input_dropout=0.2),
    "AAE, universal posterior": small(zoo.AAE, posterior="universal", filters=(4,)),
    "AAE, swiss roll": flat(zoo.AAE, prior=zoo.SwissRoll(), generator_steps=2),
    "LabelInformedAAE": flat(
        zoo.LabelInformedAAE, num_classes=10, prior=zoo.GaussianMixture.petals()
    ),
    "SupervisedAAE": small(zoo.SupervisedAAE, num_classes=10),
    "SemiSupervisedAAE": small(
        zoo.SemiSupervisedAAE,
        num_classes=10,
        filters=(4,),
        decoder_hidden_units=(16,),
        discriminator_hidden_units=(8,),
        corruption={"translation": 1, "gaussian": 0.3},
    ),
    "ClusteringAAE": flat(
        zoo.ClusteringAAE,
        num_classes=12,
        head_distance=3.0,
        decoder_hidden_units=(16,),
        discriminator_hidden_units=(8,),
    ),
    "CAAE": small(
        zoo.CAAE, num_classes=10, filters=(4,), total_variation_weight=0.1, label_smoothing=0.1
    ),
    "DFCVAE": small(zoo.DFCVAE, features=features_of_images(SHAPE)),
    "VAEGAN": small(zoo.VAEGAN, filters=(4,), label_smoothing=0.1),
    "GAN": small(zoo.GAN, filters=(4,), label_smoothing=0.1),
    "EBGAN": small(zoo.EBGAN, filters=(4,)),
    "BEGAN": small(zoo.BEGAN),
    "PaletteNet, of colors": lambda **more: zoo.PaletteNet(
        SHAPES["colors"], filters=(4, 8), **more
    ),
    "Pix2Pix": lambda **more: zoo.Pix2Pix(SHAPE, filters=(4, 8), label_smoothing=0.1, **more),
    "SequenceVAE, of signals": of_sequences(zoo.SequenceVAE),
    "SequenceVAE, autoregressive, of signals": of_sequences(zoo.SequenceVAE, autoregressive=True),
    "SketchRNN, of drawings": of_sequences(
        zoo.SketchRNN, SHAPES["drawings"], mixtures=2, scaling=0.0, beta=1.0
    ),
    "TDAE": lambda **more: zoo.TDAE(SHAPE, (16, 16, 1), filters=(4,), **more),
}
COVERED = {name.partition(",")[0] for name in SETTINGS}


def as_it_is(name):
    """Return a function that makes a class that needs no settings of its own."""
    sizes = {"input_shape": SHAPE, "num_classes": 10}
    taken = {key: value for key, value in sizes.items() if key in arguments_of(CLASSES[name])}
    return lambda **more: each_class.make(name, **{**taken, **more})


SETTINGS |= {name: as_it_is(name) for name in CLASSES if name not in COVERED}


# The same code in another setting: checked by .ci/run, not at every turn, and not in all respects.
ELSEWHERE = (
    *("conv", "residual", "squared", "wide", "exact", "hutch", "stoch", ", l1", "categ"),
    *("two heads", "binarized", "swiss", "posterior", "persistent", "sequential"),
)
VARIANTS = {name for name in SETTINGS if any(word in name for word in ELSEWHERE)}
# They change the training alone: what is exported is what the class exports in its plain setting.
OF_TRAINING = ("squared", "exact", "hutch", "stoch", ", l1", "binarized", "swiss", "persistent")
# They change layers of Keras, and no line of a step: compiled, they would repeat the class.
OF_NETWORKS = ("conv", "residual", "sequential", "squared", "wide", "categ")
MAIN_CHECKS = [
    contract.fit_lowers_the_loss,
    contract.every_metric_is_reported_and_the_loss_follows_from_them,
    contract.a_keras_file_holds_everything_and_training_goes_on_the_same,
    contract.a_preset_folder_gives_the_model_back,
    contract.the_reconstruction_term_does_not_depend_on_the_batch_size,
    contract.the_same_seed_trains_the_same_weights,
    contract.every_part_is_exported_and_proved_equal,
]
# A step and its state; the others repeat the same compiled steps.
CHECKS_OF_JAX = [
    contract.fit_lowers_the_loss,
    contract.a_keras_file_holds_everything_and_training_goes_on_the_same,
]
# What a class may do otherwise than its kind does, beside those.
CHECKS_OF_A_CLASS = [
    *MAIN_CHECKS,
    contract.encoding_is_deterministic_and_decoding_stays_in_range,
    contract.generating_is_seeded_or_refused,
    contract.mixed_precision_trains_float32_weights,
    contract.parts_compute_what_the_methods_do,
]
EVERY_CHECK = [*contract.CHECKS, *contract_data.CHECKS]


# Compiled in all respects, and checked in all respects at every turn: one update, several, and
# labeled images beside. The other kinds are put to the first checks at every turn.
GRAPHS = {"VAE", "AAE", "M2"}
OFTEN = {*each_class.one_of_each_kind()}
# A VAE but for a classifier, an AAE but for a label, a SemiSupervisedAAE less an update.
NEARLY = {"M1", "SupervisedAAE", "ClusteringAAE"}
# Bundles of steps are in graphs alone, and one class tells enough of them.
BUNDLES = contract_data.validation_sees_all_images_whatever_was_fitted_before
# About how a class takes data and weights: of classes that share these lines, one is checked.
OF_DATA = [
    contract_data.sample_weights_weigh,
    contract_data.data_in_every_container_give_the_same,
]


FASTEST = backend.fastest


def first_with_its_code():
    """Return the first class of those that share the code of data, weights and codes."""
    first = {}
    names = SETTINGS.keys() & CLASSES.keys()
    for name in sorted(names, key=lambda n: (n not in GRAPHS, n not in OFTEN, n)):
        first.setdefault(each_class.shared_code(CLASSES[name]), name)
    return {*first.values()}


FIRST = first_with_its_code()
# What a backend or a compiler may do otherwise (steps, optimizers, states, noise) shows in one
# class of a kind. JAX's compiler takes long for them.
KINDS = GRAPHS if cases.BACKEND == "jax" else (OFTEN & FIRST) | {"SemiSupervisedAAE", "VAEGAN"}


def test_every_class_is_covered():
    assert {setting.partition(",")[0] for setting in SETTINGS} == CLASSES.keys()


@pytest.mark.slow
def test_every_setting_makes_a_model_of_its_class():
    made = {setting: type(make()).__name__ for setting, make in SETTINGS.items()}
    assert made == {setting: setting.partition(",")[0] for setting in SETTINGS}


@pytest.mark.skipif(cases.BACKEND != "tensorflow", reason="the other backends repeat a part")
def test_a_class_is_left_out_of_a_check_only_if_another_one_runs_the_same_lines():
    made = {name: {*checks_of(name, compiled=False)} for name in SETTINGS}
    for name in SETTINGS.keys() & CLASSES.keys():
        code = each_class.shared_code(CLASSES[name])
        (first,) = (n for n in FIRST if each_class.shared_code(CLASSES[n]) == code)
        assert made[name] | made[first] >= {*MAIN_CHECKS, *OF_DATA}
    for name in OFTEN & FIRST:
        assert made[name] | made["VAE"] == {*EVERY_CHECK}


def checks_of(setting, compiled):
    """Return the checks that a setting is put to: on TensorFlow, eagerly, all for each kind."""
    if cases.BACKEND != "tensorflow":  # which repeats what no backend changes
        return _checks_of_another_backend(setting)
    if compiled and setting in GRAPHS:
        return all_but_containers(setting)
    if compiled:
        of_networks = any(word in setting for word in OF_NETWORKS)
        return [] if of_networks else [contract.fit_lowers_the_loss]
    if setting in VARIANTS:
        changes_training = any(word in setting for word in OF_TRAINING)
        checks = [contract.fit_lowers_the_loss, contract.a_preset_folder_gives_the_model_back]
        return checks + [contract.every_part_is_exported_and_proved_equal] * (not changes_training)
    own = MAIN_CHECKS if setting in NEARLY else CHECKS_OF_A_CLASS
    own = EVERY_CHECK if setting in KINDS else [*own, *OF_DATA] if setting in FIRST else own
    return [check for check in own if check is not BUNDLES or setting == "VAE"]


def all_but_containers(setting):
    """Return all checks; data become tensors before any step, so that one class tells enough."""
    containers = contract_data.data_in_every_container_give_the_same
    return [check for check in EVERY_CHECK if check is not containers or setting == "VAE"]


def _checks_of_another_backend(setting):
    if setting in VARIANTS:
        return []
    if setting in KINDS:
        return all_but_containers(setting)
    if cases.BACKEND == "jax":
        return CHECKS_OF_JAX if setting in FIRST else CHECKS_OF_JAX[:1]
    return MAIN_CHECKS


def pairs(compiled):
    """Return settings with their checks; eagerly, at every turn a part of them.

    That is most for one class, and the first few for one class of each kind.
    """
    tensorflow = cases.BACKEND == "tensorflow"  # the other backends' longer checks are few
    most, first = ({"VAE"}, MAIN_CHECKS[:3]) if tensorflow else (KINDS, MAIN_CHECKS[:4])
    for setting in SETTINGS:
        for check in checks_of(setting, compiled):
            kind = setting in OFTEN if tensorflow else setting not in VARIANTS
            often = setting in most or (check in first and kind)
            often = often and check is not contract_data.data_in_every_container_give_the_same
            marks = [] if often or compiled else [pytest.mark.slow]
            if check is BUNDLES or (check is contract.fit_lowers_the_loss and setting in GRAPHS):
                marks.append(pytest.mark.compiled)
            yield pytest.param(setting, check, marks=marks, id=f"{setting}-{check.__name__}")


def pytest_generate_tests(metafunc):
    if "check" in metafunc.fixturenames:
        compiled = metafunc.config.getoption("--compiled")
        metafunc.parametrize(("setting", "check"), list(pairs(compiled)))


def test_contract(setting, check, few_digits, monkeypatch, request):
    whole = request.config.getoption("--compiled") and check is contract.fit_lowers_the_loss
    if cases.BACKEND == "tensorflow" and not whole:
        # XLA takes longer to compile these models than to train them, and keeps what it compiled.
        monkeypatch.setattr(
            backend,
            "fastest",
            lambda *given: {**FASTEST(*given), "jit_compile": False},
        )
    x, y = few_digits
    shape = SHAPES.get(setting.rpartition(", of ")[2], SHAPE)
    if shape == SHAPES["colors"]:
        x = x * np.array([1.0, 0.6, 0.3], "float32")  # orange
    drawn = shape == SHAPES["drawings"]
    x = each_class.drawings_of(x, shape[0]) if drawn else x.reshape(len(x), *shape)
    check(cases.Case(SETTINGS[setting], x, y))
