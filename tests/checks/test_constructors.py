"""What constructors take, say that they take, and refuse; and what a seed fixes."""

import ast
import inspect
import pydoc
import re
import textwrap

import keras
import numpy as np
import pytest
from support.each_class import SHAPE, every_class, make
from support.tiny import X, array

import zoo
from zoo import models
from zoo.checks.constructors import arguments_of
from zoo.models import CLASSES
from zoo.models.base import BaseModel
from zoo.nn.distributions import likelihoods

ALL = sorted({name for cls in CLASSES.values() for name in arguments_of(cls)})

# Names


@pytest.mark.parametrize("name", every_class())
def test_the_signature_has_the_arguments_of_the_constructor(name):
    taken = arguments_of(CLASSES[name])
    assert not any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in taken.values())
    model = make(name)
    defaults = {
        key: parameter.default
        for key, parameter in taken.items()
        if parameter.default is not inspect.Parameter.empty
    }
    kept = {"input_shape", "target_shape", "latent_dim", "lower", "num_classes", "features"}
    kept |= {"filters"}
    make(name, **{key: value for key, value in defaults.items() if key not in kept})
    assert model.get_config().keys() - taken.keys() <= {"frozen"}


@pytest.mark.parametrize("name", every_class())
def test_settings_outside_of_the_signature_are_refused(name):
    cls = CLASSES[name]
    others = set(ALL) - set(arguments_of(cls))
    assert others
    for other in others:
        with pytest.raises(TypeError, match=rf"^{name} takes no {other}=") as caught:
            make(name, **{other: object() if other in ("encoder", "decoder") else 0.37})
        assert "BaseAutoencoder" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [("filter", "filters"), ("laten_dim", "latent_dim"), ("sample", "samples"), ("Beta", "beta")],
)
def test_the_error_for_a_typing_error_has_the_nearest_name(typed, nearest):
    with pytest.raises(TypeError, match=f"^VAE takes no {typed}=; did you mean .*'{nearest}'"):
        zoo.VAE(SHAPE, 2, **{typed: 3})


def test_a_setting_of_conditional_models_is_not_ignored_by_others():
    with pytest.raises(TypeError, match="^VAE takes no num_classes="):
        zoo.VAE(SHAPE, 2, num_classes=10)


@pytest.mark.parametrize("name", CLASSES)
def test_reader_help_and_editor_see_the_same_arguments(name):
    """The constructor is as it is written, and every argument of it is described somewhere."""
    cls = CLASSES[name]
    written = inspect.signature(vars(cls)["__init__"])
    assert inspect.signature(cls) == written.replace(parameters=[*written.parameters.values()][1:])
    assert not {"__signature__", "__wrapped__"} & (vars(cls).keys() | vars(cls.__init__).keys())
    shown = pydoc.plain(pydoc.render_doc(cls)).partition("\n |  \n")[0]
    described = set()
    for base in cls.__mro__[: cls.__mro__.index(BaseModel) + 1]:
        block = (inspect.cleandoc(base.__doc__ or "") + "\n").partition("Args:\n")[2]
        for names in re.findall(r"(?:^ {4}|\. )(\w+(?:, \w+)*):", block, flags=re.MULTILINE):
            described |= {*names.split(", ")}
    for setting in arguments_of(cls):
        assert setting in shown
        assert setting in described, setting


@pytest.mark.parametrize("name", CLASSES)
def test_an_argument_that_is_passed_on_has_the_same_default(name):
    """A class may have another default, of its own; here are those that differ."""
    cls, own = CLASSES[name], OTHER_DEFAULTS.get(name, set())
    for base in cls.__mro__[1 : cls.__mro__.index(BaseModel) + 1]:
        for key, parameter in arguments_of(base).items():
            same = arguments_of(cls).get(key, parameter).default == parameter.default
            assert same or key in own, (base, key)


OTHER_DEFAULTS = {
    "SparseAutoencoder": {"hidden_units", "code_activation"},
    "ContractiveAutoencoder": {"hidden_units", "activation", "code_activation", "tie_weights"},
    "RBM": {"code_activation"},
    "CompressiveAutoencoder": {"filters", "likelihood"},
    "SequenceVAE": {"likelihood"},
    "SketchRNN": {"beta"},
    "CorrespondenceAutoencoder": {"code_activation"},
    "IWAE": {"samples"},
    "M2": {"hidden_units"},
    "M1M2": {"hidden_units", "likelihood"},
    "LabelInformedAAE": {"prior"},
    "SemiSupervisedAAE": {"conditional_discriminator"},
    "Pix2Pix": {"input_shape", "filters"},
    "PaletteNet": {"input_shape", "filters"},
    "TDAE": {"input_shape", "filters"},
}


