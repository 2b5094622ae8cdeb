"""A classifier, a regressor and a transformer for scikit-learn, each around a model."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hornbook import models
from hornbook.models import Model

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin, check_is_fitted
    from sklearn.preprocessing import OneHotEncoder
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import validate_data
except ImportError:
    raise ImportError(
        "The wrappers make models scikit-learn estimators, so they need scikit-learn 1.6 or later: "
        "pip install scikit-learn."
    ) from None

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


class _Estimator(BaseEstimator):
    """What the three have in common: making the model, fitting it, and the checks of scikit-learn.

    Args:
        model: a compiled model, of which a copy with fresh weights is fitted, or a function `model(X, y, **model_kwargs)`
            that makes one for the data; y is what the model will be given, one-hot rows for a classifier.
        warm_start: go on with the model of the last fit, or with the given one itself.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of the model's `fit`, such as epochs.
    """

    def __init__(
        self,
        model: Any,
        warm_start: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        fit_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Fit a model to data.

        Args:
            X: (examples, features).
            y: a label or number for each example.
            kwargs: arguments of the model's `fit`; they go before `fit_kwargs`.

        Returns:
            self, with `model_`, the fitted model, and `history_`, its History.
        """
        X, y = validate_data(self, X, y, dtype="numeric", multi_output=self._multi_output)
        targets = self._encoded(y)
        if not (self.warm_start and hasattr(self, "model_")):
            self.model_ = self._made(X, targets)
        self.history_ = self.model_.fit(X, targets, **{**(self.fit_kwargs or {}), **kwargs})
        return self

    _multi_output = True

    def _made(self, X: Any, targets: np.ndarray) -> Model:
        if isinstance(self.model, Model):
            model = self.model
            if not self.warm_start:
                model = models.clone_model(self.model)
                if self.model.compiled:
                    model.compile_from_config(self.model.get_compile_config())
        elif callable(self.model):
            model = self.model(X=X, y=targets, **(self.model_kwargs or {}))
        else:
            raise TypeError(f"`model` must be a model or a function that makes one, got {self.model!r}.")
        if not isinstance(model, Model):
            raise TypeError(f"The function `model` must give a model, but gave {type(model).__name__}.")
        if not model.compiled:
            raise RuntimeError("The model must be compiled: call compile(optimizer=..., loss=...) on it first.")
        return model

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        return self.model_.predict(X, verbose=0)

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        """What the model is fitted to: numbers, a row for each example."""
        self._flat = y.ndim == 1
        return y.reshape(len(y), -1)

    def _decoded(self, outputs: np.ndarray) -> np.ndarray:
        """What the outputs mean, in the form that y had."""
        return outputs[:, 0] if self._flat and outputs.ndim == 2 and outputs.shape[1] == 1 else outputs

    def predict(self, X: Any) -> np.ndarray:
        """A label or number for each example."""
        return self._decoded(self._outputs(X))


class SKLearnClassifier(ClassifierMixin, _Estimator):
    """A model as a classifier of scikit-learn. The model gives a number for each class.

    Args:
        model: a compiled model, of which a copy with fresh weights is fitted, or a function `model(X, y, **model_kwargs)`
            that makes one for the data; y are one-hot rows.
        warm_start: go on with the model of the last fit, or with the given one itself.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of the model's `fit`, such as epochs.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> def make(X, y):
    ...     model = keras.Sequential([keras.Input(X.shape[1:]), keras.layers.Dense(y.shape[1], activation="softmax")])
    ...     model.compile("adam", "categorical_crossentropy")
    ...     return model
    >>> X, y = np.array([[0.0], [1.0]]), np.array(["no", "yes"])
    >>> classifier = keras.wrappers.SKLearnClassifier(make, fit_kwargs={"epochs": 1, "verbose": 0}).fit(X, y)
    >>> classifier.classes_.tolist(), classifier.decision_function(X).shape
    (['no', 'yes'], (2, 2))
    """

    _multi_output = False

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        check_classification_targets(y)
        self._encoder = OneHotEncoder(sparse_output=False).fit(y.reshape(-1, 1))
        self.classes_ = self._encoder.categories_[0]
        if len(self.classes_) == 1:
            raise ValueError(f"A classifier needs examples of two classes or more; y holds one class, {y[0]!r}.")
        return np.asarray(self._encoder.transform(y.reshape(-1, 1)))

    def _decoded(self, outputs: np.ndarray) -> np.ndarray:
        return self.classes_[np.argmax(outputs, axis=1)]

    def decision_function(self, X: Any) -> np.ndarray:
        """The model's outputs (examples, classes): probabilities or logits, as the model gives them."""
        return self._outputs(X)


class SKLearnRegressor(RegressorMixin, _Estimator):
    """A model as a regressor of scikit-learn.

    Args:
        model: a compiled model, of which a copy with fresh weights is fitted, or a function `model(X, y, **model_kwargs)`
            that makes one for the data; y has a row for each example.
        warm_start: go on with the model of the last fit, or with the given one itself.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of the model's `fit`, such as epochs.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> regressor = keras.wrappers.SKLearnRegressor(model, fit_kwargs={"epochs": 1, "verbose": 0})
    >>> regressor.fit(np.ones((4, 1)), np.ones(4)).predict(np.ones((2, 1))).shape
    (2,)
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: Any) -> np.ndarray:
        """The number, or row of numbers, for each example, in float64 as scikit-learn wants it."""
        return super().predict(X).astype("float64")


class SKLearnTransformer(TransformerMixin, _Estimator):
    """A model as a transformer of scikit-learn: what it gives for the features takes their place.

    Args:
        model: a compiled model, of which a copy with fresh weights is fitted, or a function `model(X, y, **model_kwargs)`
            that makes one for the data; y has a row for each example.
        warm_start: go on with the model of the last fit, or with the given one itself.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of the model's `fit`, such as epochs.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(3)])
    >>> model.compile("adam", "mse")
    >>> X = np.ones((4, 3))
    >>> transformer = keras.wrappers.SKLearnTransformer(model, fit_kwargs={"epochs": 1, "verbose": 0})
    >>> transformer.fit(X, X).transform(X).shape
    (4, 3)
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # the outputs have the model's
        return tags

    def transform(self, X: Any) -> np.ndarray:
        """The model's outputs for each example."""
        return self._decoded(self._outputs(X))
