"""What the student is to have in common with the teacher."""

from typing import Any

from hornbook import backend, losses, ops, tree
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.losses.base import part_of_mean


class DistillationLoss:
    """The base of what can be distilled: a subclass defines `compute_loss`.

    >>> import hornbook as keras
    >>> class Largest(keras.distillation.DistillationLoss):
    ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
    ...         return abs(keras.ops.max(teacher_outputs) - keras.ops.max(student_outputs))
    >>> float(Largest().compute_loss(keras.ops.array([1.0, 3.0]), keras.ops.array([2.5, 0.0])))
    0.5
    """

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """How far the student is from the teacher.

        Args:
            teacher_outputs: what the teacher gives.
            student_outputs: what the student gives, in the same structure.

        Returns:
            a scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define compute_loss(teacher_outputs, student_outputs).")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Check that both have one structure.

        Raises:
            ValueError: where they have not.
        """
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Check, before anything is computed, that the two models can be compared; any two can, unless a class differs."""


class LogitsDistillation(DistillationLoss):
    """The student's outputs, softened, are to be the teacher's: T^2 KL(softmax(teacher / T), softmax(student / T)).

    The outputs are logits. Another loss than the Kullback-Leibler divergence compares teacher / T with student / T as
    they are.

    Args:
        temperature: T; the higher, the more the small probabilities count.
        loss: a loss, its name, or a structure of losses like the outputs'.

    Raises:
        ValueError: for a temperature that is no positive number, or an unknown loss.

    Source: Hinton et al., Distilling the Knowledge in a Neural Network (2015), https://arxiv.org/abs/1503.02531.

    >>> import numpy as np
    >>> from hornbook.distillation import LogitsDistillation
    >>> teacher, student = np.array([[4.0, 0.0]], "float32"), np.array([[0.0, 0.0]], "float32")
    >>> round(float(LogitsDistillation(temperature=2.0).compute_loss(teacher, student)), 3)
    1.311
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        if isinstance(temperature, bool) or not isinstance(temperature, int | float) or temperature <= 0:
            raise ValueError(f"temperature must be a positive number, got {temperature!r}.")
        self.temperature = temperature
        self.loss = tree.map_structure(losses.get, loss)

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """T^2 KL(softmax(teacher / T), softmax(student / T))."""
        return _total(self._compare, self.loss, teacher_outputs, student_outputs)

    def _compare(self, loss: Any, teacher: Any, student: Any) -> Any:
        teacher, student = teacher / self.temperature, student / self.temperature
        if loss is losses.kl_divergence or isinstance(loss, losses.KLDivergence):
            teacher, student = ops.softmax(teacher), ops.softmax(student)
            return self.temperature**2 * _mean(loss, teacher, student)
        return _mean(loss, teacher, student)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"temperature": self.temperature, "loss": serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LogitsDistillation":
        """The loss that `config` describes."""
        return cls(**{**config, "loss": _deserialized(config["loss"])})


class FeatureDistillation(DistillationLoss):
    """What a layer of the student gives is to be what a layer of the teacher gives.

    Args:
        loss: a loss, its name, or a structure of losses like the features'.
        teacher_layer_name: the teacher's layer; its outputs if None.
        student_layer_name: the student's layer; its outputs if None.

    Raises:
        ValueError: for an unknown loss.

    Source: Romero et al., FitNets: Hints for Thin Deep Nets (2015), https://arxiv.org/abs/1412.6550.

    >>> import numpy as np
    >>> from hornbook.distillation import FeatureDistillation
    >>> float(FeatureDistillation().compute_loss(np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]])))
    2.0
    """

    def __init__(
        self, loss: Any = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None
    ) -> None:
        self.loss = tree.map_structure(losses.get, loss)
        self.teacher_layer_name, self.student_layer_name = teacher_layer_name, student_layer_name

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Check that the named layers are there.

        Raises:
            ValueError: for a name that no layer has, or a model that is not Functional or Sequential.
        """
        for what, model, name in (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        ):
            if name is None:
                continue
            if getattr(model, "inputs", None) is None:
                raise ValueError(
                    f"FeatureDistillation cannot look at layer {name!r} of the {what}: inside a subclassed model nobody "
                    "can. Use a Functional or Sequential model, or leave the layer's name out to compare outputs."
                )
            model.get_layer(name)

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The mean of loss(teacher, student)."""
        return _total(_mean, self.loss, teacher_outputs, student_outputs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "loss": serialize_keras_object(self.loss),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "FeatureDistillation":
        """The loss that `config` describes."""
        return cls(**{**config, "loss": _deserialized(config["loss"])})


def _total(compare: Any, loss: Any, teacher: Any, student: Any) -> Any:
    """The sum of `compare(loss, teacher, student)` over structures of one shape, losses that are None left out."""
    rows = zip(_flat(loss), tree.flatten(teacher), tree.flatten(student), strict=True)
    found = [compare(one, backend.convert_to_tensor(a), backend.convert_to_tensor(b)) for one, a, b in rows if one]
    return sum(found[1:], found[0])


def _mean(loss: Any, teacher: Any, student: Any) -> Any:
    """The mean of loss(teacher, student) over the rows of all replicas; a `Loss` sees to that itself."""
    mean = ops.mean(loss(teacher, student))
    return mean if isinstance(loss, losses.Loss) else part_of_mean(mean, student)


def _flat(loss: Any) -> list:
    return tree.flatten(loss) if isinstance(loss, list | tuple | dict) else [loss]


def _deserialized(config: Any) -> Any:
    if isinstance(config, dict) and "class_name" not in config:
        return {key: _deserialized(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [_deserialized(value) for value in config]
    return deserialize_keras_object(config, family="losses")