MODELS = {c for cls in CLASSES.values() for c in cls.__mro__ if issubclass(c, BaseModel)}


@pytest.mark.parametrize("cls", sorted(MODELS - {BaseModel}, key=str), ids=lambda c: c.__name__)
def test_an_argument_of_a_base_class_is_passed_on_under_its_own_name(cls):
    """An argument that is listed and forgotten would be ignored without a word."""
    constructor = ast.parse(textwrap.dedent(inspect.getsource(cls.__init__))).body[0]
    (call,) = [
        node
        for node in ast.walk(constructor)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__"
    ]
    kinds = {p.kind for p in inspect.signature(cls.__init__).parameters.values()}
    said = f"{cls.__name__} must list all arguments of its constructor, without *args and **kwargs"
    assert not kinds & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}, said
    own, listed = arguments_of(cls), arguments_of(cls.__base__)
    passed = dict(zip(listed, call.args, strict=False))  # those without a name
    passed |= {keyword.arg: keyword.value for keyword in call.keywords}
    for key in own.keys() & listed.keys():
        assert key in passed, f"{cls.__name__} takes {key}=, and does not pass it on"
        named = {node.id for node in ast.walk(passed[key]) if isinstance(node, ast.Name)}
        assert {key} <= named or (cls.__name__, named) == ("TDAE", {"small"}), key


def test_a_users_own_class_takes_all_settings_of_its_base_class_and_its_own():
    class Mine(zoo.VAE):
        def __init__(self, *args, weight=1.0, **kwargs):
            super().__init__(*args, **kwargs)
            self.weight = weight

    assert list(arguments_of(Mine)) == ["weight", *arguments_of(zoo.VAE)]
    assert Mine(SHAPE, 2, hidden_units=(8,), weight=2.0).get_config()["weight"] == 2.0
    with pytest.raises(TypeError, match="^Mine takes no weigth=; did you mean 'weight'"):
        Mine(SHAPE, 2, weigth=3)


def test_a_constructor_without_keywords_takes_only_its_own_settings():
    class Fixed(zoo.Autoencoder):
        def __init__(self, width=8):
            super().__init__(SHAPE, 2, hidden_units=(width,), seed=3)

    assert list(arguments_of(Fixed)) == ["width"]
    assert Fixed(width=4).hidden_units == (4,)
    equal(Fixed(), Fixed())


def example_of(documented):
    """Run the example in a docstring; return the names that it defines."""
    text = inspect.getdoc(documented).partition("Example: ")[2]
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ") or not line]
    names = {"__name__": "example"}
    exec("\n".join(lines), names)
    return names


def test_the_example_of_an_own_class_runs():
    names = example_of(models)
    model = names["model"]
    assert len(names["history"].history["brightness"]) == 1
    copy = type(model).from_config(model.get_config())
    assert copy.weight == 3.0
    decoder = model.parts()["decoder"]
    assert any(w is model.gain for network in decoder.networks for w in network.variables)


def test_the_example_of_own_networks_runs():
    assert example_of(zoo.Autoencoder)["model"].latent_dim == 2


def test_metrics_that_were_not_named_are_refused():
    class Nameless(zoo.Autoencoder):
        def losses(self, batch, training):
            extra = batch.x[:, 0, 0, 0]
            return super().losses(batch, training).plus(extra, extra=extra)

    model = Nameless(SHAPE, 2, hidden_units=(8,))
    model.compile(run_eagerly=True)
    with pytest.raises(
        ValueError, match=r"'extra'.*metric_names = \(\*Autoencoder.metric_names, \"extra\"\)"
    ):
        model.fit(X, verbose=0)


# Values

