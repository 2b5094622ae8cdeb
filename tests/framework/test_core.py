"""The mechanisms that every layer hangs on: variables, scopes, symbolic ops, names, configs."""

import numpy as np
import pytest

import hornbook as keras
from hornbook import backend, layers, ops
from hornbook.core.scopes import AutocastScope, StatelessScope


# ------------------------------------------------------------------------------------------------- variables
def test_a_variable_is_written_and_used_like_an_array():
    v = keras.Variable([1.0, 2.0], name="v")
    v.assign([3.0, 4.0])
    v.assign_add([1.0, 1.0])
    v.assign_sub([0.5, 0.5])
    np.testing.assert_allclose(v.numpy(), [3.5, 4.5])
    np.testing.assert_allclose(2 * v - 1, [6.0, 8.0])
    np.testing.assert_allclose(ops.sum(v), 8.0)
    assert (v.shape, v.dtype, v.path) == ((2,), "float32", "v")


def test_a_value_of_another_shape_is_refused():
    v = keras.Variable(np.zeros((2, 3)), name="kernel")
    with pytest.raises(ValueError, match=r"kernel.*\(2, 3\).*\(3, 2\)"):
        v.assign(np.zeros((3, 2)))


def test_in_a_stateless_scope_the_variable_keeps_its_value():
    v = keras.Variable([1.0])
    with StatelessScope([(v, [2.0])]) as scope:
        v.assign_add([5.0])
        np.testing.assert_allclose(v.value, [7.0])
    np.testing.assert_allclose(scope.get_current_value(v), [7.0])
    np.testing.assert_allclose(v.numpy(), [1.0])


def test_in_an_autocast_scope_floats_are_read_in_the_compute_dtype():
    v, counter = keras.Variable([1.0]), keras.Variable([1], dtype="int32")
    with AutocastScope("bfloat16"):
        assert backend.standardize_dtype(v.value.dtype) == "bfloat16"
        assert backend.standardize_dtype(counter.value.dtype) == "int32"


# ------------------------------------------------------------------------------------------------- symbolic
def test_operators_of_symbolic_tensors_record_ops():
    x = keras.Input((3,))
    y = (2 * x + 1) / 4 - x[:, :1]
    model = keras.Model(x, y)
    data = np.array([[1.0, 2.0, 3.0]], "float32")
    np.testing.assert_allclose(model(data), (2 * data + 1) / 4 - data[:, :1])


@pytest.mark.parametrize("use", [np.asarray, bool, float, int, iter])
def test_a_symbolic_tensor_has_no_numbers(use):
    with pytest.raises(TypeError, match="not there yet"):
        use(keras.Input((3,)))


# ------------------------------------------------------------------------------------------------- layers
class Scale(layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor


def test_a_layer_says_its_arguments_once():
    layer = Scale(3.0, name="three", dtype="float16")
    config = layer.get_config()
    assert config["factor"] == 3.0
    again = Scale.from_config(config)
    assert (again.factor, again.name, again.compute_dtype) == (3.0, "three", "float16")


def test_names_count_up_and_start_again():
    keras.utils.clear_session()
    assert [layers.Dense(1).name for _ in range(3)] == ["dense", "dense_1", "dense_2"]
    keras.utils.clear_session()
    assert layers.Dense(1).name == "dense"


def test_weights_are_found_in_attributes_lists_and_dictionaries():
    class Nest(layers.Layer):
        def __init__(self):
            super().__init__()
            self.blocks = []
            self.blocks.append(layers.Dense(2))
            self.named = {"out": [layers.Dense(1)]}
            self.bias = keras.Variable([0.0], name="bias")

        def call(self, x):
            return self.named["out"][0](self.blocks[0](x)) + self.bias

    layer = Nest()
    layer(np.ones((1, 3)))
    assert [w.path.split("/", 1)[-1] for w in layer.weights] == [
        "bias",
        "dense/kernel",
        "dense/bias",
        "dense_1/kernel",
        "dense_1/bias",
    ] or len(layer.weights) == 5
    layer.trainable = False
    assert not layer.trainable_weights and len(layer.non_trainable_weights) == 5


def test_super_init_comes_first():
    class Early(layers.Layer):
        def __init__(self):
            self.inner = layers.Dense(1)
            super().__init__()

    with pytest.raises(RuntimeError, match=r"super\(\).__init__\(\)"):
        Early()

    class Never(layers.Layer):
        def __init__(self):
            pass

        def call(self, x):
            return x

    with pytest.raises(RuntimeError, match=r"super\(\).__init__\(\)"):
        Never()(np.ones((1,)))


def test_training_reaches_inner_layers():
    seen = []

    class Inner(layers.Layer):
        def call(self, x, training=None):
            seen.append(training)
            return x

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, x):
            return self.inner(x)

    outer = Outer()
    outer(np.ones((1, 1)))
    outer(np.ones((1, 1)), training=True)
    outer(np.ones((1, 1)), training=False)
    assert seen == [None, True, False]


