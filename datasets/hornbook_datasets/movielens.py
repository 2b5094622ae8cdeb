"""MovieLens: how many stars people gave to films; 100,000 ratings of 1998, or the 100,836 of the newer small set.

Its licence forbids to pass the data on: they are downloaded from GroupLens when you call `load_data()`, and not before.
"""

import dataclasses
from typing import Any

import numpy as np

from hornbook_datasets.archives import read_member
from hornbook_datasets.files import fetch
from hornbook_datasets.info import Column, File, Info
from hornbook_datasets.splits import check_test_split
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows, read_rows, read_table, split_table

LARGEST = 1 << 24  # bytes; the largest table has 2.5 million
RATINGS = {"100k": 100000, "latest-small": 100836}
GENRES = (
    "unknown|Action|Adventure|Animation|Children's|Comedy|Crime|Documentary|Drama|Fantasy|Film-Noir|Horror|Musical|Mystery|"
    "Romance|Sci-Fi|Thriller|War|Western"
).split("|")
ORIGIN = "https://files.grouplens.org/datasets/movielens/"

COLUMNS = (
    Column("user", "int64", 0, "the number of who rated, from 1"),
    Column("movie", "int64", 0, "the number of the film, a key of `load_movies()`"),
    Column("timestamp", "int64", 0, "when, in seconds since 1970"),
)

INFO = Info(
    name="movielens",
    title="MovieLens",
    source="GroupLens Research, University of Minnesota: https://grouplens.org/datasets/movielens/",
    licence="for research, with the citation; not to be passed on or used commercially without GroupLens's permission",
    citation="F. M. Harper, J. A. Konstan. The MovieLens datasets: history and context. ACM Transactions on Interactive "
    "Intelligent Systems 5(4), 2015",
    examples={"all": RATINGS["100k"]},
    classes=(),
    files=(
        File(
            path="movielens/ml-100k.zip",
            sha256="50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
            size=4924029,
            urls=(ORIGIN + "ml-100k.zip",),
        ),
        File(
            path="movielens/ml-latest-small.zip",
            sha256="696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
            size=978202,
            urls=(ORIGIN + "ml-latest-small.zip",),
        ),
    ),
    columns=COLUMNS,
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, columns, files and their hashes.

    Example:

    >>> from hornbook_datasets import movielens
    >>> [file.path for file in movielens.info().files]
    ['movielens/ml-100k.zip', 'movielens/ml-latest-small.zip']
    """
    return INFO


def load_data(
    version: str = "100k", test_split: float = 0.2, seed: int = 113
) -> tuple[tuple[Any, np.ndarray], tuple[Any, np.ndarray]]:
    """Load the ratings, from `HORNBOOK_DATA`, the cache or the network.

    Args:
        version: "100k" for whole stars, 1 to 5, that 943 people gave to 1,682 films until 1998; "latest-small" for half
            stars, 0.5 to 5, that 610 people gave to 9,724 films until 2018.
        test_split: The share of the ratings to test on, in [0, 1).
        seed: Of the order of the ratings, and so of the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: dictionaries from each name in `INFO.columns` to an int64 array, `(80000,)`
        and `(20000,)` by default, and the stars of the same shapes in float32.

    Raises:
        ValueError: `version` is another word, `test_split` is outside [0, 1), or the archive is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import movielens
    >>> (x_train, y_train), (x_test, y_test) = movielens.load_data()  # doctest: +SKIP
    >>> movielens.RATINGS
    {'100k': 100000, 'latest-small': 100836}
    """
    if version not in RATINGS:
        raise ValueError(f"Expected version to be one of {sorted(RATINGS)}; received {version!r}.")
    check_test_split(test_split)
    member = f"ml-{version}/{'u.data' if version == '100k' else 'ratings.csv'}"
    content, where = _member(version, member)
    if version == "100k":
        content = b"userId,movieId,rating,timestamp\n" + content.replace(b"\t", b",")
    user, movie, timestamp = INFO.columns
    columns = [dataclasses.replace(user, name="userId"), dataclasses.replace(movie, name="movieId")]
    columns += [Column("rating", "float32", 0, "stars"), timestamp]
    table = read_table(content, where, columns)
    ratings = table.pop("rating")
    check_rows(len(ratings), RATINGS[version], where)
    if not ((ratings > 0) & (ratings <= 5)).all():
        raise ValueError(f"Expected ratings above 0 and up to 5 in {where}; found {ratings.min()} to {ratings.max()}.")
    named = {column.name: table[name] for column, name in zip(INFO.columns, table, strict=True)}
    return split_table(named, ratings, test_split, seed)


def load_movies(version: str = "100k") -> dict[int, tuple[str, tuple[str, ...]]]:
    """Load the titles and genres of the films.

    Args:
        version: As of `load_data`.

    Returns:
        For the number of each film its title, with the year, and its genres.

    Raises:
        ValueError: `version` is another word, or the archive is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import movielens
    >>> movielens.load_movies()[1]  # doctest: +SKIP
    ('Toy Story (1995)', ('Animation', "Children's", 'Comedy'))
    """
    if version not in RATINGS:
        raise ValueError(f"Expected version to be one of {sorted(RATINGS)}; received {version!r}.")
    movies = {}
    if version == "latest-small":
        content, where = _member(version, "ml-latest-small/movies.csv")
        for line, (number, title, genres) in read_rows(content, where, ("movieId", "title", "genres")):
            movies[_number(number, line, where)] = (title, tuple(genres.split("|")))
        return movies
    # Number, title, three columns about the release, and for each of 19 genres whether the film is of it, in Latin-1.
    content, where = _member(version, "ml-100k/u.item")
    names = ["movie", "title", "released", "video", "address", *GENRES]
    latin = content.decode("latin-1").encode()
    for line, row in read_rows(latin, where, names, header=False, delimiter="|", quoted=False):
        genres = tuple(genre for genre, mark in zip(GENRES, row[5:], strict=True) if mark == "1")
        movies[_number(row[0], line, where)] = (row[1], genres)
    return movies


def _number(text: str, line: int, where: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError(f"Expected the number of a film in line {line} of {where}; found {text[:80]!r}.")
    return int(text)


def _member(version: str, member: str) -> tuple[bytes, str]:
    path = fetch(INFO.files[list(RATINGS).index(version)], INFO.title)
    return read_member(path, member, LARGEST), f"{member} in {path}"


as_dataset = stream_maker(__name__)
