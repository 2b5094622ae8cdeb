"""Where weights start: `initializers.GlorotUniform(seed=1)((3, 4))`, or by name in a layer."""

from typing import Any

from hornbook.core.registry import Family
from hornbook.initializers.base import Initializer
from hornbook.initializers.constant import STFT, Constant, Identity, Ones, Zeros
from hornbook.initializers.random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)

zeros, ones, constant, stft = Zeros, Ones, Constant, STFT
identity = IdentityInitializer = Identity
orthogonal = OrthogonalInitializer = Orthogonal
STFTInitializer = STFT
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform

family = Family(
    "initializers",
    base=Initializer,
    members={
        **{cls.__name__: cls for cls in (Zeros, Ones, Constant, Identity, STFT)},
        **{cls.__name__: cls for cls in (RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling, Orthogonal)},
        **{cls.__name__: cls for cls in (GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform)},
        "zero": Zeros,
        "one": Ones,
        "normal": RandomNormal,
        "uniform": RandomUniform,
        "IdentityInitializer": Identity,
        "OrthogonalInitializer": Orthogonal,
        "STFTInitializer": STFT,
    },
)
get, deserialize = family.get, family.deserialize


def serialize(initializer: Any) -> Any:
    """An initializer as a config, which `deserialize` reads back.

    >>> import hornbook as keras
    >>> keras.initializers.serialize(keras.initializers.Constant(2.0))["config"]
    {'value': 2.0}
    """
    return family.serialize(initializer)
