"""Computing in a short float type with weights in a long one: the names of `keras.mixed_precision`."""

from hornbook.core.dtype_policies import DTypePolicy, dtype_policy, set_dtype_policy
from hornbook.optimizers import LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
