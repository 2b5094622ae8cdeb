"""The same training written by hand in TensorFlow: one compiled call an epoch, nothing but the work. What `fit` is held to."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def mlp(x: np.ndarray, y: np.ndarray) -> Callable[[], None]:
    """An epoch of the perceptron 784-128-10: gather, forward, backward, Adam, mean loss and accuracy."""
    shapes = ((784, 128), (128,), (128, 10), (10,))
    weights = [tf.Variable(tf.random.uniform(shape, -0.1, 0.1)) for shape in shapes]

    def logits(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(x @ weights[0] + weights[1]) @ weights[2] + weights[3]

    return _epochs(x, y, weights, logits)


def lstm(x: np.ndarray, y: np.ndarray, units: int = 32) -> Callable[[], None]:
    """An epoch of a long short-term memory and a Dense(2) on (rows, time, features)."""
    features, time = x.shape[-1], x.shape[1]
    shapes = ((features, 4 * units), (units, 4 * units), (4 * units,), (units, 2), (2,))
    weights = [tf.Variable(tf.random.uniform(shape, -0.1, 0.1)) for shape in shapes]

    def logits(x: tf.Tensor) -> tf.Tensor:
        kernel, recurrent, bias, head, head_bias = weights
        projected = tf.TensorArray(tf.float32, time).unstack(tf.transpose(x @ kernel + bias, (1, 0, 2)))

        def step(t: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple:
            i, f, g, o = tf.split(projected.read(t) + h @ recurrent, 4, axis=-1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            return t + 1, tf.sigmoid(o) * tf.tanh(c), c

        zeros = tf.zeros((tf.shape(x)[0], units))
        _, h, _ = tf.while_loop(lambda t, *_: t < time, step, (0, zeros, zeros), maximum_iterations=time)
        return h @ head + head_bias

    return _epochs(x, y, weights, logits)


def _epochs(x: np.ndarray, y: np.ndarray, weights: list, logits: Callable) -> Callable[[], None]:
    rows, batch = len(x), 32
    data, labels = tf.constant(x), tf.constant(y)
    means, variances = ([tf.Variable(tf.zeros_like(w)) for w in weights] for _ in range(2))
    step = tf.Variable(0.0)
    loss_sum, correct = tf.Variable(0.0), tf.Variable(0.0)

    @tf.function(autograph=False)
    def epoch(order: tf.Tensor) -> tuple:
        loss_sum.assign(0.0)
        correct.assign(0.0)

        def body(i: tf.Tensor) -> tuple:
            chosen = order[i * batch : (i + 1) * batch]
            xb, yb = tf.gather(data, chosen), tf.gather(labels, chosen)
            with tf.GradientTape() as tape:
                z = logits(xb)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(yb, z))
            gradients = tape.gradient(loss, weights)
            step.assign_add(1.0)
            for w, m, v, g in zip(weights, means, variances, gradients, strict=True):
                tf.raw_ops.ResourceApplyAdam(
                    var=w.handle,
                    m=m.handle,
                    v=v.handle,
                    beta1_power=tf.pow(0.9, step),
                    beta2_power=tf.pow(0.999, step),
                    lr=1e-3,
                    beta1=0.9,
                    beta2=0.999,
                    epsilon=1e-7,
                    grad=g,
                )
            loss_sum.assign_add(loss)
            correct.assign_add(tf.reduce_sum(tf.cast(tf.argmax(z, -1) == yb, tf.float32)))
            return (i + 1,)

        tf.while_loop(lambda i: i < rows // batch, body, (0,), parallel_iterations=1)
        return loss_sum / (rows // batch), correct / rows

    rng = np.random.default_rng(0)
    return lambda: epoch(tf.constant(rng.permutation(rows)))
