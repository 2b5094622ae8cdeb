"""What is watched during training: `metrics.Mean()`, or by name in `compile(metrics=["accuracy"])`."""

from typing import Any

from hornbook.core.global_state import to_snake_case
from hornbook.core.registry import Family
from hornbook.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from hornbook.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from hornbook.metrics.base import Metric
from hornbook.metrics.confusion import (
    AUC,
    FalseNegatives,
    FalsePositives,
    Precision,
    PrecisionAtRecall,
    Recall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
)
from hornbook.metrics.f_score import F1Score, FBetaScore
from hornbook.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from hornbook.metrics.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    Hinge,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from hornbook.metrics.reduction import Mean, MeanMetricWrapper, Sum
from hornbook.metrics.regression import (
    ConcordanceCorrelation,
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    PearsonCorrelation,
    R2Score,
    RootMeanSquaredError,
    concordance_correlation,
    pearson_correlation,
)

_CLASSES = (
    *(Metric, Mean, Sum, MeanMetricWrapper),
    *(Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy),
    *(TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy),
    *(MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError),
    *(MeanSquaredLogarithmicError, LogCoshError, CosineSimilarity, PearsonCorrelation, ConcordanceCorrelation, R2Score),
    *(BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy, KLDivergence, Poisson),
    *(Hinge, SquaredHinge, CategoricalHinge),
    *(TruePositives, TrueNegatives, FalsePositives, FalseNegatives, Precision, Recall, AUC),
    *(SensitivityAtSpecificity, SpecificityAtSensitivity, PrecisionAtRecall, RecallAtPrecision),
    *(F1Score, FBetaScore, IoU, BinaryIoU, MeanIoU, OneHotIoU, OneHotMeanIoU),
)
_FUNCTIONS = (
    *(mean_squared_error, mean_absolute_error, mean_absolute_percentage_error, mean_squared_logarithmic_error),
    *(huber, log_cosh, kl_divergence, poisson, hinge, squared_hinge, categorical_hinge),
    *(binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy, categorical_focal_crossentropy),
    *(sparse_categorical_crossentropy, binary_accuracy, categorical_accuracy, sparse_categorical_accuracy),
    *(top_k_categorical_accuracy, sparse_top_k_categorical_accuracy, pearson_correlation, concordance_correlation),
)
family = Family(
    "metrics",
    base=Metric,
    members={
        **{function.__name__: function for function in _FUNCTIONS},
        **{to_snake_case(cls.__name__): cls for cls in _CLASSES},  # a name means the metric, not the function
        **{cls.__name__: cls for cls in _CLASSES},
        **dict.fromkeys(("mse", "MSE"), MeanSquaredError),
        **dict.fromkeys(("mae", "MAE"), MeanAbsoluteError),
        **dict.fromkeys(("mape", "MAPE"), MeanAbsolutePercentageError),
        **dict.fromkeys(("msle", "MSLE"), MeanSquaredLogarithmicError),
        **dict.fromkeys(("bce", "BCE"), BinaryCrossentropy),
        **dict.fromkeys(("kld", "KLD"), KLDivergence),
        "rmse": RootMeanSquaredError,
    },
)
family.functions.update({function.__name__: function for function in _FUNCTIONS})  # for configs that name a function
get, deserialize = family.get, family.deserialize


def serialize(metric: Any) -> Any:
    """A metric as a config (a built-in function as its name), which `deserialize` reads back.

    >>> import hornbook as keras
    >>> keras.metrics.serialize(keras.metrics.Accuracy())["class_name"]
    'Accuracy'
    """
    return family.serialize(metric)
