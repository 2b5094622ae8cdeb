"""Every layer, by one check: a row says how to make it and what to feed it; the check asks for all a layer owes."""

import copy
import json
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from hornbook import layers, tree
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.operation import infer
from hornbook.core.registry import deserialize_keras_object, register_keras_serializable, serialize_keras_object

try:
    import keras
except ImportError:  # the comparison is left out
    keras = None


@dataclass
class Row:
    """How to make a layer and what to feed it.

    `kwargs` may be a function of the package's `layers`, for arguments that are layers. `inputs` holds a shape for each
    positional argument; a list of shapes is one argument that is a list. `call` goes with every call by name.
    """

    name: str
    kwargs: Any = field(default_factory=dict)
    inputs: tuple = ((2, 3),)
    dtype: str = "float32"
    low: float = -2.0
    high: float = 2.0
    call: dict = field(default_factory=dict)
    mask: Any = None  # rides on the first input
    training: bool = False  # also compare with training=True
    skip: tuple = ()  # checks that do not apply

    def arguments(self, package: Any) -> dict:
        return self.kwargs(package) if callable(self.kwargs) else self.kwargs

    def make(self, package: Any, **more: Any) -> Any:
        return getattr(package, self.name)(**{"name": "layer", **self.arguments(package), **more})

    def data(self) -> list:
        rng = np.random.default_rng(7)

        def one(shape: Any) -> Any:
            if isinstance(shape, list):
                return [one(s) for s in shape]
            return rng.uniform(self.low, self.high, shape).astype(self.dtype)

        return [one(shape) for shape in self.inputs]

    def __str__(self) -> str:
        settings = {} if callable(self.kwargs) else self.kwargs
        detail = ",".join(f"{k}={getattr(v, '__name__', v)}" for k, v in settings.items())
        return f"{self.name}({detail})"


STEPS = np.array([[True, True, False, True], [False, True, False, False]])
SEQUENCE = {"inputs": ((2, 4, 3),), "mask": STEPS}
IMAGE = {"inputs": ((2, 6, 7, 3),)}
VOLUME = {"inputs": ((2, 4, 5, 6, 3),)}
PAIR = {"inputs": ([(2, 4, 3), (2, 4, 3)],)}
CELL = {"inputs": ((2, 3), [(2, 4)])}
ATTENTION = {"inputs": ((2, 4, 6), (2, 5, 6))}
OWN_DTYPE = ("mixed",)  # cells that are passed in keep the dtype they were made with
FIRST = ("parity",)  # kernels of the CPU take channels last only, those of the reference too
PICTURES = {"inputs": ((3, 7, 8, 3),), "low": 0.0, "high": 1.0}
NO_HSV = ("gradients",)  # through hue and saturation the reference has none
DRAWING = {"call": {"training": False}, "training": True, **PICTURES}  # at random: the same numbers from the same seed
UNIT = {"value_range": (0, 1)}
NUMBERS = {"dtype": "int32", "low": 0, "high": 5}


@register_keras_serializable("tests")
def doubled(x: Any, by: float = 2.0) -> Any:
    return x * by


@register_keras_serializable("tests")
def doubled_mask(inputs: Any, mask: Any) -> Any:
    return mask


if keras is not None:
    for function in (doubled, doubled_mask):
        keras.saving.register_keras_serializable("tests")(function)


def two_ways(merge_mode: str | None, name: str, **kwargs: Any) -> Callable:
    return lambda package: {"layer": getattr(package, name)(4, name="inner", **kwargs), "merge_mode": merge_mode}


