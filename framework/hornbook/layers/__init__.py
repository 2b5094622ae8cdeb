"""The layers, a family in a file.

core            Dense, EinsumDense, Embedding, Identity, Masking
convolution     Conv1D, Conv2D
pooling         Max, Average, GlobalAverage, GlobalMax
normalization   Batch, Layer, RMS, Group, Unit
recurrent       RNN; LSTM, GRU, SimpleRNN and their cells
attention       MultiHeadAttention, GroupQueryAttention
merging         Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot
reshaping       Flatten, Reshape, Permute, RepeatVector, ZeroPadding, Cropping, UpSampling
regularization  Dropout and other noise
activations     Activation, ReLU, LeakyReLU, PReLU, ELU, Softmax
preprocessing   Rescaling, Normalization
text            TextVectorization, StringLookup
"""

from typing import Any

from hornbook.core.input_layer import Input, InputLayer
from hornbook.core.layer import InputSpec, Layer
from hornbook.core.registry import Family
from hornbook.layers.activations import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from hornbook.layers.attention import GroupQueryAttention, MultiHeadAttention
from hornbook.layers.convolution import Conv1D, Conv2D, Convolution1D, Convolution2D
from hornbook.layers.core import Dense, EinsumDense, Embedding, Identity, Masking
from hornbook.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from hornbook.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from hornbook.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AvgPool1D,
    AvgPool2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPool1D,
    MaxPool2D,
    MaxPooling1D,
    MaxPooling2D,
)
from hornbook.layers.preprocessing import Normalization, Rescaling
from hornbook.layers.recurrent import (
    GRU,
    LSTM,
    RNN,
    GRUCell,
    LSTMCell,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
)
from hornbook.layers.regularization import (
    ActivityRegularization,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
)
from hornbook.layers.reshaping import (
    Cropping1D,
    Cropping2D,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from hornbook.layers.text import StringLookup, TextVectorization

family = Family(
    "layers",
    base=Layer,
    members={
        name: member
        for name, member in dict(globals()).items()
        if isinstance(member, type) and issubclass(member, Layer) and member is not Layer
    },
)
get, deserialize = family.get, family.deserialize


def serialize(layer: Any) -> Any:
    """A layer as a config, which `deserialize` reads back."""
    return family.serialize(layer)
