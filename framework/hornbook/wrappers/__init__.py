"""Models as scikit-learn estimators, for its pipelines, searches and cross-validation.

scikit-learn is imported when one of the names is first used.
"""

_NAMES = ("SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer")


def __getattr__(name: str) -> object:
    if name in _NAMES:
        from hornbook.wrappers import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module 'hornbook.wrappers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(_NAMES)
