"""Configs of Keras 2: the names of `keras.utils.legacy`."""

from hornbook.legacy.saving import deserialize_keras_object, serialize_keras_object

__all__ = ["deserialize_keras_object", "serialize_keras_object"]
