"""Initializers, regularizers, constraints: their numbers are Keras's, bit for bit where chance is involved."""

import numpy as np
import pytest

import hornbook
from hornbook import constraints, initializers, regularizers

SHAPES = [(5,), (3, 4), (4, 3), (3, 3, 2, 4)]
RANDOM = [
    ("RandomNormal", {"mean": 1.0, "stddev": 2.0}),
    ("RandomUniform", {"minval": -1.0, "maxval": 3.0}),
    ("TruncatedNormal", {"stddev": 2.0}),
    ("VarianceScaling", {}),
    ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"}),
    ("VarianceScaling", {"mode": "fan_avg", "distribution": "untruncated_normal"}),
    ("VarianceScaling", {"distribution": "normal"}),
    ("GlorotUniform", {}),
    ("GlorotNormal", {}),
    ("HeUniform", {}),
    ("HeNormal", {}),
    ("LecunUniform", {}),
    ("LecunNormal", {}),
    ("Orthogonal", {"gain": 2.0}),
]
CONSTANT = [
    ("Zeros", {}, (2, 3)),
    ("Ones", {}, (2, 3)),
    ("Constant", {"value": 2.5}, (2, 3)),
    ("Constant", {"value": [1.0, 2.0]}, (3, 2)),
    ("Identity", {}, (2, 3)),
    ("STFT", {"window": None, "scaling": None}, (8, 1, 5)),
    ("STFT", {"window": [1.0, 2.0, 2.0, 1.0], "side": "imag"}, (4, 1, 3)),
    ("STFT", {"window": [1.0, 2.0, 2.0, 1.0], "scaling": "spectrum"}, (4, 1, 5)),
]
NAMES = (
    "zeros ones constant identity random_normal random_uniform truncated_normal variance_scaling glorot_normal "
    "glorot_uniform he_normal he_uniform lecun_normal lecun_uniform orthogonal zero one normal uniform "
    "IdentityInitializer OrthogonalInitializer GlorotUniform"
).split()
X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
REGULARIZERS = [
    ("L1", {}),
    ("L1", {"l1": 0.2}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("L1L2", {}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]
CONSTRAINTS = [
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("MaxNorm", {"max_value": 0.5, "axis": [0, 1]}),
    ("NonNeg", {}),
    ("UnitNorm", {"axis": 1}),
    ("MinMaxNorm", {"min_value": 1.0, "max_value": 1.5, "rate": 0.5}),
]


@pytest.mark.parity
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name, arguments", RANDOM, ids=str)
def test_a_seed_gives_the_bits_of_keras(name, arguments, shape):
    keras = pytest.importorskip("keras")
    if name == "Orthogonal" and len(shape) < 2:
        pytest.skip("needs a matrix")
    ours = getattr(initializers, name)(seed=7, **arguments)
    theirs = getattr(keras.initializers, name)(seed=7, **arguments)
    np.testing.assert_array_equal(ours(shape).numpy(), theirs(shape).numpy())
    np.testing.assert_array_equal(ours(shape).numpy(), ours(shape).numpy())
    assert ours.get_config() == theirs.get_config()


@pytest.mark.parity
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("name", ["RandomNormal", "RandomUniform", "GlorotUniform", "HeNormal"])
def test_other_float_types_too(name, dtype):
    keras = pytest.importorskip("keras")
    ours = getattr(initializers, name)(seed=7)((3, 4), dtype=dtype)
    theirs = getattr(keras.initializers, name)(seed=7)((3, 4), dtype=dtype)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parity
def test_set_random_seed_gives_the_weights_of_keras():
    keras = pytest.importorskip("keras")
    weights = []
    for library in (keras, hornbook):
        library.utils.set_random_seed(1)
        weights.append([np.asarray(library.initializers.GlorotUniform()((3, 4))) for _ in range(3)])
    np.testing.assert_array_equal(weights[0], weights[1])


@pytest.mark.parity
def test_a_seed_generator_moves_on_as_in_keras():
    keras = pytest.importorskip("keras")
    numbers = []
    for library in (keras, hornbook):
        initializer = library.initializers.HeNormal(seed=library.random.SeedGenerator(3))
        numbers.append([np.asarray(initializer((3, 4))) for _ in range(2)])
        assert not np.array_equal(numbers[-1][0], numbers[-1][1])
    np.testing.assert_array_equal(numbers[0], numbers[1])


@pytest.mark.parity
@pytest.mark.parametrize("axes", [([0], [1, 2]), ([0], [2]), ([0, 1], [1, 2]), ([0], None)], ids=str)
def test_fans_by_axes(axes):
    keras = pytest.importorskip("keras")
    arguments = {"seed": 1, "input_axes": axes[0], "output_axes": axes[1]}
    ours, theirs = initializers.GlorotUniform(**arguments), keras.initializers.GlorotUniform(**arguments)
    np.testing.assert_array_equal(ours((3, 4, 5)).numpy(), theirs((3, 4, 5)).numpy())
    assert ours.get_config() == theirs.get_config()


@pytest.mark.parity
@pytest.mark.parametrize("name, arguments, shape", CONSTANT, ids=str)
def test_constants(name, arguments, shape):
    keras = pytest.importorskip("keras")
    if name == "STFT":
        pytest.importorskip("scipy")  # which Keras asks for even where it does not use it
    ours, theirs = getattr(initializers, name)(**arguments), getattr(keras.initializers, name)(**arguments)
    np.testing.assert_allclose(ours(shape).numpy(), theirs(shape).numpy(), atol=1e-6)
    assert ours.get_config() == theirs.get_config()


def test_stft_is_the_fourier_transform_of_a_windowed_frame():
    frame, window = np.random.default_rng(0).normal(size=8), np.hanning(8)
    real, imag = (initializers.STFT(side, scaling=None)((8, 1, 5)).numpy()[:, 0] for side in ("real", "imag"))
    np.testing.assert_allclose(frame @ (real + 1j * imag), np.fft.rfft(frame * window), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    assert isinstance(initializers.get(name), initializers.Initializer)


@pytest.mark.parametrize("dtype", ["int32", "bool", "float16"])
def test_dtypes_of_constants(dtype):
    assert initializers.Ones()((2,), dtype=dtype).dtype.name == dtype


def test_an_initializer_survives_its_config():
    for name, arguments in RANDOM:
        first = getattr(initializers, name)(seed=3, **arguments)
        second = initializers.deserialize(initializers.serialize(first))
        np.testing.assert_array_equal(first((3, 4)).numpy(), second((3, 4)).numpy())
    assert initializers.Identity(2.0).clone().gain == 2.0
    assert initializers.RandomNormal().get_config()["seed"] is None


def test_a_step_that_is_traced_may_be_the_first_to_draw():
    class Noise(hornbook.layers.Layer):
        def call(self, x):
            return x + hornbook.random.normal((3,))

    hornbook.utils.set_random_seed(0)  # forgets the generator
    model = hornbook.Sequential([Noise(), hornbook.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=2)
    model.fit(np.ones((8, 3)), np.ones((8, 1)), batch_size=2, verbose=0)
    first, second = (hornbook.random.normal((3,)).numpy() for _ in range(2))
    assert (first != second).all()


def test_a_drawn_seed_stays():
    initializer = initializers.GlorotUniform()
    np.testing.assert_array_equal(initializer((3, 4)).numpy(), initializer((3, 4)).numpy())
    assert not np.array_equal(initializer((3, 4)).numpy(), initializer.clone()((3, 4)).numpy())


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: initializers.VarianceScaling(scale=-1), "scale must be positive, got -1"),
        (lambda: initializers.VarianceScaling(mode="fan"), "'fan_in', 'fan_out' or 'fan_avg', got 'fan'"),
        (lambda: initializers.VarianceScaling(distribution="beta"), "got 'beta'"),
        (lambda: initializers.RandomNormal(seed="x"), "seed must be an int"),
        (lambda: initializers.Orthogonal()((3,)), r"two or more axes, got \(3,\)"),
        (lambda: initializers.Identity()((3,)), r"\(rows, columns\), got \(3,\)"),
        (lambda: initializers.get("glorot_unifrom"), "glorot_uniform"),
        (lambda: regularizers.L2(-1), "l2 must be a number that is not negative, got -1"),
        (lambda: regularizers.OrthogonalRegularizer(mode="x"), "mode must be 'rows' or 'columns'"),
        (lambda: regularizers.OrthogonalRegularizer()(np.ones(3)), "takes a matrix"),
    ],
)
def test_errors_teach(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parity
@pytest.mark.parametrize("name, arguments", REGULARIZERS, ids=str)
def test_regularizers(name, arguments):
    keras = pytest.importorskip("keras")
    ours, theirs = getattr(regularizers, name)(**arguments), getattr(keras.regularizers, name)(**arguments)
    np.testing.assert_allclose(ours(X), theirs(keras.ops.convert_to_tensor(X)), rtol=1e-6)
    assert ours.get_config() == theirs.get_config()
    assert regularizers.serialize(ours) == keras.regularizers.serialize(theirs)


@pytest.mark.parametrize("name", ["l1", "l2", "L1", "l1_l2", "l1l2", "L1L2", "orthogonal_regularizer"])
def test_names_of_regularizers(name):
    assert isinstance(regularizers.get(name), regularizers.Regularizer)


@pytest.mark.parity
@pytest.mark.parametrize("name, arguments", CONSTRAINTS, ids=str)
def test_constraints(name, arguments):
    keras = pytest.importorskip("keras")
    ours, theirs = getattr(constraints, name)(**arguments), getattr(keras.constraints, name)(**arguments)
    np.testing.assert_allclose(ours(X).numpy(), theirs(X).numpy(), rtol=1e-6)
    assert ours.get_config() == theirs.get_config()
    assert constraints.serialize(ours) == keras.constraints.serialize(theirs)


@pytest.mark.parametrize("name", ["max_norm", "non_neg", "unit_norm", "min_max_norm", "MaxNorm"])
def test_names_of_constraints(name):
    assert isinstance(constraints.get(name), constraints.Constraint)