NAN, INF = float("nan"), float("inf")
BAD = [
    ("VAE", {"filters": 32}, TypeError, r"filters is 32; give a width .* filters=\(32,\)"),
    ("VAE", {"hidden_units": 64}, TypeError, r"hidden_units=\(64,\)"),
    ("VAE", {"hidden_units": (64, 0)}, ValueError, r"hidden_units\[1\] is 0; give a whole number"),
    ("VAE", {"hidden_units": (2.5,)}, ValueError, r"hidden_units\[0\] is 2.5"),
    ("VAE", {"hidden_units": "64"}, TypeError, "hidden_units is '64'"),
    ("VAE", {"latent_dim": "8"}, TypeError, "latent_dim is '8'; give a whole number of at least 1"),
    ("VAE", {"latent_dim": 2.5}, ValueError, "latent_dim is 2.5"),
    ("VAE", {"latent_dim": 0}, ValueError, "latent_dim is 0"),
    ("VAE", {"input_shape": 28}, TypeError, r"input_shape is 28; give .*\(height, width, channels"),
    ("VAE", {"input_shape": ()}, ValueError, "input_shape is empty"),
    ("VAE", {"input_shape": (28, None)}, TypeError, r"input_shape\[1\] is None"),
    ("VAE", {"beta": NAN}, ValueError, "beta is nan; give a finite number"),
    ("VAE", {"beta": INF}, ValueError, "beta is inf"),
    ("VAE", {"beta": -1}, ValueError, "beta is -1; give a finite number, at least 0"),
    ("VAE", {"beta": "1"}, TypeError, "beta is '1'"),
    ("VAE", {"free_bits": NAN}, ValueError, "free_bits is nan"),
    ("VAE", {"samples": 1.5}, ValueError, "samples is 1.5"),
    ("VAE", {"seed": "three"}, TypeError, "seed is 'three'"),
    ("VAE", {"seed": -1}, ValueError, "seed is -1"),
    ("CVAE", {"num_classes": 2.7}, ValueError, "num_classes is 2.7; give a whole number"),
    ("CVAE", {"num_classes": 0}, ValueError, "num_classes is 0"),
    ("CVAE", {"num_classes": "3"}, TypeError, "num_classes is '3'"),
    ("CVAE", {"label_shape": 28}, TypeError, "label_shape is 28; give the shape of a label"),
    (
        "CVAE",
        {"label_shape": SHAPE, "num_classes": None, "prior": "learned"},
        ValueError,
        r"labels of the shape \(4, 4, 1\) are not classes: leave out prior=",
    ),
    ("M1", {"num_classes": 2.7}, ValueError, "num_classes is 2.7"),
    ("M1", {"classifier_epochs": 0.5}, ValueError, "classifier_epochs is 0.5"),
    ("M1", {"classifier_hidden_units": 64}, TypeError, r"classifier_hidden_units=\(64,\)"),
    ("M2", {"alpha": NAN}, ValueError, "alpha is nan"),
    ("M2", {"labeled_batch_size": 1.5}, ValueError, "labeled_batch_size is 1.5"),
    ("M2", {"dropout": NAN}, ValueError, "dropout is nan"),
    ("LabelInformedAAE", {"num_classes": 3.3}, ValueError, "num_classes is 3.3"),
    ("Autoencoder", {"l1": NAN}, ValueError, "l1 is nan"),
    ("Autoencoder", {"l2": INF}, ValueError, "l2 is inf"),
    ("SparseAutoencoder", {"rho": NAN}, ValueError, "rho is nan"),
    ("SparseAutoencoder", {"weight": -0.1}, ValueError, "weight is -0.1"),
    ("DenoisingAutoencoder", {"num_corruptions": 1.5}, ValueError, "num_corruptions is 1.5"),
    ("ContractiveAutoencoder", {"weight": NAN}, ValueError, "weight is nan"),
    ("ContractiveAutoencoder", {"noise": INF}, ValueError, "noise is inf"),
    ("RBM", {"k": 1.5}, ValueError, "k is 1.5"),
    ("RBM", {"chains": NAN}, ValueError, "chains is nan"),
    ("RBM", {"tie_weights": False}, TypeError, "RBM takes no tie_weights="),
    ("TargetPropAutoencoder", {"rate": INF}, ValueError, "rate is inf"),
    ("TargetPropAutoencoder", {"beta": 0}, ValueError, "beta is 0"),
    ("TargetPropAutoencoder", {"proximity": NAN}, ValueError, "proximity is nan"),
    ("AAE", {"generator_weight": NAN}, ValueError, "generator_weight is nan"),
    ("AAE", {"generator_steps": 1.5}, ValueError, "generator_steps is 1.5"),
    ("AAE", {"label_smoothing": NAN}, ValueError, "label_smoothing is nan"),
    ("ClusteringAAE", {"instance_noise": NAN}, ValueError, "instance_noise is nan"),
    ("ClusteringAAE", {"kernel_size": 2.5}, ValueError, "kernel_size is 2.5"),
    ("ClusteringAAE", {"head_distance": NAN}, ValueError, "head_distance is nan"),
    ("ClusteringAAE", {"decoder_hidden_units": 64}, TypeError, r"decoder_hidden_units=\(64,\)"),
    ("VAEGAN", {"feature_stddev": INF}, ValueError, "feature_stddev is inf"),
    ("VAEGAN", {"discriminator_filters": 3}, TypeError, r"discriminator_filters=\(3,\)"),
]


@pytest.mark.parametrize(("name", "options", "error", "says"), BAD)
def test_invalid_values_are_refused(name, options, error, says):
    with pytest.raises(error, match=says):
        make(name, **options)


