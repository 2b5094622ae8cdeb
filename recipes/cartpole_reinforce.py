"""A cart learns to balance a pole by trying: what went well is done more often.

What:     a network says how probable it is to push left or right, and 16 carts play with these probabilities until they end.
          Then each push is made more probable where more came after it than for other carts at that time: the gradient of
          sum_t A_t log p(push_t | state_t), A_t = the discounted rewards from t on, less their mean over the carts, over
          their deviation (Williams 1992).
Why:      nobody knows the right push; and yet this is classification, with what came of a push as the weight of its row.
Data:     none; the game is CartPole-v1 of gymnasium (pip install "hornbook[rl]"): a point for each step until the pole
          falls, at the most 500.
Hardware: one CPU core, about half a minute.
Expect:   a mean of at least 400 points in 64 new games; measured: 498, 21 before.
Run:      python recipes/cartpole_reinforce.py
"""

from typing import Any

import numpy as np

import command_line

CARTS, LONGEST, DISCOUNT = 16, 500, 0.99


def build() -> Any:
    """Where the cart is, how fast, and both of the pole -> the probabilities of left and right."""
    import hornbook as keras
    from hornbook import layers

    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(64, "tanh"), layers.Dense(2, "softmax", kernel_initializer="zeros")]
    )


def play(model: Any, carts: int, rng: np.random.Generator, longest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Games side by side until all have ended: states (T, carts, 4), pushes (T, carts), and who still played (T, carts)."""
    import gymnasium

    games = gymnasium.make_vec("CartPole-v1", num_envs=carts, vectorization_mode="vector_entry_point")
    states = np.zeros((longest, carts, 4), "float32")
    pushes, playing = np.zeros((longest, carts), "int64"), np.zeros((longest, carts), bool)
    state, _ = games.reset(seed=int(rng.integers(2**31)))
    still = np.ones(carts, bool)
    for time in range(longest):
        push = (rng.random(carts) < model.predict_on_batch(state)[:, 1]).astype("int64")
        states[time], pushes[time], playing[time] = state, push, still
        state, _, fallen, out_of_time, _ = games.step(push)
        still = still & ~(fallen | out_of_time)
        if not still.any():
            break
    games.close()
    return states, pushes, playing


def advantages(playing: np.ndarray) -> np.ndarray:
    """A_t of each row, (T, carts): 0 where nobody plays, or nobody else does."""
    returns = np.zeros(playing.shape)
    later = np.zeros(playing.shape[1])
    for time in reversed(range(len(playing))):
        later = playing[time] * (1 + DISCOUNT * later)
        returns[time] = later
    mean = returns.mean(axis=1, keepdims=True)  # who has fallen gets nothing any more, and that counts
    return playing * (returns - mean) / (returns[playing].std() + 1e-8)


def main(arguments: Any) -> dict[str, Any]:
    """Play, learn, play again, and say how it went."""
    from hornbook_datasets import DataUnavailable

    try:
        import gymnasium  # noqa: F401
    except ImportError:
        raise DataUnavailable('The game is of gymnasium, which is not installed: pip install "hornbook[rl]".') from None

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    longest = 20 if arguments.smoke else LONGEST
    model = build()
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    points = []
    for epoch in range(2 if arguments.smoke else arguments.epochs):
        states, pushes, playing = play(model, arguments.batch_size, rng, longest)
        weights = advantages(playing) * playing.size / playing.sum()  # the mean is over the rows of who plays
        model.train_on_batch(states.reshape(-1, 4), pushes.ravel(), sample_weight=weights.ravel().astype("float32"))
        points.append(float(playing.sum(axis=0).mean()))
        if epoch % 10 == 9:
            print(f"After {epoch + 1} rounds: {np.mean(points[-10:]):.0f} points")
    _, _, playing = play(model, 64, rng, longest)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        model.save(arguments.out / "cartpole_reinforce.keras")
    return {
        "mean_return": float(playing.sum(axis=0).mean()),
        "mean_return_before": points[0],
        "history": {"points": points},
    }


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=60, batch_size=CARTS)
    command_line.run(main, options, at_least={"mean_return": 400})
