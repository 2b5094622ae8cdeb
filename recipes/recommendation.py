"""Foretell how many stars somebody gives to a film.

What:     matrix factorization: stars(u, f) = m + b_u + b_f + p_u . q_f, with a number and a short vector for each person and
          for each film, found from the stars that are known; large vectors are punished (Koren et al. 2009).
Why:      nobody says what a film is about; people who agree on some films do on others, and that is enough.
Data:     MovieLens, 100,000 ratings (Harper and Konstan 2015); with --tiny 30,000 that are made up here, of people with four
          tastes.
Hardware: one CPU core; --tiny about 10 seconds.
Expect:   --tiny: a root mean square error of at most 0.62 stars; measured: 0.59. The mean of all stars has 0.99, the numbers
          of persons and films without the vectors 0.84; what is left to chance (the noise, and stars in halves) is 0.52.
          MovieLens was not run here.
Run:      python recipes/recommendation.py --tiny
          python recipes/recommendation.py
"""

from typing import Any

import numpy as np

import command_line


def made_up(seed: int, people: int = 400, films: int = 300, ratings: int = 30_000, tastes: int = 4) -> Any:
    """(person, film) and stars in halves from 0.5 to 5, of people and films that lie in a space of tastes."""
    rng = np.random.default_rng(seed)
    person, film = rng.integers(people, size=ratings), rng.integers(films, size=ratings)
    likes, shows = rng.normal(0, 0.6, (people, tastes)), rng.normal(0, 0.6, (films, tastes))
    mild, good = rng.normal(0, 0.4, people), rng.normal(0, 0.4, films)
    stars = 3.3 + mild[person] + good[film] + np.sum(likes[person] * shows[film], axis=1)
    stars = np.clip(np.round(2 * (stars + rng.normal(0, 0.5, ratings))) / 2, 0.5, 5).astype("float32")
    cut = int(0.8 * ratings)
    return (np.stack([person, film], 1)[:cut], stars[:cut]), (np.stack([person, film], 1)[cut:], stars[cut:])


def load(tiny: bool, seed: int) -> Any:
    """`(x, y), (x_test, y_test)`: pairs of numbers from 0, and their stars."""
    if tiny:
        return made_up(seed)
    from hornbook_datasets import movielens

    train, test = movielens.load_data()
    return tuple((np.stack([x["user"], x["movie"]], axis=1), y) for x, y in (train, test))


def build(people: int, films: int, mean: float, width: int) -> Any:
    """The model; embeddings of width 1 are the numbers b_u and b_f, and with width 0 there are no vectors."""
    import hornbook as keras
    from hornbook import layers

    pair = keras.Input((2,), dtype="int32")
    person, film = pair[:, 0], pair[:, 1]
    b_person, b_film = (layers.Embedding(n, 1, embeddings_initializer="zeros") for n in (people, films))
    stars = b_person(person) + b_film(film) + mean  # (B, 1)
    if width:
        small = keras.regularizers.L2(1e-5)
        p, q = (layers.Embedding(n, width, embeddings_regularizer=small) for n in (people, films))
        stars = stars + layers.Dot(axes=1)([p(person), q(film)])
    return keras.Model(pair, stars)


def rmse(a: Any, b: Any) -> float:
    """sqrt(mean((a - b)^2))."""
    return float(np.sqrt(np.mean((np.asarray(a) - b) ** 2)))


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went."""
    (x_train, y_train), (x_test, y_test) = load(arguments.tiny, arguments.seed)
    people, films = np.maximum(x_train.max(axis=0), x_test.max(axis=0)) + 1
    if arguments.smoke:
        x_train, y_train = x_train[: 2 * arguments.batch_size], y_train[: 2 * arguments.batch_size]

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    mean = float(np.mean(y_train))
    epochs = 1 if arguments.smoke else arguments.epochs
    result: dict[str, Any] = {"rmse_of_the_mean": rmse(y_test, mean)}
    for name, width in (("rmse_without_vectors", 0), ("rmse", 8)):
        model = build(int(people), int(films), mean, width)
        model.compile(keras.optimizers.Adam(0.005), "mse")
        history = model.fit(x_train, y_train, batch_size=arguments.batch_size, epochs=epochs, verbose=2)
        result[name] = rmse(model.predict(x_test, batch_size=1024, verbose=0)[:, 0].clip(0.5, 5), y_test)
        result["history"] = history.history
    return result


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=20, batch_size=128)
    options = command_line.tiny(options, "ratings that are made up")
    command_line.run(main, options, at_most={"rmse": 0.62})
