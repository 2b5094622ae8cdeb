"""Teachers and students."""

import numpy as np
import pytest

import hornbook
from hornbook import layers
from hornbook.distillation import DistillationLoss, Distiller, FeatureDistillation, LogitsDistillation

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 3)).astype("float32"), RNG.integers(0, 4, 16)
TEACHER, STUDENT = RNG.normal(size=(2, 6, 4)).astype("float32")


def network(library, name, hidden=8):
    return library.Sequential(
        [
            library.Input((3,)),
            library.layers.Dense(hidden, activation="relu", name="hidden"),
            library.layers.Dense(4, name="out"),
        ],
        name=name,
    )


def test_logits_are_softened():
    def softmax(x):
        return np.exp(x) / np.exp(x).sum(-1, keepdims=True)

    p, q = softmax(TEACHER / 2), softmax(STUDENT / 2)
    expected = 4 * np.mean(np.sum(p * np.log(p / q), -1))
    for loss in ("kl_divergence", hornbook.losses.KLDivergence()):
        found = LogitsDistillation(temperature=2.0, loss=loss).compute_loss(TEACHER, STUDENT)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parity
@pytest.mark.parametrize("loss", ["KLDivergence", "MeanSquaredError", "mse", "cosine_similarity"])
def test_losses_as_in_keras(loss):
    keras = pytest.importorskip("keras")

    def both(library):
        given = getattr(library.losses, loss)() if loss[0].isupper() else loss
        made = [library.distillation.LogitsDistillation(loss=given), library.distillation.FeatureDistillation(given)]
        return [float(one.compute_loss(TEACHER, STUDENT)) for one in made], [one.get_config() for one in made]

    (ours, our_configs), (theirs, their_configs) = both(hornbook), both(keras)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert our_configs == their_configs


@pytest.mark.parity
def test_training_as_in_keras():
    keras = pytest.importorskip("keras")

    def history(library, weights):
        d, teacher, student = library.distillation, network(library, "teacher"), network(library, "student")
        teacher.set_weights(weights[0])
        student.set_weights(weights[1])
        model = d.Distiller(
            teacher,
            student,
            [
                d.LogitsDistillation(loss=library.losses.KLDivergence()),
                d.FeatureDistillation(teacher_layer_name="hidden", student_layer_name="hidden"),
            ],
            distillation_loss_weights=[0.3, 0.7],
            student_loss_weight=0.25,
        )
        model.compile("sgd", library.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        logs = model.fit(X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0).history
        return logs, [metric.name for metric in model.metrics]

    weights = [network(hornbook, name).get_weights() for name in ("t", "s")]
    (ours, our_names), (theirs, their_names) = history(hornbook, weights), history(keras, weights)
    assert list(ours) == list(theirs) and our_names == their_names
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-5)


def test_the_teacher_stays_and_a_file_brings_all_back(tmp_path):
    teacher, student = network(hornbook, "t"), network(hornbook, "s")
    before = teacher.get_weights()
    model = Distiller(teacher, student, LogitsDistillation())
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, epochs=2, verbose=0)
    for a, b in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not teacher.trainable and model.student is student and len(model.trainable_variables) == 4
    model.save(tmp_path / "d.keras")
    again = hornbook.saving.load_model(tmp_path / "d.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)
    assert again.get_config() == model.get_config() and int(again.optimizer.iterations) == 2


@pytest.mark.parity
def test_keras_files_open(tmp_path):
    keras = pytest.importorskip("keras")
    d = keras.distillation
    theirs = d.Distiller(network(keras, "t"), network(keras, "s"), d.LogitsDistillation())
    theirs.compile("sgd", "mse")
    theirs.fit(X, np.ones((16, 4)), verbose=0)
    theirs.save(tmp_path / "d.keras")
    ours = hornbook.saving.load_model(tmp_path / "d.keras", compile=False)
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-5)


def test_what_does_not_fit_is_said():
    teacher, student = network(hornbook, "t"), network(hornbook, "s")
    logits = LogitsDistillation()
    other = hornbook.Sequential([hornbook.Input((3,)), layers.Dense(5)])
    for arguments, message in [
        (("model", student, logits), "teacher must be a Model"),
        ((teacher, student, "mse"), "DistillationLoss objects"),
        ((teacher, student, logits, [1.0, 2.0]), "one weight for each"),
        ((teacher, student, logits, None, 2.0), "student_loss_weight"),
        ((teacher, other, logits), "same output shape"),
        ((teacher, student, FeatureDistillation(teacher_layer_name="x")), "No layer is called 'x'"),
    ]:
        with pytest.raises(ValueError, match=message):
            Distiller(*arguments)
    with pytest.raises(ValueError, match="needs a loss"):
        Distiller(teacher, student, logits).compile("sgd")
    with pytest.raises(ValueError, match="temperature"):
        LogitsDistillation(temperature=0)
    with pytest.raises(NotImplementedError):
        DistillationLoss().compute_loss(1, 2)