def test_masks_travel_and_a_layer_without_support_says_that_it_destroys_them():
    ids = np.array([[1, 2, 0]])
    x = layers.Embedding(5, 4, mask_zero=True)(ids)
    np.testing.assert_array_equal(x._keras_mask, [[True, True, False]])
    np.testing.assert_array_equal(layers.Dropout(0.5)(x)._keras_mask, [[True, True, False]])
    with pytest.warns(UserWarning, match="destroy the mask"):
        layers.Flatten()(x) if not layers.Flatten().supports_masking else Scale()(x)


def test_mixed_precision_computes_short_and_keeps_long():
    layer = layers.Dense(3, dtype="mixed_bfloat16")
    y = layer(np.ones((2, 4), "float32"))
    assert backend.standardize_dtype(y.dtype) == "bfloat16"
    assert layer.kernel.dtype == "float32"


def test_losses_are_those_of_the_latest_call():
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(ops.sum(x))
            return x

    class Twice(layers.Layer):
        def __init__(self):
            super().__init__()
            self.a, self.b = Penalty(), Penalty()

        def call(self, x):
            return self.b(self.a(x))

    layer = Twice()
    for _ in range(2):
        layer(np.ones((1, 3)))
        np.testing.assert_allclose([float(loss) for loss in layer.losses], [3.0, 3.0])


def test_stateless_call_leaves_the_layer_alone():
    layer = layers.BatchNormalization()
    layer(np.ones((2, 3)))
    before = layer.moving_mean.numpy()
    trainable, others = [v.value for v in layer.trainable_variables], [v.value for v in layer.non_trainable_variables]
    y, new = layer.stateless_call(trainable, others, np.full((2, 3), 5.0), training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), before)
    np.testing.assert_allclose(new[0], before * 0.99 + 0.05, rtol=1e-5)
    np.testing.assert_allclose(y, np.zeros((2, 3)), atol=1e-5)


# ------------------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.Dense(3)("text"), "tensors and arrays"),
        (lambda: keras.Model(1, 2), "unexpected|takes|argument|symbolic"),
        (lambda: keras.Input(), "shape"),
        (lambda: keras.Input(shape=3), r"shape=\(3,\)"),
        (lambda: keras.Sequential([layers.Dense(1, name="a"), layers.Dense(1, name="a")]), "name of its own"),
        (lambda: keras.Sequential([3]), "Only layers"),
        (lambda: keras.layers.Dense(2, wrong=1), "unexpected"),
        (lambda: keras.Variable("glorot_uniform"), "needs a shape"),
    ],
)
def test_errors_teach(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()


@pytest.mark.parametrize(
    ("family", "name", "near"),
    [
        (keras.optimizers, "adem", "adam"),
        (keras.losses, "sparse_categorical_crosentropy", "sparse_categorical_crossentropy"),
        (keras.metrics, "aucc", "auc"),
        (keras.initializers, "glorot_unifrom", "glorot_uniform"),
        (keras.activations, "rleu", "relu"),
    ],
)
def test_an_unknown_name_is_told_with_its_nearest(family, name, near):
    with pytest.raises(ValueError, match=f"(?i){near}"):
        family.get(name)