ROWS = [
    # core
    Row("Dense", {"units": 4, "activation": "relu"}),
    Row("Dense", {"units": 4, "use_bias": False, "kernel_regularizer": "l2"}, **SEQUENCE),
    Row("Dense", {"units": 4, "activity_regularizer": "l1"}),
    Row("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 4, "bias_axes": "c"}),
    Row("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 2, 5), "bias_axes": "de"}, ((2, 4, 3),)),
    Row("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 4, "activation": "tanh"}, ((2, 5, 3),)),
    Row("EinsumDense", {"equation": "ab...,bc->ac...", "output_shape": (4,), "bias_axes": "c"}, ((2, 3, 5),)),
    Row("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (5, 4), "bias_axes": "bd"}, ((2, 5, 3),)),
    Row("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True}, ((2, 4),), **NUMBERS),
    Row("Embedding", {"input_dim": 5, "output_dim": 3}, ((2, 4),), **NUMBERS),
    Row("ReversibleEmbedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True}, ((2, 4),), **NUMBERS),
    Row("ReversibleEmbedding", {"input_dim": 5, "output_dim": 3}, ((2, 4, 3),), call={"reverse": True}),
    Row(
        "ReversibleEmbedding",
        {"input_dim": 5, "output_dim": 3, "tie_weights": False, "logit_soft_cap": 2.0, "reverse_dtype": "float32"},
        ((2, 4, 3),),
        call={"reverse": True},
        skip=("mixed",),
    ),
    Row("Lambda", {"function": doubled}),
    Row(
        "Lambda",
        {"function": doubled, "output_shape": (4, 3), "mask": doubled_mask, "arguments": {"by": 3.0}},
        **SEQUENCE,
    ),
    Row("Identity", **SEQUENCE),
    Row("Identity", inputs=((2, 4),), **NUMBERS),
    Row("Masking", {"mask_value": 1}, ((2, 4, 1),), low=0, high=2, dtype="int32"),
    Row("Masking", {}, ((2, 4, 3),)),
    # convolution
    Row("Conv1D", {"filters": 4, "kernel_size": 3}, ((2, 8, 3),)),
    Row("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, ((2, 8, 3),)),
    Row("Conv1D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, ((2, 8, 3),)),
    Row("Conv1D", {"filters": 4, "kernel_size": 2, "data_format": "channels_first"}, ((2, 3, 8),), skip=FIRST),
    Row("Conv2D", {"filters": 4, "kernel_size": 3, "activation": "relu"}, **IMAGE),
    Row("Conv2D", {"filters": 4, "kernel_size": (2, 3), "strides": (2, 1), "padding": "same"}, **IMAGE),
    Row("Conv2D", {"filters": 4, "kernel_size": 2, "dilation_rate": (2, 1), "use_bias": False}, **IMAGE),
    Row("Conv2D", {"filters": 4, "kernel_size": 3, "groups": 2}, ((2, 6, 6, 4),)),
    Row("Conv2D", {"filters": 8, "kernel_size": 3, "groups": 4, "padding": "same"}, ((2, 6, 6, 4),)),
    Row("Conv1D", {"filters": 4, "kernel_size": 3, "groups": 4, "padding": "causal", "strides": 2}, ((2, 9, 4),)),
    Row("Conv2D", {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, ((2, 3, 6, 7),), skip=FIRST),
    Row("Conv3D", {"filters": 4, "kernel_size": (2, 3, 2), "strides": (1, 2, 1), "padding": "same"}, **VOLUME),
    Row("Conv3D", {"filters": 4, "kernel_size": 2, "dilation_rate": (1, 2, 2), "activation": "tanh"}, **VOLUME),
    Row("Conv3D", {"filters": 4, "kernel_size": 2, "data_format": "channels_first"}, **VOLUME, skip=FIRST),
    Row("Conv1DTranspose", {"filters": 4, "kernel_size": 3}, ((2, 8, 3),)),
    Row("Conv1DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, ((2, 8, 3),)),
    Row("Conv1DTranspose", {"filters": 4, "kernel_size": 3, "dilation_rate": 2}, ((2, 8, 3),), skip=FIRST),
    Row("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": (2, 1), "activation": "relu"}, **IMAGE),
    Row("Conv2DTranspose", {"filters": 4, "kernel_size": (2, 3), "strides": 2, "output_padding": (1, 0)}, **IMAGE),
    Row(
        "Conv2DTranspose",
        {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1, "use_bias": False},
        **IMAGE,
    ),
    Row("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, **IMAGE, skip=FIRST),
    Row("Conv3DTranspose", {"filters": 4, "kernel_size": 2, "strides": (2, 1, 2), "padding": "same"}, **VOLUME),
    Row("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "dilation_rate": 2}, ((2, 8, 3),)),
    Row("DepthwiseConv1D", {"kernel_size": 3, "strides": 2, "padding": "same"}, ((2, 8, 3),)),
    Row("DepthwiseConv2D", {"kernel_size": 3, "depthwise_regularizer": "l2", "activation": "relu"}, **IMAGE),
    Row("DepthwiseConv2D", {"kernel_size": (2, 3), "strides": 2, "padding": "same", "use_bias": False}, **IMAGE),
    Row("DepthwiseConv2D", {"kernel_size": 2, "data_format": "channels_first"}, **IMAGE, skip=FIRST),
    Row("SeparableConv1D", {"filters": 4, "kernel_size": 3, "dilation_rate": 2}, ((2, 8, 3),)),
    Row(
        "SeparableConv2D",
        {"filters": 4, "kernel_size": 3, "depth_multiplier": 2, "pointwise_regularizer": "l2"},
        **IMAGE,
    ),
    Row("SeparableConv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, **IMAGE),
    # pooling
    Row("MaxPooling1D", inputs=((2, 7, 3),)),
    Row("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, ((2, 7, 3),)),
    Row("MaxPooling2D", **IMAGE),
    Row("MaxPooling2D", {"pool_size": (3, 2), "strides": 1, "data_format": "channels_first"}, ((2, 3, 6, 7),)),
    Row("AveragePooling1D", {"pool_size": 2}, ((2, 7, 3),)),
    Row("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, **IMAGE),
    Row("GlobalAveragePooling1D", **SEQUENCE),
    Row("GlobalAveragePooling1D", {"data_format": "channels_first", "keepdims": True}, ((2, 3, 4),)),
    Row("GlobalAveragePooling2D", {"keepdims": True}, **IMAGE),
    Row("GlobalMaxPooling1D", inputs=((2, 4, 3),)),
    Row("GlobalMaxPooling2D", {"data_format": "channels_first"}, **IMAGE),
    Row("MaxPooling3D", {"pool_size": (1, 2, 3), "strides": (1, 1, 2), "padding": "same"}, **VOLUME),
    Row("MaxPooling3D", {"data_format": "channels_first"}, **VOLUME, skip=FIRST),
    Row("AveragePooling3D", {"pool_size": 2}, **VOLUME),
    Row("GlobalAveragePooling3D", {"data_format": "channels_first"}, **VOLUME),
    Row("GlobalMaxPooling3D", {"keepdims": True}, **VOLUME),
    Row("AdaptiveAveragePooling1D", {"output_size": 3}, ((2, 7, 3),)),
    Row("AdaptiveAveragePooling2D", {"output_size": (2, 3)}, **IMAGE),
    Row("AdaptiveAveragePooling3D", {"output_size": 2, "data_format": "channels_first"}, **VOLUME),
    Row("AdaptiveMaxPooling1D", {"output_size": 3, "data_format": "channels_first"}, ((2, 3, 7),)),
    Row("AdaptiveMaxPooling1D", {"output_size": 3}, ((2, 7, 3),), **NUMBERS),
    Row("AdaptiveMaxPooling2D", {"output_size": 4}, **IMAGE, skip=("parity",)),  # its gradient there is not written
    Row("AdaptiveMaxPooling3D", {"output_size": (4, 5, 2)}, **VOLUME),
    # normalization
    Row("BatchNormalization", training=True, **SEQUENCE),
    Row("BatchNormalization", {"axis": 1, "momentum": 0.7}, training=True, **IMAGE),
    Row("BatchNormalization", {"center": False, "scale": False}, ((8, 3),), training=True),
    Row("LayerNormalization", **SEQUENCE),
    Row("LayerNormalization", {"axis": [1, 2], "center": False}, ((2, 4, 3),)),
    Row("LayerNormalization", {"axis": 1, "scale": False}, ((2, 4, 3),)),
    Row("RMSNormalization", inputs=((2, 4, 3),)),
    Row("GroupNormalization", {"groups": 2}, ((2, 3, 5, 4),)),
    Row("GroupNormalization", {"groups": -1, "axis": 1}, ((2, 4, 3),)),
    Row("UnitNormalization", {"axis": (1, 2)}, **SEQUENCE),
    # recurrent
    Row("SimpleRNNCell", {"units": 4}, skip=("symbolic",), **CELL),
    Row("LSTMCell", {"units": 4}, ((2, 3), [(2, 4), (2, 4)]), skip=("symbolic",)),
    Row("GRUCell", {"units": 4}, skip=("symbolic",), **CELL),
    Row("GRUCell", {"units": 4, "reset_after": False, "use_bias": False}, skip=("symbolic",), **CELL),
    Row(
        "StackedRNNCells",
        lambda package: {"cells": [package.LSTMCell(4, name="a"), package.GRUCell(5, name="b")]},
        ((2, 3), [[(2, 4), (2, 4)], [(2, 5)]]),
        skip=("symbolic", *OWN_DTYPE),
    ),
    Row(
        "RNN",
        lambda package: {"cell": package.GRUCell(4, name="cell"), "return_sequences": True},
        skip=OWN_DTYPE,
        **SEQUENCE,
    ),
    Row(
        "RNN",
        lambda package: {
            "cell": [package.SimpleRNNCell(4, name="a"), package.LSTMCell(5, name="b")],
            "zero_output_for_mask": True,
            "return_sequences": True,
        },
        skip=("config", *OWN_DTYPE),  # the stack made here has a name of its own
        **SEQUENCE,
    ),
    Row("RNN", lambda package: {"cell": package.LSTMCell(4, name="cell"), "unroll": True}, skip=OWN_DTYPE, **SEQUENCE),
    Row("SimpleRNN", {"units": 4, "go_backwards": True, "return_sequences": True}, **SEQUENCE),
    Row("LSTM", {"units": 4}, **SEQUENCE),
    Row("LSTM", {"units": 4, "return_sequences": True, "return_state": True}, **SEQUENCE),
    Row("LSTM", {"units": 4, "go_backwards": True, "unit_forget_bias": False}, ((2, 4, 3),)),
    Row("LSTM", {"units": 4, "use_bias": False, "activation": "relu", "unroll": True}, ((2, 4, 3),)),
    Row("LSTM", {"units": 4, "dropout": 0.5, "seed": 3}, ((2, 4, 3),), training=True),
    Row("LSTM", {"units": 4, "dropout": 0.5, "recurrent_dropout": 0.4, "seed": 3}, ((2, 4, 3),), training=True),
    Row("GRU", {"units": 4, "return_state": True}, **SEQUENCE),
    Row("GRU", {"units": 4, "reset_after": False, "recurrent_dropout": 0.4, "seed": 3}, ((2, 4, 3),), training=True),
    Row("ConvLSTM1D", {"filters": 2, "kernel_size": 3}, ((2, 4, 6, 3),), mask=STEPS),
    Row(
        "ConvLSTM1D",
        {"filters": 2, "kernel_size": 3, "padding": "same", "strides": 2, "return_state": True, "use_bias": False},
        ((2, 3, 6, 2),),
    ),
    Row(
        "ConvLSTM2D",
        {
            "filters": 2,
            "kernel_size": (2, 3),
            "return_sequences": True,
            "dropout": 0.4,
            "recurrent_dropout": 0.3,
            "seed": 1,
        },
        ((2, 3, 5, 6, 2),),
        training=True,
    ),
    Row(
        "ConvLSTM2D", {"filters": 2, "kernel_size": 2, "data_format": "channels_first"}, ((2, 3, 2, 5, 6),), skip=FIRST
    ),
    Row(
        "ConvLSTM3D",
        {"filters": 2, "kernel_size": 2, "strides": (1, 2, 1), "go_backwards": True},
        ((1, 3, 4, 5, 3, 1),),
    ),
    # wrappers
    Row("TimeDistributed", lambda package: {"layer": package.Dense(4, name="inner")}, skip=OWN_DTYPE, **SEQUENCE),
    Row(
        "TimeDistributed",
        lambda package: {"layer": package.Conv1D(4, 2, name="inner")},
        ((2, 3, 4, 2),),
        skip=OWN_DTYPE,
    ),
    Row(
        "TimeDistributed",
        lambda package: {"layer": package.Dropout(0.4, seed=1, name="inner")},
        skip=OWN_DTYPE,
        training=True,
        **SEQUENCE,
    ),
    Row(
        "TimeDistributed",
        lambda package: {"layer": package.BatchNormalization(name="inner")},
        ((5, 2, 3),),
        skip=OWN_DTYPE,
        training=True,
    ),
    *[
        Row("Bidirectional", two_ways(mode, "LSTM", return_sequences=True), skip=OWN_DTYPE, **SEQUENCE)
        for mode in ("concat", "sum", "mul", "ave", None)
    ],
    Row("Bidirectional", two_ways("concat", "GRU", return_state=True), skip=OWN_DTYPE, **SEQUENCE),
    Row(
        "Bidirectional",
        two_ways(None, "LSTM", return_state=True, return_sequences=True),
        call={"initial_state": [np.full((2, 4), 0.1 * i, "float32") for i in range(4)]},
        skip=OWN_DTYPE,
        **SEQUENCE,
    ),
    Row("Bidirectional", two_ways("sum", "GRU", dropout=0.4, seed=1), ((2, 4, 3),), training=True, skip=OWN_DTYPE),
    Row(
        "Bidirectional",
        lambda package: {
            "layer": package.LSTM(4, name="one"),
            "backward_layer": package.GRU(4, go_backwards=True, name="other"),
        },
        skip=OWN_DTYPE,
        **SEQUENCE,
    ),
    Row(
        "SpectralNormalization",
        lambda package: {"layer": package.Dense(4, name="inner")},
        training=True,
        skip=OWN_DTYPE,
    ),
    Row(
        "SpectralNormalization",
        lambda package: {"layer": package.Conv2D(2, 3, name="inner"), "power_iterations": 3},
        training=True,
        skip=OWN_DTYPE,
        **IMAGE,
    ),
    Row(
        "SpectralNormalization",
        lambda package: {"layer": package.Embedding(5, 3, name="inner")},
        ((2, 4),),
        skip=(*OWN_DTYPE, "parity"),  # there the vectors are made integers, as the inputs are
        **NUMBERS,
    ),
    # attention
    Row("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, **ATTENTION),
    Row("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, ((2, 4, 6), (2, 4, 6)), mask=STEPS),
    Row(
        "MultiHeadAttention",
        {"num_heads": 2, "key_dim": 3, "value_dim": 5, "output_shape": (7, 8), "dropout": 0.4, "seed": 1},
        training=True,
        **ATTENTION,
    ),
    Row(
        "MultiHeadAttention",
        {"num_heads": 2, "key_dim": 3, "use_bias": False, "sliding_window": 2, "use_gate": True},
        ((2, 4, 6), (2, 4, 6)),
        call={"use_causal_mask": True},
    ),
    Row(
        "MultiHeadAttention",
        {"num_heads": 2, "key_dim": 3, "attention_axes": (1,)},
        ((2, 4, 5, 6), (2, 3, 5, 6)),
        skip=("mixed",),
    ),
    Row("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, call={"return_attention_scores": True}, **ATTENTION),
    Row("GroupQueryAttention", {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}, **ATTENTION),
    Row(
        "GroupQueryAttention",
        {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 1, "use_gate": True, "dropout": 0.3, "seed": 1},
        call={"use_causal_mask": True},
        training=True,
        **ATTENTION,
    ),
    Row("Attention", inputs=([(2, 4, 3), (2, 5, 3)],), mask=STEPS),
    Row(
        "Attention", {"use_scale": True, "dropout": 0.4, "seed": 1}, ([(2, 4, 3), (2, 5, 2), (2, 5, 3)],), training=True
    ),
    Row(
        "Attention",
        {"score_mode": "concat", "use_scale": True},
        ([(2, 4, 3), (2, 4, 3)],),
        call={"mask": [None, STEPS], "use_causal_mask": True, "return_attention_scores": True},
        skip=("symbolic",),  # the mask has a batch of its own
    ),
    Row("AdditiveAttention", {"dropout": 0.4, "seed": 1}, ([(2, 4, 3), (2, 5, 3)],), training=True),
    Row(
        "AdditiveAttention",
        {"use_scale": False},
        ([(2, 4, 3), (2, 4, 2), (2, 4, 3)],),
        call={"mask": [STEPS, STEPS]},
        skip=("symbolic",),
    ),
    # merging
    Row("Add", **PAIR),
    Row("Add", inputs=([(2, 4, 3), (2, 3), (2, 1, 3)],)),
    Row("Subtract", **PAIR),
    Row("Multiply", inputs=([(2, 4, 3), (2, 4, 1)],)),
    Row("Average", **PAIR),
    Row("Maximum", **PAIR),
    Row("Minimum", **PAIR),
    Row("Concatenate", **PAIR),
    Row("Concatenate", {"axis": 1}, ([(2, 4, 3), (2, 2, 3)],)),
    Row("Dot", {"axes": (2, 1)}, ([(2, 4, 3), (2, 3, 5)],)),
    Row("Dot", {"axes": 1, "normalize": True}, ([(2, 4), (2, 4)],)),
    # reshaping
    Row("Flatten", inputs=((2, 4, 3),)),
    Row("Flatten", {"data_format": "channels_first"}, ((2, 4, 3),)),
    Row("Reshape", {"target_shape": (-1, 2)}, ((2, 4, 3),)),
    Row("Reshape", {"target_shape": (6,)}, ((2, 2, 3),), **NUMBERS),
    Row("Permute", {"dims": (2, 1)}, ((2, 4, 3),)),
    Row("RepeatVector", {"n": 3}),
    Row("ZeroPadding1D", {"padding": (2, 1)}, ((2, 4, 3),)),
    Row("ZeroPadding2D", {"padding": ((1, 0), (2, 3))}, **IMAGE),
    Row("ZeroPadding2D", {"padding": 1, "data_format": "channels_first"}, **IMAGE),
    Row("ZeroPadding3D", {"padding": ((1, 0), (0, 2), (1, 1))}, **VOLUME),
    Row("ZeroPadding3D", {"padding": 1, "data_format": "channels_first"}, **VOLUME),
    Row("Cropping1D", {"cropping": (1, 0)}, ((2, 4, 3),)),
    Row("Cropping2D", {"cropping": (1, 2)}, **IMAGE),
    Row("Cropping3D", {"cropping": (0, 1, 2)}, **VOLUME),
    Row("Cropping3D", {"cropping": ((0, 1), (1, 1), (0, 0)), "data_format": "channels_first"}, **VOLUME),
    Row("UpSampling1D", {"size": 3}, ((2, 4, 3),)),
    Row("UpSampling2D", {"size": (2, 3)}, **IMAGE),
    Row("UpSampling2D", {"interpolation": "bilinear"}, skip=("mixed",), **IMAGE),
    Row("UpSampling3D", {"size": (1, 2, 3)}, **VOLUME),
    # regularization
    Row("Dropout", {"rate": 0.4, "seed": 1}, training=True, **SEQUENCE),
    Row("Dropout", {"rate": 0.4, "seed": 1, "noise_shape": (None, 1, 3)}, ((2, 4, 3),), training=True),
    Row("SpatialDropout1D", {"rate": 0.4, "seed": 1}, training=True, **SEQUENCE),
    Row("SpatialDropout2D", {"rate": 0.4, "seed": 1}, training=True, **IMAGE),
    Row("SpatialDropout2D", {"rate": 0.4, "seed": 1, "data_format": "channels_first"}, training=True, **IMAGE),
    Row("SpatialDropout3D", {"rate": 0.4, "seed": 1}, training=True, **VOLUME),
    Row("AlphaDropout", {"rate": 0.4, "seed": 1}, training=True, **SEQUENCE),
    Row("AlphaDropout", {"rate": 0.4, "seed": 1, "noise_shape": (None, 1, 3)}, ((2, 4, 3),), training=True),
    Row("GaussianNoise", {"stddev": 0.4, "seed": 1}, training=True, **SEQUENCE),
    Row("GaussianDropout", {"rate": 0.4, "seed": 1}, training=True, **SEQUENCE),
    Row("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, **SEQUENCE),
    # activations
    Row("Activation", {"activation": "gelu"}, **SEQUENCE),
    Row("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, **SEQUENCE),
    Row("LeakyReLU", {"negative_slope": 0.1}, **SEQUENCE),
    Row("PReLU", {"shared_axes": [1]}, **SEQUENCE),
    Row("ELU", {"alpha": 0.5}, **SEQUENCE),
    Row("Softmax", {}, ((2, 4),), mask=STEPS),
    Row("Softmax", {"axis": (1, 2)}, ((2, 4, 3),)),
    # preprocessing
    Row("Rescaling", {"scale": 0.5, "offset": [1.0, 2.0, 3.0]}, **SEQUENCE),
    Row("Rescaling", {"scale": 1 / 255}, low=0, high=255, dtype="uint8"),
    Row("MelSpectrogram", {"fft_length": 64, "sequence_stride": 20, "num_mel_bins": 5}, ((2, 200),)),
    Row(
        "MelSpectrogram",
        {
            "fft_length": 32,
            "sequence_stride": 10,
            "sequence_length": 20,
            "window": "hamming",
            "sampling_rate": 8000,
            "num_mel_bins": 4,
            "max_freq": 3000.0,
            "mag_exp": 1.0,
            "ref_power": 2.0,
            "top_db": 6.0,
        },
        ((2, 100),),
    ),
    Row(
        "MelSpectrogram",
        {"fft_length": 32, "power_to_db": False, "num_mel_bins": 4},
        ((100,),),
        skip=("symbolic", "parity"),
    ),
    *[
        Row("STFTSpectrogram", {"mode": mode, "frame_length": 8}, ((2, 20, 1),))
        for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
    ],
    Row("STFTSpectrogram", {"frame_length": 7, "frame_step": 3, "fft_length": 16, "padding": "same"}, ((2, 20, 2),)),
    Row("STFTSpectrogram", {"mode": "stft", "frame_length": 8, "expand_dims": True, "scaling": None}, ((2, 20, 2),)),
    Row("STFTSpectrogram", {"frame_length": 8, "data_format": "channels_first"}, ((2, 3, 20),), skip=FIRST),
    Row("Normalization", **SEQUENCE),
    Row("Normalization", {"axis": None, "invert": True}),
    Row("Normalization", {"mean": [1.0, 2.0, 3.0], "variance": [1.0, 4.0, 0.0]}),
    Row("Normalization", {"axis": 1, "mean": [0.1, 0.2], "variance": [1.0, 4.0]}, ((3, 2, 4),)),
    # images
    Row("Resizing", {"height": 4, "width": 9, "interpolation": "bicubic", "antialias": True}, **PICTURES),
    Row("Resizing", {"height": 4, "width": 9, "crop_to_aspect_ratio": True}, **PICTURES),
    Row("Resizing", {"height": 9, "width": 4, "pad_to_aspect_ratio": True, "fill_value": 0.5}, **PICTURES),
    Row("Resizing", {"height": 3, "width": 5, "data_format": "channels_first"}, skip=("mixed",), **PICTURES),
    Row("CenterCrop", {"height": 4, "width": 5}, **PICTURES),
    Row("CenterCrop", {"height": 10, "width": 5}, **PICTURES),
    Row("RandomFlip", {"seed": 1}, **DRAWING),
    Row("RandomFlip", {"mode": "vertical", "seed": 1}, **DRAWING),
    Row("RandomRotation", {"factor": 0.2, "seed": 1}, **DRAWING),
    Row("RandomRotation", {"factor": (0.1, 0.1), "fill_mode": "constant", "fill_value": 0.5}, **PICTURES),
    Row("RandomZoom", {"height_factor": 0.3, "seed": 1}, **DRAWING),
    Row("RandomZoom", {"height_factor": (-0.2, -0.2), "width_factor": (0.3, 0.3), "fill_mode": "wrap"}, **PICTURES),
    Row("RandomTranslation", {"height_factor": 0.3, "width_factor": (-0.2, 0.1), "seed": 1}, **DRAWING),
    Row("RandomTranslation", {"height_factor": (0.2, 0.2), "width_factor": 0.0}, **PICTURES),
    Row("RandomShear", {"x_factor": 0.3, "y_factor": (0.1, 0.2), "seed": 1}, **DRAWING),
    Row("RandomShear", {"x_factor": 0.3, "fill_mode": "constant"}, call={"training": False}, **PICTURES),
    Row("RandomPerspective", {"factor": 0.7, "scale": 0.4, "seed": 1}, **DRAWING),
    Row("RandomElasticTransform", {"scale": (0.4, 1.0), "fill_mode": "nearest", "seed": 1, **UNIT}, **DRAWING),
    Row("RandomCrop", {"height": 4, "width": 5, "seed": 1}, skip=("symbolic",), **DRAWING),
    Row("RandomContrast", {"factor": 0.4, "seed": 1, **UNIT}, **DRAWING),
    Row("RandomContrast", {"factor": (0.0, 0.4), "seed": 1, **UNIT}, **DRAWING),
    Row("RandomBrightness", {"factor": 0.4, "seed": 1, **UNIT}, **DRAWING),
    Row("RandomBrightness", {"factor": (0.2, 0.2), **UNIT}, **PICTURES),
    Row("RandomHue", {"factor": 0.4, "seed": 1, **UNIT}, skip=NO_HSV, **DRAWING),
    Row("RandomSaturation", {"factor": (0.1, 0.45), "seed": 1, **UNIT}, skip=NO_HSV, **DRAWING),
    Row("RandomSharpness", {"factor": 0.9, "seed": 1, **UNIT}, **DRAWING),
    Row("RandomGaussianBlur", {"factor": 0.7, "kernel_size": 5, "sigma": (0.5, 1.5), "seed": 1, **UNIT}, **DRAWING),
    Row("RandomGrayscale", {"seed": 1}, **DRAWING),
    Row("RandomGrayscale", {"factor": 1.0}, **PICTURES),
    Row("RandomInvert", {"seed": 1, **UNIT}, **DRAWING),
    Row("RandomPosterization", {"factor": 6, "seed": 1, **UNIT}, **DRAWING),
    Row("RandomColorDegeneration", {"factor": 0.6, "seed": 1, **UNIT}, **DRAWING),
    Row(
        "RandomColorJitter",
        {"brightness_factor": 0.1, "contrast_factor": 0.2, "saturation_factor": (0.2, 0.4), "seed": 1, **UNIT},
        skip=NO_HSV,
        **DRAWING,
    ),
    Row("RandomErasing", {"seed": 1, **UNIT}, **DRAWING),
    Row("RandomErasing", {"factor": (1.0, 1.0), "scale": 0.4, "fill_value": 0.3, "seed": 1}, **DRAWING),
    Row("AutoContrast", UNIT, **PICTURES),
    Row("Equalization", UNIT, ((1, 7, 8, 3),), low=0.0, high=1.0),
    Row("Solarization", {"addition_factor": 0.3, "threshold_factor": 0.8, "seed": 1, **UNIT}, **DRAWING),
    Row("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 3), **UNIT}, **PICTURES),
    Row("MixUp", {"alpha": 0.4}, call={"training": False}, **PICTURES),
    Row("CutMix", {"factor": 0.8}, call={"training": False}, **PICTURES),
    Row("AugMix", {"chain_depth": 1, "all_ops": False, **UNIT}, call={"training": False}, **PICTURES),
    Row("RandAugment", {"factor": (0.2, 0.7), **UNIT}, call={"training": False}, **PICTURES),
    Row("MaxNumBoundingBoxes", {"max_number": 3}, **PICTURES),
    Row(
        "Pipeline",
        lambda package: {
            "layers": [
                package.RandomFlip(seed=1, name="a"),
                package.RandomBrightness(0.1, value_range=(0, 1), seed=1, name="b"),
                package.Resizing(4, 5, name="c"),
            ]
        },
        skip=("mixed",),
        call={"training": False},
        **PICTURES,
    ),
]
TESTED_ELSEWHERE = {
    "InputLayer": "test_models",
    "StringLookup": "below",
    "TextVectorization": "below",
    "Wrapper": "below",
    "CategoryEncoding": "test_preprocessing",
    "Discretization": "test_preprocessing",
    "HashedCrossing": "test_preprocessing",
    "Hashing": "test_preprocessing",
    "IntegerLookup": "test_preprocessing",
    "FlaxLayer": "below",
    "JaxLayer": "below",
    "TFSMLayer": "below",
    "TorchModuleWrapper": "below",
}


# ------------------------------------------------------------------------------------------------------- the check
def numbers(x: Any) -> list:
    return [np.asarray(tf.cast(t, "float32")) for t in tree.flatten(x)]


def close(ours: Any, theirs: Any, tolerance: float = 1e-5) -> None:
    ours, theirs = tree.flatten(ours), tree.flatten(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(numbers(ours), numbers(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def close_gradients(ours: list, theirs: list) -> None:
    """Sums of large numbers that cancel are as exact as the largest of them."""
    close(ours, theirs, 1e-5 * max(1.0, *(float(np.abs(g).max(initial=0)) for g in numbers(theirs)), 1.0))


def plain(config: Any) -> Any:
    return json.loads(json.dumps(config))


def tensors_of(row: Row) -> list:
    tensors = tree.map_structure(tf.constant, row.data())
    if row.mask is not None:
        tree.flatten(tensors)[0]._keras_mask = tf.constant(row.mask)
    return tensors


def with_random_weights(layer: Any) -> Any:
    rng = np.random.default_rng(3)
    layer.set_weights([rng.uniform(0.1, 1.0, w.shape).astype("float32") for w in layer.weights])
    return layer


def symbols_of(row: Row) -> list:
    return tree.map_structure(lambda x: KerasTensor((None, *x.shape[1:]), x.dtype.name), row.data())


def masks_of(outputs: Any) -> list:
    masks = [getattr(x, "_keras_mask", None) for x in tree.flatten(outputs)]
    return [None if m is None else np.asarray(m).tolist() for m in masks]


def run(layer: Any, row: Row, **more: Any) -> tuple[Any, list]:
    """(outputs, gradients of a number made of them for the weights and the inputs)."""
    inputs = tensors_of(row)
    leaves = [x for x in tree.flatten(inputs) if x.dtype.is_floating]
    variables = [v._value if hasattr(v, "_store") else v.value for v in layer.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(leaves)
        outputs = layer(*inputs, **{**row.call, **more})
        floats = [tf.cast(y, "float32") for y in tree.flatten(outputs) if y.dtype.is_floating]
        target = tf.add_n([tf.reduce_sum(tf.sin(y) * 0.5 + y) for y in floats] + [tf.constant(0.0)])
    gradients = tape.gradient(target, [*variables, *leaves], unconnected_gradients="zero")
    return outputs, [tf.convert_to_tensor(g) for g in gradients]


def check_layer(row: Row) -> None:
    """All that a layer owes its users."""
    layer = row.make(layers)
    assert repr(layer).startswith(f"<{row.name} name=layer")
    outputs, _ = run(layer, row)
    with_random_weights(layer)
    outputs, gradients = run(layer, row)

    # What it says of its output, symbolically, is what comes out; what it declares is what tracing finds.
    if "symbolic" not in row.skip:
        for fresh in (layer, type(layer).from_config(layer.get_config())):
            symbols = fresh(*symbols_of(row), **row.call)
            for symbol, output in zip(tree.flatten(symbols), tree.flatten(outputs), strict=True):
                assert symbol.shape == (None, *output.shape[1:]), (symbol.shape, output.shape)
                assert symbol.dtype == output.dtype.name
        traced = infer(layer, tuple(symbols_of(row)), row.call)
        for symbol, found in zip(tree.flatten(symbols), tree.flatten(traced), strict=True):
            assert symbol.dtype == found.dtype and len(symbol.shape) == len(found.shape)
            pairs = zip(symbol.shape, found.shape, strict=True)
            assert all(a == b or None in (a, b) for a, b in pairs), (symbol.shape, found.shape)

    # Its config is data, and makes the same layer again.
    config = layer.get_config()
    again = deserialize_keras_object(plain(serialize_keras_object(layer)))
    assert plain(again.get_config()) == plain(config)
    assert [w.shape for w in again.weights] == [w.shape for w in layer.weights] or not again.weights
    if not again.built:
        again(*tensors_of(row), **row.call)
    again.set_weights(layer.get_weights())
    close(again(*tensors_of(row), **row.call), outputs)
    close(copy.deepcopy(layer)(*tensors_of(row), **row.call), outputs)
    close(pickle.loads(pickle.dumps(layer))(*tensors_of(row), **row.call), outputs)
    assert all(w.path.startswith("layer/") and w.path.endswith(w.name) for w in layer.weights)

    # Mixed precision: floats come out in the compute dtype, weights stay float32.
    if "mixed" not in row.skip:
        mixed = row.make(layers, dtype="mixed_bfloat16")
        half = mixed(*tensors_of(row), **row.call)
        expected = ["bfloat16" if y.dtype.is_floating else y.dtype.name for y in tree.flatten(outputs)]
        assert [y.dtype.name for y in tree.flatten(half)] == expected
        assert all(w.dtype == "float32" or not w.dtype.startswith("float") for w in mixed.weights)

    if keras is None:
        return
    theirs = row.make(keras.layers)
    if "config" not in row.skip:
        assert plain(row.make(layers).get_config()) == plain(theirs.get_config())
    if "parity" in row.skip:
        return
    run(theirs, row)
    assert [w.shape for w in layer.weights] == [tuple(w.shape) for w in theirs.weights]
    assert [w.name for w in layer.weights] == [w.name for w in theirs.weights]
    assert [w.trainable for w in layer.weights] == [w.trainable for w in theirs.weights]
    theirs.set_weights(layer.get_weights())
    if row.name == "Normalization":
        theirs.finalize_state()  # there the weights are read once
    their_outputs, their_gradients = run(theirs, row)
    close(outputs, their_outputs)
    assert [y.dtype.name for y in tree.flatten(outputs)] == [y.dtype.name for y in tree.flatten(their_outputs)]
    assert masks_of(outputs) == masks_of(their_outputs)
    if "gradients" not in row.skip:
        close_gradients(gradients, their_gradients)
    run(layer, row)  # `losses` are those of the latest call
    close(layer.losses, theirs.losses)
    if row.training:
        start, their_start = row.make(layers), row.make(keras.layers)
        for fresh in (start, their_start):  # their generators have drawn nothing yet
            fresh.build(*row.inputs)
            fresh.set_weights(layer.get_weights())
        ours, our_gradients = run(start, row, training=True)
        expected, expected_gradients = run(their_start, row, training=True)
        close(ours, expected)
        if "gradients" not in row.skip:
            close_gradients(our_gradients, expected_gradients)
        close(start.get_weights(), their_start.get_weights())


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_layer(row: Row) -> None:
    check_layer(row)


def test_every_layer_has_a_row() -> None:
    assert set(layers.family.classes) == {row.name for row in ROWS} | set(TESTED_ELSEWHERE)


@pytest.mark.skipif(keras is None, reason="needs keras as the reference")
def test_signatures_are_those_of_keras() -> None:
    import inspect

    wrapped_from_outside = {"lora_rank", "lora_alpha", "gptq_unpacked_column_size", "quantization_config"}
    for name, cls in layers.family.classes.items():
        ours = {k: p.default for k, p in inspect.signature(cls.__init__).parameters.items()}
        theirs = inspect.signature(getattr(keras.layers, name).__init__).parameters
        theirs = {k: p.default for k, p in theirs.items() if k not in wrapped_from_outside}
        assert list(ours.items()) == list(theirs.items()), name


# ----------------------------------------------------------------------------------------------------- the families
@pytest.mark.parametrize(
    ("name", "kwargs", "size"),
    [
        ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "strides": 2}, (2, 9, 3)),
        ("Conv2D", {"filters": 4, "kernel_size": 3, "padding": "same"}, (2, 6, 7, 3)),
        ("Conv3D", {"filters": 4, "kernel_size": 3}, (2, 4, 5, 6, 3)),
        ("Conv1DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2}, (2, 9, 3)),
        ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, (2, 6, 7, 3)),
        ("Conv3DTranspose", {"filters": 4, "kernel_size": 2, "strides": 2}, (2, 3, 4, 5, 3)),
        ("DepthwiseConv1D", {"kernel_size": 3, "dilation_rate": 2}, (2, 9, 3)),
        ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2, "strides": (2, 1)}, (2, 6, 7, 3)),
        ("SeparableConv1D", {"filters": 4, "kernel_size": 3}, (2, 9, 3)),
        ("SeparableConv2D", {"filters": 4, "kernel_size": 3, "padding": "same"}, (2, 6, 7, 3)),
        ("MaxPooling2D", {"pool_size": 2}, (2, 6, 7, 3)),
        ("AveragePooling1D", {"pool_size": 2, "padding": "same"}, (2, 7, 3)),
        ("MaxPooling3D", {"pool_size": 2}, (2, 4, 5, 6, 3)),
        ("AveragePooling3D", {"pool_size": 2, "padding": "same"}, (2, 4, 5, 6, 3)),
        ("AdaptiveAveragePooling2D", {"output_size": (2, 4)}, (2, 6, 7, 3)),
        ("AdaptiveMaxPooling3D", {"output_size": 3}, (2, 4, 5, 6, 3)),
        ("UpSampling2D", {"size": (2, 3)}, (2, 4, 5, 3)),
        ("UpSampling3D", {"size": (1, 2, 3)}, (2, 4, 5, 3, 3)),
        ("Cropping2D", {"cropping": (1, 2)}, (2, 6, 7, 3)),
    ],
)
def test_channels_first_is_the_same_with_the_axes_moved(name: str, kwargs: dict, size: tuple) -> None:
    x = np.random.default_rng(0).normal(size=size).astype("float32")
    last, first = getattr(layers, name)(**kwargs), getattr(layers, name)(data_format="channels_first", **kwargs)
    moved = np.moveaxis(x, -1, 1)
    expected = last(x).numpy()
    first.build(moved.shape)
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(np.moveaxis(first(moved).numpy(), 1, -1), expected, atol=1e-5)
    assert first.compute_output_shape(moved.shape) == tuple(first(moved).shape)


def test_embedding_starts_from_weights_and_masks_zero() -> None:
    table = np.arange(6, dtype="float32").reshape(3, 2)
    layer = layers.Embedding(3, 2, mask_zero=True, weights=[table])
    outputs = layer(np.array([[1.0, 0.0]]))
    np.testing.assert_array_equal(outputs[0], table[[1, 0]])
    assert outputs._keras_mask.numpy().tolist() == [[True, False]]
    with pytest.raises(ValueError, match="shape"):
        layers.Embedding(3, 2, weights=np.ones((2, 2)))


def test_batch_normalization_leaves_masked_steps_out() -> None:
    x, mask = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32"), STEPS
    layer = layers.BatchNormalization(momentum=0.0, epsilon=0.0)
    layer(x, training=True, mask=mask)
    np.testing.assert_allclose(layer.moving_mean.numpy(), x[mask].mean(0), atol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), x[mask].var(0), atol=1e-5)
    layer.trainable = False
    before = layer.get_weights()
    layer(x + 5, training=True)
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_stateful_recurrence_goes_on_where_it_stopped() -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    whole = layers.LSTM(4, return_sequences=True)
    expected = whole(x).numpy()
    halves = layers.LSTM(4, return_sequences=True, stateful=True)
    halves.build((2, 3, 3))
    halves.set_weights(whole.get_weights())
    np.testing.assert_allclose(np.concatenate([halves(x[:, :3]), halves(x[:, 3:])], 1), expected, atol=1e-6)
    halves.reset_state()
    np.testing.assert_allclose(halves(x[:, :3]), expected[:, :3], atol=1e-6)
    assert len(halves.weights) == 3
    with pytest.raises(ValueError, match="batch"):
        layers.LSTM(4, stateful=True)(KerasTensor((None, 3, 2)))


def test_recurrence_takes_states_and_cells_of_ones_own() -> None:
    class Adding(layers.Layer):
        state_size = 3

        def call(self, inputs: Any, states: Any) -> Any:
            return inputs + states[0], [states[0] + 1.0]

    x = np.zeros((2, 4, 3), "float32")
    output, state = layers.RNN(Adding(), return_state=True)(x, initial_state=[np.ones((2, 3), "float32")])
    assert output.numpy()[0, 0] == 4 and state.numpy()[0, 0] == 5
    with pytest.raises(ValueError, match="have shapes"):
        layers.LSTM(3)(x, initial_state=[np.ones((2, 3), "float32")])
    with pytest.raises(ValueError, match="state_size"):
        layers.RNN(layers.Dense(3))


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "SimpleRNNCell"])
def test_a_cell_keeps_its_dropout_masks_until_they_are_reset(name: str) -> None:
    def outputs(package: Any) -> list:
        cell = getattr(package, name)(4, dropout=0.5, recurrent_dropout=0.3, seed=1, kernel_initializer="ones",
                                      recurrent_initializer="ones")  # fmt: skip
        x, states = np.ones((2, 3), "float32"), [np.ones((2, 4), "float32")] * (2 if name == "LSTMCell" else 1)
        found = [cell(x, states, training=True)[0] for _ in range(2)]
        cell.reset_dropout_mask(), cell.reset_recurrent_dropout_mask()
        masks = [cell.get_dropout_mask(x), cell.get_recurrent_dropout_mask(states[0])]
        drawn = [m for mask in masks for m in (list(mask) if isinstance(mask, list) else [mask])]
        return [*found, cell(x, states, training=True)[0], *drawn]

    found = outputs(layers)
    close(found[0], found[1])
    if keras is not None:
        close(found, outputs(keras.layers))


def test_conv_lstm_with_sizes_found_at_run_time_and_kept_states() -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 5, 1)).astype("float32")
    layer = layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True)
    graph = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, None, 1))])
    expected = layer(x).numpy()
    np.testing.assert_allclose(graph(x), expected, atol=1e-6)
    halves = layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True, stateful=True)
    halves.build((2, 2, 6, 5, 1))
    halves.set_weights(layer.get_weights())
    np.testing.assert_allclose(np.concatenate([halves(x[:, :2]), halves(x[:, 2:])], 1), expected, atol=1e-6)
    halves.reset_states()
    np.testing.assert_allclose(halves(x[:, :2]), expected[:, :2], atol=1e-6)


def test_time_distributed_over_any_number_of_steps() -> None:
    layer = layers.TimeDistributed(layers.Embedding(5, 3))
    numbers_in = np.array([[[1, 2], [0, 4], [1, 1]]])
    expected = layer.layer(numbers_in)
    np.testing.assert_allclose(layer(numbers_in), expected)
    graph = tf.function(layer, input_signature=[tf.TensorSpec((None, None, 2), "int64")])
    np.testing.assert_allclose(graph(numbers_in), expected)
    states = layers.TimeDistributed(layers.LSTM(3, return_state=True))(np.ones((2, 4, 5, 3), "float32"))
    assert [tuple(s.shape) for s in states] == [(2, 4, 3)] * 3
    symbol = layers.TimeDistributed(layers.Conv2D(3, 2))(KerasTensor((None, None, None, 8, 3)))
    assert symbol.shape == (None, None, None, 7, 3)


def test_bidirectional_keeps_states_and_starts_from_weights() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 3)).astype("float32")
    layer = layers.Bidirectional(layers.GRU(4, stateful=True))
    first = layer(x).numpy()
    assert len(layer.states) == 2 and np.abs(layer(x).numpy() - first).max() > 1e-3
    layer.reset_states()
    np.testing.assert_allclose(layer(x), first, atol=1e-6)
    again = layers.Bidirectional(layers.GRU(4), weights=layer.get_weights())
    np.testing.assert_allclose(again(x), first, atol=1e-6)
    assert again.states is None


def test_a_lambda_layer_finds_shapes_and_takes_what_its_function_names() -> None:
    x = np.ones((2, 3), "float32")
    switched = layers.Lambda(lambda x, training=None: x * (2 if training else 1))
    assert switched(x, training=True).numpy()[0, 0] == 2 and switched(x).numpy()[0, 0] == 1
    symbol = KerasTensor((None, 3))
    assert [s.shape for s in layers.Lambda(lambda x: [x, x[:, :1]])(symbol)] == [(None, 3), (None, 1)]
    assert layers.Lambda(lambda x: tf.cast(x, "int32"))(symbol).dtype == "int32"
    assert layers.Lambda(lambda x: x[0] + x[1], output_shape=lambda shapes: shapes[0])([symbol] * 2).shape == (None, 3)
    named = {"function": "doubled", "function_type": "function", "module": "somewhere"}  # as Keras 2 wrote it
    assert layers.Lambda.from_config(named, custom_objects={"doubled": doubled}).function is doubled


@pytest.mark.skipif(keras is None, reason="needs keras as the reference")
def test_a_mask_given_by_hand_goes_on_with_the_output() -> None:
    x = np.ones((2, 4, 3), "float32")
    for package in (layers, keras.layers):
        assert masks_of(package.LSTM(3, return_sequences=True)(x, mask=STEPS)) == [STEPS.tolist()]


class Scaling(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.factor = tf.Variable(2.0, name="factor")

    @tf.function(input_signature=[tf.TensorSpec((None, 3), name="x")])
    def scaled(self, x: Any) -> Any:
        return x * self.factor

    @tf.function(input_signature=[tf.TensorSpec((None, 3), name="x")])
    def in_training(self, x: Any) -> Any:
        return x * self.factor + 1.0


def test_a_saved_model_as_a_layer(tmp_path: Any) -> None:
    module, x, folder = Scaling(), np.ones((2, 3), "float32"), str(tmp_path / "saved")
    tf.saved_model.save(module, folder, signatures={"serving_default": module.scaled})
    layer = layers.TFSMLayer(folder, call_endpoint="scaled", call_training_endpoint="in_training", name="layer")
    assert layer(x).numpy()[0, 0] == 2 and layer(x, training=True).numpy()[0, 0] == 3
    assert layer(KerasTensor((None, 3))).shape == (None, 3)
    assert [(w.name, w.shape, w.trainable) for w in layer.trainable_weights] == [("factor", (), True)]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x))
    assert tape.gradient(loss, layer.trainable_weights[0]._value) == 6
    layer.set_weights([np.array(5.0)])
    assert layer(x).numpy()[0, 0] == 5
    frozen = layers.TFSMLayer(folder, call_endpoint="serving_default", trainable=False)
    assert frozen.trainable_weights == [] and list(frozen(x)) == ["output_0"]
    config = layer.get_config()
    assert layers.TFSMLayer.from_config(config, safe_mode=False)(x).shape == (2, 3)
    if keras is not None:
        theirs = keras.layers.TFSMLayer(folder, "scaled", "in_training", name="layer")
        assert plain(config) == plain(theirs.get_config())
    with pytest.raises(ValueError, match="starts none"):
        deserialize_keras_object(plain(serialize_keras_object(layer)))
    with pytest.raises(ValueError, match="serving_default"):
        layers.TFSMLayer(folder)
    with pytest.raises(OSError, match="nowhere"):
        layers.TFSMLayer(tmp_path / "nowhere")


def test_a_wrapper_of_ones_own() -> None:
    class Twice(layers.Wrapper):
        def call(self, inputs: Any) -> Any:
            return self.layer(self.layer(inputs))

    layer = Twice(layers.Dense(3, name="inner"), name="layer")
    assert layer(np.ones((2, 3), "float32")).shape == (2, 3) and len(layer.weights) == 2
    assert Twice.from_config(plain(layer.get_config())).layer.units == 3
    if keras is not None:
        config = layers.Wrapper(layers.Dense(3, name="inner"), name="layer").get_config()
        assert plain(config) == plain(
            keras.layers.Wrapper(keras.layers.Dense(3, name="inner"), name="layer").get_config()
        )


@pytest.mark.parametrize("name", ["GRU", "LSTM"])
def test_recurrence_in_a_graph_equals_the_eager_one(name: str) -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    layer = getattr(layers, name)(4, dropout=0.5, seed=1, return_sequences=True)
    expected = layer(x).numpy()
    graph = tf.function(layer, input_signature=[tf.TensorSpec((None, None, 3))])
    np.testing.assert_allclose(graph(x), expected, atol=1e-6)


@pytest.mark.skipif(keras is None, reason="needs keras as the reference")
@pytest.mark.parametrize(
    "masks", [("value_mask",), ("key_mask",), ("attention_mask",), ("value_mask", "attention_mask")]
)
@pytest.mark.parametrize("with_scores", [False, True])
def test_attention_masks_as_keras(masks: tuple, with_scores: bool) -> None:
    rng = np.random.default_rng(0)
    query, value = rng.normal(size=(2, 3, 6)).astype("float32"), rng.normal(size=(2, 4, 6)).astype("float32")
    given = {
        "value_mask": STEPS,
        "key_mask": STEPS,
        "query_mask": STEPS[:, :3],
        "attention_mask": rng.uniform(size=(2, 3, 4)) > 0.5,
    }
    call = {**{name: given[name] for name in masks}, "return_attention_scores": with_scores}
    ours, theirs = layers.MultiHeadAttention(2, 3), keras.layers.MultiHeadAttention(2, 3)
    ours(query, value), theirs(query, value)
    theirs.set_weights(with_random_weights(ours).get_weights())
    close(ours(query, value, **call), theirs(query, value, **call))


def test_merging_functions_and_masks() -> None:
    a, b = np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])
    results = {name: getattr(layers, name)([a, b]).numpy().tolist() for name in
               ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate")}  # fmt: skip
    assert results == {
        "add": [[4, 6]],
        "subtract": [[-2, 2]],
        "multiply": [[3, 8]],
        "average": [[2, 3]],
        "maximum": [[3, 4]],
        "minimum": [[1, 2]],
        "concatenate": [[1, 4, 3, 2]],
    }
    assert layers.dot([a, b], axes=1).numpy().tolist() == [[11]]

    def masked(mask: Any) -> Any:
        x = tf.ones((2, 4, 3))
        if mask is not None:
            x._keras_mask = tf.constant(mask)
        return x

    everything = np.ones_like(STEPS)
    for layer, mask, expected in (
        (layers.Add(), ~STEPS, everything),
        (layers.Add(), None, None),
        (layers.Concatenate(), STEPS, STEPS),
        (layers.Concatenate(axis=1), None, np.concatenate([STEPS, everything], 1)),
        (layers.Dot(2), STEPS, None),
    ):
        (found,) = masks_of(layer([masked(STEPS), masked(mask)]))
        assert found == (None if expected is None else expected.tolist()), layer


# ---------------------------------------------------------------------------------------------------- preprocessing
@pytest.mark.parametrize("axis", [-1, None, (1, 2), 1])
def test_normalization_adapts(axis: Any) -> None:
    x = np.random.default_rng(0).normal(3, 5, size=(20, 4, 3)).astype("float32")
    layer, by_batches = layers.Normalization(axis=axis), layers.Normalization(axis=axis)
    layer.adapt(x)
    by_batches.adapt(tf.data.Dataset.from_tensor_slices(x).batch(7))
    outputs = layer(x).numpy()
    others = (0, 1, 2) if axis is None else tuple(i for i in range(3) if i not in np.atleast_1d(axis) % 3)
    np.testing.assert_allclose(outputs.mean(others), 0, atol=1e-5)
    np.testing.assert_allclose(outputs.std(others), 1, atol=1e-5)
    np.testing.assert_allclose(by_batches(x), outputs, atol=1e-5)
    if keras is not None:
        theirs = keras.layers.Normalization(axis=axis)
        theirs.adapt(x)
        close(layer.get_weights()[:2], theirs.get_weights()[:2])  # the third counts samples
        close(layer.mean, theirs.mean)
    inverse = layers.Normalization(axis=axis, invert=True)
    inverse.adapt(x)
    np.testing.assert_allclose(inverse(outputs), x, atol=1e-4)
    mapped = next(iter(tf.data.Dataset.from_tensor_slices(x).batch(20).map(layer)))
    np.testing.assert_allclose(mapped, outputs, atol=1e-6)


TEXTS = ["Foo bar, baz! foo", "bar foo qux", "FOO", "ärger Ärger; it's — ok"]
TEXT_ROWS = [
    {},
    {"max_tokens": 4},
    {"standardize": None},
    {"standardize": "lower"},
    {"standardize": "strip_punctuation"},
    {"standardize": tf.strings.upper},
    {"split": "character"},
    {"split": None},
    {"split": lambda x: tf.strings.split(x, "o")},
    {"ngrams": 2},
    {"ngrams": (2, 3)},
    {"output_sequence_length": 6},
    {"output_sequence_length": 2},
    {"ragged": True},
    {"output_mode": "multi_hot"},
    {"output_mode": "count"},
    {"output_mode": "tf_idf"},
    {"output_mode": "tf_idf", "max_tokens": 30, "pad_to_max_tokens": True},
    {"output_mode": "count", "max_tokens": 4},
]
NEW_TEXTS = ["foo foo nothing qux", "", "Bar", "ok it"]


@pytest.mark.parametrize("kwargs", TEXT_ROWS, ids=lambda kwargs: re.sub(" at 0x[0-9a-f]+", "", str(kwargs)))
def test_text_vectorization(kwargs: dict) -> None:
    layer = layers.TextVectorization(name="layer", **kwargs)
    layer.adapt(TEXTS)
    outputs = [layer(NEW_TEXTS), layer(np.array(NEW_TEXTS)), layer(tf.constant(NEW_TEXTS))]
    if kwargs.get("split", "") is not None:
        outputs.append(layer(tf.constant(NEW_TEXTS)[:, None]))
    lists = [y.to_list() if kwargs.get("ragged") else y.numpy().tolist() for y in outputs]
    assert all(y == lists[0] for y in lists)

    symbol = layer(KerasTensor((None,), "string"))
    assert symbol.dtype == outputs[0].dtype.name and len(symbol.shape) == len(outputs[0].shape)
    assert all(a in (None, b) for a, b in zip(symbol.shape, outputs[0].shape, strict=True))
    mapped = next(iter(tf.data.Dataset.from_tensor_slices(NEW_TEXTS).batch(4).map(layer)))
    assert (mapped.to_list() if kwargs.get("ragged") else mapped.numpy().tolist()) == lists[0]

    by_batches = layers.TextVectorization(**kwargs)
    by_batches.adapt(tf.data.Dataset.from_tensor_slices(TEXTS).batch(3))
    assert by_batches.get_vocabulary() == layer.get_vocabulary()
    if not any(callable(v) for v in kwargs.values()):
        again = deserialize_keras_object(plain(serialize_keras_object(layer)))
        assert plain(again.get_config() | {"vocabulary_size": 0}) == plain(layer.get_config() | {"vocabulary_size": 0})
        pickled = pickle.loads(pickle.dumps(layer))(NEW_TEXTS)
        assert (pickled.to_list() if kwargs.get("ragged") else pickled.numpy().tolist()) == lists[0]
    if keras is None:
        return
    theirs = keras.layers.TextVectorization(name="layer", **kwargs)
    theirs.adapt(TEXTS)
    assert layer.get_vocabulary() == [str(w) for w in theirs.get_vocabulary()]
    expected = theirs(NEW_TEXTS)
    assert outputs[0].dtype == expected.dtype
    if kwargs.get("ragged"):
        assert lists[0] == expected.to_list()
    else:
        np.testing.assert_allclose(outputs[0], expected, rtol=1e-5)
    if not any(callable(v) for v in kwargs.values()):
        assert plain(layer.get_config()) == plain(theirs.get_config())


@pytest.mark.parametrize("mode", ["int", "tf_idf"])
def test_text_vocabulary_is_kept_in_a_file(tmp_path: Any, mode: str) -> None:
    layer = layers.TextVectorization(output_mode=mode)
    layer.adapt(TEXTS)
    layer.save_assets(tmp_path / "assets")
    again = layers.TextVectorization(output_mode=mode)
    again.load_assets(tmp_path / "assets")
    weights: dict[str, Any] = {}  # of the words, for "tf_idf", which a file keeps as Keras does: as a variable
    layer._lookup_layer.save_own_variables(weights)
    assert bool(weights) == (mode == "tf_idf")
    again._lookup_layer.load_own_variables(weights)
    np.testing.assert_allclose(again(NEW_TEXTS), layer(NEW_TEXTS), rtol=1e-6)
    if keras is not None and mode == "int":
        theirs = keras.layers.TextVectorization()
        theirs.load_assets(str(tmp_path / "assets"))
        np.testing.assert_array_equal(theirs(NEW_TEXTS), layer(NEW_TEXTS))
    with pytest.raises(ValueError, match="vocabulary.txt"):
        again.load_assets(tmp_path)
    (tmp_path / "words").write_text("a\nb\n")
    from_file = layers.TextVectorization(vocabulary=str(tmp_path / "words"))
    assert from_file.get_vocabulary() == ["", "[UNK]", "a", "b"]
    assert from_file.get_config()["vocabulary"] == ["a", "b"]
    with pytest.raises(ValueError, match="paths"):
        layers.TextVectorization.from_config({**from_file.get_config(), "vocabulary": str(tmp_path / "words")})


def test_text_vectorization_can_be_adapted_again_after_it_was_compiled() -> None:
    layer = layers.TextVectorization(vocabulary=["a"])
    compiled = tf.function(layer)
    assert compiled(tf.constant(["a b"])).numpy().tolist() == [[2, 1]]
    layer.set_vocabulary(["b", "a"])
    assert compiled(tf.constant(["a b"])).numpy().tolist() == [[3, 2]]


LOOKUP_ROWS = [
    ({}, ["a", "z", "b"]),
    ({"num_oov_indices": 3}, ["a", "c", "d", "e", "f", "b"]),
    ({"num_oov_indices": 3, "salt": 7}, ["a", "c", "d", "e", "f", "b"]),
    ({"mask_token": ""}, ["a", "", "z"]),
    ({"mask_token": "m", "output_mode": "multi_hot"}, [["m", "a"], ["z", "b"]]),
    ({"output_mode": "one_hot"}, ["a", "z"]),
    ({"output_mode": "one_hot"}, [["a"], ["z"]]),
    ({"output_mode": "one_hot"}, [["a", "b"], ["z", "b"]]),
    ({"output_mode": "count"}, [["a", "a"], ["z", "b"]]),
    ({"output_mode": "tf_idf", "idf_weights": [1.0, 2.0]}, [["a", "a", "z"]]),
    ({"invert": True}, [1, 0, 2, 5]),
    ({"invert": True, "mask_token": ""}, [1, 0, 2]),
]


@pytest.mark.skipif(keras is None, reason="needs keras as the reference")
@pytest.mark.parametrize(("kwargs", "data"), LOOKUP_ROWS, ids=str)
def test_string_lookup_as_keras(kwargs: dict, data: list) -> None:
    ours = layers.StringLookup(vocabulary=["a", "b"], name="layer", **kwargs)
    theirs = keras.layers.StringLookup(vocabulary=["a", "b"], name="layer", **kwargs)
    assert plain(ours.get_config()) == plain(theirs.get_config())
    assert ours.get_vocabulary() == [str(w) for w in theirs.get_vocabulary()]
    outputs, expected = ours(data), theirs(data)
    assert outputs.dtype == expected.dtype
    assert outputs.numpy().tolist() == expected.numpy().tolist()
    symbol = ours(KerasTensor((None, *outputs.shape[1 : len(np.shape(data))]), "string"))
    assert symbol.dtype == outputs.dtype.name


# ----------------------------------------------------------------------------------------------------------- errors
ERRORS: list[tuple[Callable, type, str]] = [
    (lambda: layers.Dense(-1), ValueError, "units.*positive integer.*-1"),
    (lambda: layers.Dense(2.5), ValueError, "units"),
    (lambda: layers.Dense(2)(np.ones(3)), ValueError, "at least 2 axes"),
    (lambda: layers.Dense(2)(KerasTensor((None, None))), ValueError, "not known"),
    (lambda: layers.Dense(2, activation="rleu"), ValueError, "relu"),
    (lambda: layers.EinsumDense("ab->ab", 3)(np.ones((2, 2))), ValueError, "must look like"),
    (lambda: layers.EinsumDense("ab,bc->ad", 3)(np.ones((2, 2))), ValueError, "'d'"),
    (lambda: layers.Conv2D(0, 3), ValueError, "filters"),
    (lambda: layers.Conv2D(4, (3, 3, 3)), ValueError, "tuple of 2 integers"),
    (lambda: layers.Conv2D(4, 3, strides=2, dilation_rate=2), ValueError, "both"),
    (lambda: layers.Conv2D(4, 3, padding="causal"), ValueError, "padding"),
    (lambda: layers.Conv2D(4, 3, groups=3), ValueError, "groups must divide filters"),
    (lambda: layers.Conv2D(4, 3, groups=2)(np.ones((1, 5, 5, 3))), ValueError, "groups must divide the channels"),
    (lambda: layers.Conv2D(4, 7)(np.ones((1, 5, 5, 3))), ValueError, "no whole window"),
    (lambda: layers.Conv2D(4, 3)(np.ones((5, 5, 3))), ValueError, "at least 4 axes"),
    (lambda: layers.Conv2D(4, 3)(KerasTensor((None, 5, 5, None))), ValueError, "not known"),
    (lambda: layers.Conv2DTranspose(4, 3, strides=2, output_padding=2), ValueError, "output_padding must be less"),
    (lambda: layers.Conv2DTranspose(4, 3, strides=2, dilation_rate=2), ValueError, "both"),
    (lambda: layers.Conv1DTranspose(4, 4, padding="same", output_padding=0)(np.ones((1, 1, 3))), ValueError, "fit"),
    (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), ValueError, "depth_multiplier"),
    (lambda: layers.DepthwiseConv1D(9)(np.ones((1, 5, 3))), ValueError, "no whole window"),
    (lambda: layers.SeparableConv1D(4, 3, padding="causal"), ValueError, "padding"),
    (lambda: layers.MaxPooling2D(7)(np.ones((1, 5, 5, 3))), ValueError, "no whole window"),
    (lambda: layers.MaxPooling2D(0), ValueError, "pool_size"),
    (lambda: layers.AdaptiveMaxPooling2D((1, 2, 3)), ValueError, "tuple of 2 integers"),
    (lambda: layers.AdaptiveMaxPooling2D(2)(np.ones((1, 5, 3))), ValueError, "4 axes"),
    (lambda: layers.GlobalAveragePooling1D(data_format="x"), ValueError, "data_format"),
    (lambda: layers.BatchNormalization(renorm=True), ValueError, "renorm"),
    (lambda: layers.BatchNormalization(axis=7)(np.ones((2, 3))), ValueError, "axis 7"),
    (lambda: layers.LayerNormalization(axis="a"), TypeError, "axis"),
    (lambda: layers.GroupNormalization(3)(np.ones((2, 4))), ValueError, "groups must divide"),
    (lambda: layers.LSTM(0), ValueError, "units"),
    (lambda: layers.LSTM(2)(np.ones((2, 3))), ValueError, "3 axes"),
    (lambda: layers.LSTM(2, unroll=True)(KerasTensor((None, None, 3))), ValueError, "unroll"),
    (lambda: layers.RNN(3), ValueError, "state_size"),
    (lambda: layers.ConvLSTM2D(2, 7)(np.ones((1, 2, 5, 5, 1))), ValueError, "no whole window"),
    (lambda: layers.ConvLSTM2D(2, 3, strides=2, dilation_rate=2), ValueError, "both"),
    (lambda: layers.Wrapper(3), ValueError, "goes around a layer"),
    (lambda: layers.TimeDistributed(layers.Dense(2))(np.ones((2, 3))), ValueError, "at least 3 axes"),
    (lambda: layers.Bidirectional(layers.LSTM(2), merge_mode="max"), ValueError, "merge_mode"),
    (lambda: layers.Bidirectional(layers.Dense(2)), TypeError, "recurrent layer"),
    (lambda: layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2)), ValueError, "differ in go_backwards"),
    (lambda: layers.SpectralNormalization(layers.ReLU())(np.ones((2, 3))), ValueError, "neither"),
    (lambda: layers.MultiHeadAttention(0, 2), ValueError, "num_heads"),
    (lambda: layers.MultiHeadAttention(2, 2, dropout=0.1, flash_attention=True), ValueError, "flash_attention"),
    (lambda: layers.MultiHeadAttention(2, 2)(np.ones((2, 3, 4)), np.ones((2, 5))), ValueError, "number of axes"),
    (
        lambda: layers.MultiHeadAttention(2, 2)(np.ones((2, 3, 4)), np.ones((2, 5, 4)), key=np.ones((2, 6, 4))),
        ValueError,
        "same positions",
    ),
    (lambda: layers.Attention(score_mode="sum"), ValueError, "score_mode"),
    (lambda: layers.Attention()(np.ones((2, 3, 4))), ValueError, "list of 2 or 3"),
    (lambda: layers.Attention()([np.ones((2, 3, 4))] * 2, mask=np.ones((2, 3))), ValueError, "mask must be a list"),
    (lambda: layers.Lambda(3), TypeError, "function"),
    (lambda: layers.Lambda(lambda x: x).get_config(), ValueError, "never code"),
    (lambda: layers.Lambda.from_config({"function": {"class_name": "__lambda__", "config": {}}}), ValueError, "lambda"),
    (lambda: layers.Lambda.from_config({"function": ["4wEA", None, None]}), ValueError, "lambda"),
    (lambda: layers.Lambda.from_config({"function": "os.system"}), ValueError, "registered"),
    (lambda: layers.GroupQueryAttention(2, 3, 2), ValueError, "divide"),
    (lambda: layers.Add()(np.ones((2, 3))), ValueError, "list"),
    (lambda: layers.Add()([np.ones((2, 2, 3)), np.ones((2, 3, 3))]), ValueError, "do not broadcast"),
    (lambda: layers.Subtract()([np.ones((2, 3))] * 3), ValueError, "exactly 2"),
    (lambda: layers.Concatenate()([np.ones((2, 3)), np.ones((3, 3))]), ValueError, "joined"),
    (lambda: layers.Dot(1)([np.ones((2, 3)), np.ones((2, 4))]), ValueError, "differ"),
    (lambda: layers.Dot(1.5), TypeError, "axes"),
    (lambda: layers.Reshape((2, 4))(np.ones((2, 6))), ValueError, "cannot take shape"),
    (lambda: layers.Reshape((-1, -1)), ValueError, "-1"),
    (lambda: layers.Permute((0, 1)), ValueError, "dims"),
    (lambda: layers.RepeatVector(2.5), TypeError, "n="),
    (lambda: layers.ZeroPadding2D((1, 2, 3)), ValueError, "padding"),
    (lambda: layers.Cropping2D(((3, 3), (0, 0)))(np.ones((1, 5, 5, 1))), ValueError, "leaves nothing"),
    (lambda: layers.Dropout(2), ValueError, "rate"),
    (lambda: layers.AlphaDropout(1.0), ValueError, "below 1"),
    (lambda: layers.SpatialDropout2D(0.5)(np.ones((1, 5, 3))), ValueError, "4 axes"),
    (lambda: layers.GaussianNoise(-1), ValueError, "stddev"),
    (lambda: layers.ReLU(max_value=-1), ValueError, "max_value"),
    (lambda: layers.LeakyReLU(None), ValueError, "negative_slope"),
    (lambda: layers.STFTSpectrogram(mode="power"), ValueError, "mode"),
    (lambda: layers.STFTSpectrogram(frame_length=8, frame_step=9), ValueError, "frame_step"),
    (lambda: layers.STFTSpectrogram(frame_length=8, fft_length=7), ValueError, "fft_length"),
    (lambda: layers.Normalization(mean=1.0), ValueError, "go together"),
    (lambda: layers.Normalization(mean=[[1.0]], variance=[[1.0]]), ValueError, "at most 1 axes"),
    (lambda: layers.Normalization()(KerasTensor((None, None))), ValueError, "no known size"),
    (lambda: layers.TextVectorization(output_mode="x"), ValueError, "output_mode"),
    (lambda: layers.TextVectorization()(["a"]), RuntimeError, "no vocabulary"),
    (lambda: layers.TextVectorization(vocabulary=["a", "a"]), ValueError, "repeats"),
    (lambda: layers.TextVectorization(vocabulary=["a"]).adapt(["a"]), ValueError, "nothing to adapt"),
    (lambda: layers.TextVectorization(vocabulary=["a"])([["a", "b"]]), ValueError, "split=None"),
    (lambda: layers.TextVectorization(vocabulary=["a"])(np.ones(3)), TypeError, "text"),
    (lambda: layers.TextVectorization(vocabulary=["a", "b"], max_tokens=3), ValueError, "max_tokens=3"),
    (lambda: layers.TorchModuleWrapper(None), RuntimeError, "runs on tensorflow"),
    (lambda: layers.JaxLayer(lambda params, x: x), RuntimeError, "needs that backend"),
    (lambda: layers.FlaxLayer(None), RuntimeError, "FlaxLayer"),
    (lambda: layers.get("Dens"), ValueError, "Dense"),
]


@pytest.mark.parametrize(("attempt", "kind", "message"), ERRORS, ids=[row[2] for row in ERRORS])
def test_errors_say_what_was_expected(attempt: Callable, kind: type, message: str) -> None:
    with pytest.raises(kind, match=message):
        attempt()


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_the_written_gradient_of_lstm_is_that_of_the_plain_loop(go_backwards, masked):
    rng = np.random.default_rng(0)
    x, h, c = (tf.constant(rng.normal(size=size), "float32") for size in ((3, 5, 2), (3, 4), (3, 4)))
    mask = tf.constant([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 1]]) > 0 if masked else None
    weights, found = None, []
    for loop in (False, "auto"):
        layer = layers.LSTM(4, return_sequences=True, return_state=True, go_backwards=go_backwards, use_cudnn=loop)
        layer.build((3, 5, 2))
        weights = layer.get_weights() if weights is None else weights
        layer.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch([x, h, c])
            outputs = layer(x, initial_state=[h, c], mask=mask)
            scores = [tf.reduce_sum(tf.sin(3.0 * o) * tf.range(1.0, o.shape[-1] + 1.0)) for o in outputs]
            loss = tf.add_n(scores)
        found.append([loss, *outputs, *tape.gradient(loss, [*[w.value for w in layer.weights], x, h, c])])
    for plain, written in zip(*found, strict=True):
        np.testing.assert_allclose(plain, written, rtol=1e-4, atol=1e-5)


def test_dense_adds_its_bias_to_the_product_before_the_product_takes_a_shape_of_more_axes():
    """TensorFlow has a kernel for a product with a bias, and finds it where the one follows the other."""
    layer = layers.Dense(4, bias_initializer="normal")
    x = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")
    found = layer(x)
    expected = x @ layer.kernel.numpy() + layer.bias.numpy()
    graph = tf.function(layer).get_concrete_function(tf.TensorSpec((None, None, 5))).graph
    (added,) = [op for op in graph.get_operations() if op.type == "AddV2"]
    assert added.inputs[0].op.type == "MatMul"
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