@pytest.mark.parametrize(
    "make_one",
    [
        lambda value: likelihoods.Gaussian(value),
        lambda value: likelihoods.LearnedGaussian(value),
        lambda value: likelihoods.Categorical(value),
        lambda value: zoo.Normal(2, scale=value),
        lambda value: zoo.Normal(value),
        lambda value: zoo.Uniform(2, high=value),
        lambda value: zoo.SwissRoll(radius=value),
        lambda value: zoo.SwissRoll(probabilities=[value] * 10),
    ],
)
@pytest.mark.parametrize("value", [NAN, INF, -1.0])
def test_likelihoods_and_priors_take_finite_numbers(make_one, value):
    if value == -1.0 and isinstance_of_uniform(make_one):
        value = -2.0
    with pytest.raises(ValueError):
        make_one(value)


def isinstance_of_uniform(make_one):
    return "Uniform" in make_one.__code__.co_names


def test_whole_numbers_of_other_types_are_taken():
    model = zoo.CVAE(
        list(SHAPE), np.int64(2), hidden_units=[np.int32(8)], num_classes=3.0, beta=np.float32(2)
    )
    assert (model.image_shape, model.latent_dim, model.hidden_units) == (SHAPE, 2, (8,))
    assert (model.num_classes, model.beta) == (3, 2.0)


# Seeds


def equal(*models):
    first, *others = ([array(w) for w in model.weights] for model in models)
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_array_equal(a, b)


FIXED = {"map", "root_g", "scale", "shift", "linear"}


def differ(*models):
    """Say whether every network of one model starts from other kernels than those of the other.

    Those of the maps of spatial transformers and of the last convolutions of codecs start at 0,
    norms at the identity, and linear codecs as a cosine transform.
    """
    pairs = zip(*(model.trainable_weights for model in models), strict=True)
    drawn = [(a, b) for a, b in pairs if not FIXED & {*a.path.split("/")}]
    kernels = [(array(a), array(b)) for a, b in drawn if len(a.shape) > 1]
    return all((a != b).any() for a, b in kernels if a.any() or b.any())


@pytest.mark.backend
@pytest.mark.parametrize("name", every_class())
def test_a_seed_fixes_the_initial_weights_of_all_networks(name):
    keras.utils.set_random_seed(1)
    first = make(name, seed=3)
    keras.utils.set_random_seed(2)
    equal(first, make(name, seed=3))
    assert differ(first, make(name, seed=4))


@pytest.mark.backend
@pytest.mark.parametrize("name", ["VAE", "AAE", "RBM", "M2"])
def test_without_a_seed_keras_decides(name):
    keras.utils.set_random_seed(1)
    first, next_one = make(name), make(name)
    assert first.seed is None
    assert differ(first, next_one)
    keras.utils.set_random_seed(1)
    again = make(name)
    equal(first, again)


def test_a_seed_does_not_change_other_random_numbers():
    keras.utils.set_random_seed(1)
    first = array(keras.layers.Dense(3)(np.ones((1, 3), "float32")))
    keras.utils.set_random_seed(1)
    make("VAE", seed=3)
    np.testing.assert_array_equal(first, array(keras.layers.Dense(3)(np.ones((1, 3), "float32"))))


@pytest.mark.backend
def test_a_seed_fixes_the_weights_of_a_subclass():
    class WithHead(zoo.VAE):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.head = self.add_weight((3, 3), self.seeds.glorot(), name="head")

    make_one = lambda: WithHead(SHAPE, 2, hidden_units=(8,), seed=3)  # noqa: E731
    equal(make_one(), make_one())


def test_networks_of_one_model_start_from_different_weights():
    model = zoo.AAE((8,), 8, hidden_units=(8,), seed=3)
    kernels = [array(w) for w in model.weights if tuple(w.shape) == (8, 8)]
    assert len(kernels) > 3
    assert len({kernel.tobytes() for kernel in kernels}) == len(kernels)


def test_a_model_without_a_seed_is_saved_without_one(tmp_path):
    model = make("AAE", dropout=0.1)
    model.compile()
    zoo.save(model, tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset")
    assert loaded.seed is None
    equal(model, loaded)


@pytest.mark.parametrize(
    ("cls", "shape"),
    [
        (zoo.CompressiveAutoencoder, (2**24, 8, 3)),
        (zoo.SequenceVAE, (2**24, 2)),
        (zoo.SketchRNN, (2**22, 5)),
    ],
)
def test_sizes_that_no_weight_depends_on_have_a_limit(cls, shape):
    """Before memory is taken; a file from a stranger may name such sizes."""
    with pytest.raises(ValueError, match="a model takes at most 16,777,216"):
        cls(shape, 2)
