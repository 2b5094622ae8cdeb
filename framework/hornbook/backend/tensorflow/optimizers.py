"""What optimizers ask of TensorFlow: dense gradients, one decision for all replicas, kernels for a whole update.

The kernels are optional: a backend that has none runs the formula written in the optimizer. TensorFlow's do in one
operation what the formula does in ten to sixteen, which for small weights is most of the time of an update.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from hornbook.backend.tensorflow.services import _in_replica, replica_count

__all__ = [
    "adam_update",
    "dense_gradient",
    "gradient_descent_update",
    "has_update_kernels",
    "momentum_update",
    "rmsprop_update",
    "update_when",
]


def dense_gradient(gradient: Any) -> Any:
    """A gradient as a dense tensor: the rows that an embedding's gradient names twice are added up."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    if gradient.dense_shape is None:
        return tf.convert_to_tensor(gradient)
    rows = tf.cast(gradient.dense_shape[0], tf.int32)
    dense = tf.math.unsorted_segment_sum(gradient.values, gradient.indices, rows)
    return tf.ensure_shape(dense, [None, *gradient.values.shape[1:]])


def update_when(predicate: Any, update: Callable, otherwise: Callable) -> None:
    """Run `update()` where the scalar `predicate` holds, else `otherwise()`: all replicas go the same way.

    Under `tf.distribute` a branch may only hold updates of variables if the decision stands outside the replicas.
    """

    def run(branch: Callable) -> Callable:
        def run_and_forget() -> None:
            branch()

        return run_and_forget

    if not _in_replica() or replica_count() == 1:
        tf.cond(predicate, run(update), run(otherwise))
        return

    def decide(strategy: Any, predicate: Any) -> None:
        first = strategy.experimental_local_results(predicate)[0]
        each = strategy.extended.call_for_each_replica
        tf.cond(first, run(lambda: each(run(update))), run(lambda: each(run(otherwise))))

    tf.distribute.get_replica_context().merge_call(decide, args=(predicate,))


# ------------------------------------------------------------------------------------------------------- whole updates
def has_update_kernels(variable: Any) -> bool:
    """Whether the kernels below may write to a variable: one plain resource of floats, neither mirrored nor sharded."""
    stored = getattr(variable, "_value", variable)
    return (
        isinstance(stored, tf.Variable)
        and not isinstance(stored, tf.distribute.DistributedValues)
        and not tf.distribute.has_strategy()
        and hasattr(stored, "handle")
        and stored.dtype in (tf.float32, tf.float64)
    )


def gradient_descent_update(variable: Any, gradient: Any, learning_rate: Any) -> None:
    """w -= lr g."""
    delta = tf.convert_to_tensor(gradient)
    tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=learning_rate, delta=delta)


def momentum_update(
    variable: Any, velocity: Any, gradient: Any, learning_rate: Any, momentum: float, nesterov: bool
) -> None:
    """m = momentum m - lr g;  w += m, or with `nesterov` w += momentum m - lr g."""
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=variable.handle,
        accum=velocity.handle,
        lr=learning_rate,
        grad=gradient,
        momentum=tf.constant(momentum, gradient.dtype),
        use_nesterov=nesterov,
    )


def adam_update(
    variable: Any, m: Any, v: Any, gradient: Any, step_size: Any, beta_1: float, beta_2: float, epsilon: float
) -> None:
    """m += (1 - beta_1)(g - m);  v += (1 - beta_2)(g^2 - v);  w -= step_size m / (sqrt(v) + epsilon)."""
    dtype = gradient.dtype
    zero = tf.constant(0, dtype)  # the kernel's own correction of the bias; it is in the step size already
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=m.handle,
        v=v.handle,
        beta1_power=zero,
        beta2_power=zero,
        lr=step_size,
        beta1=tf.constant(beta_1, dtype),
        beta2=tf.constant(beta_2, dtype),
        epsilon=tf.constant(epsilon, dtype),
        grad=gradient,
    )


def rmsprop_update(
    variable: Any, v: Any, m: Any, gradient: Any, learning_rate: Any, rho: float, momentum: float, epsilon: float
) -> None:
    """v = rho v + (1 - rho) g^2;  m = momentum m + lr g / sqrt(v + epsilon);  w -= m.

    Without momentum there is no m (None) and no kernel for the whole: v and w descend one after the other.
    """
    dtype = gradient.dtype
    if m is None:
        gradient_descent_update(v, v - tf.square(gradient), tf.constant(1 - rho, dtype))
        gradient_descent_update(variable, gradient * tf.math.rsqrt(v + epsilon), learning_rate)
        return
    tf.raw_ops.ResourceApplyRMSProp(
        var=variable.handle,
        ms=v.handle,
        mom=m.handle,
        lr=learning_rate,
        rho=tf.constant(rho, dtype),
        momentum=tf.constant(momentum, dtype),
        epsilon=tf.constant(epsilon, dtype),
        grad=gradient,
    )
