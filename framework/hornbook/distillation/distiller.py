"""The student's training, with a teacher beside it."""

from collections.abc import Sequence
from typing import Any

from hornbook import backend, metrics, tree
from hornbook.core.arguments import fraction
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.distillation.losses import DistillationLoss
from hornbook.models import Model


class Distiller(Model):
    """A student that learns from the labels and from a teacher: w student_loss + (1 - w) sum_i w_i distillation_loss_i.

    `compile` takes the student's loss. The teacher does not change. `distiller.student` is the trained model.

    Args:
        teacher: a trained model; it is made not trainable.
        student: the model to train.
        distillation_losses: a `DistillationLoss`, or a list of them.
        distillation_loss_weights: w_i; 1 for each if None.
        student_loss_weight: w, between 0 and 1.
        name: name of the model.

    Raises:
        ValueError: for models that do not fit together, and weights that do not fit the losses.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> teacher, student = (keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]) for _ in range(2))
    >>> distiller = keras.distillation.Distiller(teacher, student, keras.distillation.LogitsDistillation())
    >>> distiller.compile("sgd", "mse")
    >>> history = distiller.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0).history
    >>> sorted(history)
    ['distillation_loss', 'loss', 'student_loss', 'total_loss']
    """

    def __init__(
        self,
        teacher: Any,
        student: Any,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        for what, model in (("teacher", teacher), ("student", student)):
            if not isinstance(model, Model):
                raise ValueError(f"The {what} must be a Model, got {type(model).__name__}.")
        given = list(distillation_losses) if isinstance(distillation_losses, list | tuple) else [distillation_losses]
        for loss in given:
            if not isinstance(loss, DistillationLoss):
                raise ValueError(f"distillation_losses must hold DistillationLoss objects, got {loss!r}.")
        weights = [1.0] * len(given) if distillation_loss_weights is None else distillation_loss_weights
        weights = list(weights) if isinstance(weights, list | tuple) else [weights]
        if len(weights) != len(given):
            raise ValueError(
                f"There must be one weight for each of the {len(given)} distillation losses, got {len(weights)}."
            )
        _check_shapes(teacher, student, "input_shape")
        _check_shapes(teacher, student, "output_shape")
        for loss in given:
            loss.validate_model_compatibility(teacher, student)

        teacher.trainable = False
        self.teacher, self.student = teacher, student
        self.distillation_losses, self.distillation_loss_weights = given, weights
        self.student_loss_weight = fraction(student_loss_weight, "student_loss_weight")
        self._teacher_layers = [getattr(loss, "teacher_layer_name", None) for loss in given]
        self._student_layers = [getattr(loss, "student_layer_name", None) for loss in given]
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")

    def call(self, inputs: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """The student's outputs."""
        return self.student(inputs, training=training, **kwargs)

    def compile(self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any) -> None:
        """Say how the student learns from the labels; see `Model.compile`.

        Raises:
            ValueError: where there is no loss.
        """
        if loss is None:
            raise ValueError("Distiller.compile() needs a loss: that of the student against the labels.")
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """w student_loss + (1 - w) sum_i w_i distillation_loss_i."""
        student_loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        taught = tree.map_structure(backend.stop_gradient, _features(self.teacher, x, self._teacher_layers, False))
        learnt = _features(self.student, x, self._student_layers, training, y_pred)
        distillation_loss: Any = 0.0
        rows = zip(self.distillation_losses, self.distillation_loss_weights, taught, learnt, strict=True)
        for loss, weight, teacher_outputs, student_outputs in rows:
            loss.validate_outputs(teacher_outputs, student_outputs)
            distillation_loss += weight * loss.compute_loss(teacher_outputs, student_outputs)
        total = self.student_loss_weight * student_loss + (1 - self.student_loss_weight) * distillation_loss
        self.student_loss_tracker.update_state(backend.all_reduce_sum(student_loss))
        self.distillation_loss_tracker.update_state(backend.all_reduce_sum(distillation_loss))
        self.total_loss_tracker.update_state(backend.all_reduce_sum(total))
        return total

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of compile() as plain data: they are `Model.compile`'s, so a file can hold them."""
        return super().get_compile_config()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, with both models."""
        names = ("teacher", "student", "distillation_losses", "distillation_loss_weights", "student_loss_weight")
        config = {key: super(Distiller, self).get_config()[key] for key in ("name", "trainable", "dtype")}
        return {**config, **{name: serialize_keras_object(getattr(self, name)) for name in names}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Distiller":
        """The distiller that `config` describes."""
        config = dict(config)
        for name in ("teacher", "student", "distillation_losses"):
            config[name] = deserialize_keras_object(config[name], custom_objects=custom_objects)
        return cls(**config)


def _features(model: Any, x: Any, layer_names: Sequence[str | None], training: bool, outputs: Any = None) -> list:
    """For each name, what that layer of `model` gives for x; the model's outputs for None."""
    named = sorted({name for name in layer_names if name is not None})
    if not named:
        outputs = model(x, training=training) if outputs is None else outputs
        return [outputs] * len(layer_names)
    inner = Model(model.input, {"outputs": model.output, **{name: model.get_layer(name).output for name in named}})
    found = inner(x, training=training)
    return [found["outputs" if name is None else name] for name in layer_names]


def _check_shapes(teacher: Any, student: Any, what: str) -> None:
    """Shapes of both, where both know them, are the same; sizes that are None fit any."""
    try:
        shapes = [getattr(model, what) for model in (teacher, student)]
    except AttributeError:  # a subclassed model, or one that is not built
        return
    teachers, students = (tree.flatten(shape) for shape in shapes)
    same = len(teachers) == len(students) and all(
        a == b or a is None or b is None for a, b in zip(teachers, students, strict=True)
    )
    if not same:
        raise ValueError(
            f"Teacher and student must have the same {what.replace('_', ' ')}, got {shapes[0]} and {shapes[1]}."
        )
