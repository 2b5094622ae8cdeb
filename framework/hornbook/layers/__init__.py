"""The layers, a family in a file.

core            Dense, EinsumDense, Embedding, ReversibleEmbedding, Identity, Masking
lambdas         Lambda
convolution     Conv; transposed_convolution: ConvTranspose; separable_convolution: SeparableConv, DepthwiseConv
pooling         Max, Average, GlobalAverage, GlobalMax; adaptive_pooling: AdaptiveAverage, AdaptiveMax
normalization   Batch, Layer, RMS, Group, Unit
recurrent       RNN; LSTM, GRU, SimpleRNN and their cells; ConvLSTM
wrappers        TimeDistributed, Bidirectional, SpectralNormalization
attention       MultiHeadAttention, GroupQueryAttention, Attention, AdditiveAttention
merging         Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot
reshaping       Flatten, Reshape, Permute, RepeatVector, ZeroPadding, Cropping, UpSampling
regularization  Dropout and other noise
activations     Activation, ReLU, LeakyReLU, PReLU, ELU, Softmax
preprocessing   Rescaling, Normalization
encoding        CategoryEncoding, Discretization, Hashing, HashedCrossing
lookup          StringLookup, IntegerLookup
text            TextVectorization
audio           MelSpectrogram, STFTSpectrogram
foreign         TFSMLayer; TorchModuleWrapper, JaxLayer, FlaxLayer
"""

from typing import Any

from hornbook.core.input_layer import Input, InputLayer
from hornbook.core.layer import InputSpec, Layer
from hornbook.core.registry import Family
from hornbook.layers.activations import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from hornbook.layers.adaptive_pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from hornbook.layers.attention import AdditiveAttention, Attention, GroupQueryAttention, MultiHeadAttention
from hornbook.layers.audio import MelSpectrogram, STFTSpectrogram
from hornbook.layers.augmentation import (
    AugMix,
    AutoContrast,
    ContrastLimitedAdaptiveHistogramEqualization,
    CutMix,
    Equalization,
    MaxNumBoundingBoxes,
    MixUp,
    Pipeline,
    RandAugment,
    RandomBrightness,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomCrop,
    RandomElasticTransform,
    RandomErasing,
    RandomFlip,
    RandomGaussianBlur,
    RandomGrayscale,
    RandomHue,
    RandomInvert,
    RandomPerspective,
    RandomPosterization,
    RandomRotation,
    RandomSaturation,
    RandomSharpness,
    RandomShear,
    RandomTranslation,
    RandomZoom,
    Solarization,
)
from hornbook.layers.convolution import Conv1D, Conv2D, Conv3D, Convolution1D, Convolution2D, Convolution3D
from hornbook.layers.core import Dense, EinsumDense, Embedding, Identity, Masking, ReversibleEmbedding
from hornbook.layers.encoding import CategoryEncoding, Discretization, HashedCrossing, Hashing
from hornbook.layers.foreign import FlaxLayer, JaxLayer, TFSMLayer, TorchModuleWrapper
from hornbook.layers.image import CenterCrop, Resizing
from hornbook.layers.lambdas import Lambda
from hornbook.layers.lookup import IntegerLookup, StringLookup
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
    AveragePooling3D,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from hornbook.layers.preprocessing import Normalization, Rescaling
from hornbook.layers.recurrent import (
    GRU,
    LSTM,
    RNN,
    ConvLSTM1D,
    ConvLSTM2D,
    ConvLSTM3D,
    GRUCell,
    LSTMCell,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
)
from hornbook.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from hornbook.layers.reshaping import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from hornbook.layers.separable_convolution import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
    SeparableConvolution1D,
    SeparableConvolution2D,
)
from hornbook.layers.text import TextVectorization
from hornbook.layers.transposed_convolution import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
    Convolution1DTranspose,
    Convolution2DTranspose,
    Convolution3DTranspose,
)
from hornbook.layers.wrappers import Bidirectional, SpectralNormalization, TimeDistributed, Wrapper

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
    """A layer as a config, which `deserialize` reads back.

    >>> import hornbook as keras
    >>> keras.layers.serialize(keras.layers.Dense(3))["config"]["units"]
    3
    """
    return family.serialize(layer)
