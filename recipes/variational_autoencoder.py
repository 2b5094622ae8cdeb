"""An autoencoder that can also make up digits: its bottleneck is a distribution.

What:     the encoder gives mean m and deviation s of 16 numbers z; the decoder makes a digit of a z that is drawn. The loss
          is -ELBO = -log p(x | z) + KL(N(m, s^2) || N(0, 1)), an upper bound of -log p(x) (Kingma and Welling 2013).
Why:      the KL term fills the space of z without holes, so that z drawn from N(0, 1) is a digit as well.
Data:     MNIST, 60,000 digits to learn from and 10,000 to test on (LeCun et al. 1998); grey values are probabilities of ink.
Hardware: one CPU core, less than two minutes.
Expect:   -ELBO of at most 103 nats per test digit; measured: 100.7, of which 19.5 are KL.
Run:      python recipes/variational_autoencoder.py --out vae
"""

from typing import Any

import numpy as np

import command_line

WIDTH = 16


def build() -> tuple[Any, Any]:
    """The whole, from digits to the logits of its pixels; and its second half, the decoder."""
    import hornbook as keras
    from hornbook import layers, ops

    class Draw(layers.Layer):
        """z = m + s e with e from N(0, 1), so that gradients reach m and s; its loss is KL = sum((m^2 + s^2 - 1) / 2 - log s)."""

        def __init__(self) -> None:
            super().__init__()
            self.seeds = keras.random.SeedGenerator()

        def call(self, inputs: Any) -> Any:
            mean, log_deviation = inputs
            deviation = ops.exp(log_deviation)
            kl = ops.sum((mean**2 + deviation**2 - 1) / 2 - log_deviation, axis=1)  # (B,)
            self.add_loss(ops.mean(kl))
            return mean + deviation * keras.random.normal(ops.shape(mean), seed=self.seeds)

    digits = keras.Input((784,))
    hidden = layers.Dense(256, "gelu")(layers.Dense(512, "gelu")(digits))
    z = Draw()([layers.Dense(WIDTH)(hidden), layers.Dense(WIDTH)(hidden)])
    decoder = keras.Sequential(
        [keras.Input((WIDTH,)), layers.Dense(256, "gelu"), layers.Dense(512, "gelu"), layers.Dense(784)]
    )
    return keras.Model(digits, decoder(z)), decoder


def ink(x: Any, logits: Any) -> Any:
    """-log p(x | z): the crossentropies of the pixels, summed; (B,)."""
    import hornbook as keras

    return 784 * keras.losses.binary_crossentropy(x, logits, from_logits=True)


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and make digits up."""
    from hornbook_datasets import mnist

    (x, _), (x_test, _) = mnist.load_data()
    if arguments.smoke:
        x, x_test = x[: 2 * arguments.batch_size], x_test[:100]
    x, x_test = (images.reshape(-1, 784).astype("float32") / 255 for images in (x, x_test))

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    model, decoder = build()
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(x) // arguments.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(0.002, steps)
    model.compile(keras.optimizers.Adam(rate), ink, metrics=[keras.metrics.MeanMetricWrapper(ink, name="ink")])
    history = model.fit(x, x, batch_size=arguments.batch_size, epochs=epochs)
    bound, ink_alone = model.evaluate(x_test, x_test, batch_size=500, verbose=0)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        decoder.save(arguments.out / "variational_autoencoder.keras")
        drawn = np.random.default_rng(arguments.seed).normal(size=(100, WIDTH)).astype("float32")
        logits = decoder.predict(drawn, verbose=0).reshape(10, 10, 28, 28).transpose(0, 2, 1, 3)
        keras.utils.save_img(arguments.out / "made_up.png", 1 / (1 + np.exp(-logits.reshape(280, 280, 1))))
    return {"negative_elbo": bound, "kl": bound - ink_alone, "history": history.history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=10, batch_size=128)
    command_line.run(main, options, at_most={"negative_elbo": 103})
