"""Splits as tf.data: what load_data() gives, in batches, in an order that is a function of the seed and the pass."""

import io
import zipfile

import numpy as np
import pytest
import tensorflow as tf

import hornbook as keras
from hornbook_datasets import (
    DataUnavailable,
    ag_news,
    catalogue,
    mnist,
    penguins,
    reuters,
    streams,
    tiny_reviews,
    tiny_shakespeare,
)


class Numbers:
    """A data set of a hundred numbers and their tenfold."""

    INFO = mnist.INFO

    @staticmethod
    def load_data(first=0):
        x = np.arange(first, first + 100)
        return (x, x * 10), (x[:7], x[:7] * 10)


def passes(dataset, count):
    return [np.concatenate([x for x, _ in dataset.as_numpy_iterator()]).tolist() for _ in range(count)]


def test_every_set_offers_it():
    for name in catalogue.names():
        module = catalogue.BY_NAME[name]
        assert module.as_dataset.__name__ == "as_dataset" and module.info() is module.INFO and module.INFO.name == name
        assert streams.split_names(module.INFO)[0] == "train" and len(streams.split_names(module.INFO)) == 2


def test_batches_are_the_rows_of_the_arrays():
    dataset = streams.as_dataset(Numbers, "test", 3)
    assert [x.tolist() for x, _ in dataset.as_numpy_iterator()] == [[0, 1, 2], [3, 4, 5], [6]]
    assert dataset.cardinality() == 3 and dataset.element_spec[0].dtype == tf.int64
    for x, y in streams.as_dataset(Numbers, "train", 32).as_numpy_iterator():
        np.testing.assert_array_equal(y, x * 10)
    assert passes(streams.as_dataset(Numbers, "test", 4, first=50), 1) == [[50, 51, 52, 53, 54, 55, 56]]


def test_the_order_is_a_function_of_the_seed_and_the_pass():
    first, second = passes(streams.as_dataset(Numbers, "train", 32, seed=1), 2)
    assert sorted(first) == sorted(second) == list(range(100)) and first != second != list(range(100))
    tf.random.set_seed(9)  # which is of no account
    np.random.seed(9)
    assert passes(streams.as_dataset(Numbers, "train", 32, seed=1), 2) == [first, second]
    assert passes(streams.as_dataset(Numbers, "train", 50, seed=1), 1) == [first]  # nor is the size of batches
    assert passes(streams.as_dataset(Numbers, "train", 32, seed=2), 1) != [first]
    assert passes(streams.as_dataset(Numbers, "train", 32, shuffle=False), 2) == [list(range(100))] * 2
    assert passes(streams.as_dataset(Numbers, "test", 32, shuffle=True), 1) != [list(range(7))]
    seeds = [passes(streams.as_dataset(Numbers, "train", 100, seed=seed), 1)[0] for seed in (0, 2**31, -1)]
    assert seeds[0] != seeds[1] != seeds[2] and all(sorted(order) == list(range(100)) for order in seeds)


def test_a_pass_that_nobody_read_counts():
    _, second = passes(streams.as_dataset(Numbers, "train", 32, seed=1), 2)
    dataset = streams.as_dataset(Numbers, "train", 32, seed=1)
    iter(dataset)
    assert passes(dataset, 1) == [second]


def test_two_replicas_share_the_batches():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    dataset = strategy.experimental_distribute_dataset(streams.as_dataset(Numbers, "train", 20, seed=1))
    rows = [part for x, _ in dataset for part in strategy.experimental_local_results(x)]
    assert [len(part) for part in rows] == [10] * 10
    assert np.concatenate(rows).tolist() == passes(streams.as_dataset(Numbers, "train", 20, seed=1), 1)[0]


def test_a_training_that_was_stopped_goes_on_with_the_same_orders(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise RuntimeError("stopped")

    def fit(*callbacks):
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input(()), keras.layers.Rescaling(0.01), keras.layers.Reshape((1,))])
        model.add(keras.layers.Dense(1))
        model.compile(keras.optimizers.SGD(1e-6), "mse")
        model.fit(streams.as_dataset(Numbers, "train", 8, seed=1), epochs=4, verbose=0, callbacks=list(callbacks))
        return model.get_weights()

    whole = fit()
    backup = keras.callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(RuntimeError, match="stopped"):
        fit(backup, Stop())
    for weight, expected in zip(fit(keras.callbacks.BackupAndRestore(tmp_path)), whole, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_other_arguments_are_refused():
    with pytest.raises(ValueError, match=r"split to be one of \['train', 'test'\]; received 'validation'"):
        mnist.as_dataset("validation")
    for size in (0, 2.5, True, None):
        with pytest.raises(ValueError, match="batch_size to be a positive integer; received"):
            tiny_reviews.as_dataset("train", size)
    with pytest.raises(TypeError, match="num_words"):
        tiny_reviews.as_dataset("train", num_words=10)


def test_texts_and_a_model_that_learns_from_them():
    dataset = tiny_reviews.as_dataset("train", 64, seed=3)
    texts = dataset.map(lambda text, label: text)
    vectors = keras.layers.TextVectorization(500, output_mode="multi_hot")
    vectors.adapt(texts)
    model = keras.Sequential([keras.Input((), dtype="string"), vectors, keras.layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(dataset, epochs=3, verbose=0).history
    assert history["accuracy"][-1] > 0.85


def test_lists_of_words_are_filled_up(put, npy):
    lists = np.empty(6, dtype=object)
    lists[:] = [[1, 5], [7], [1, 2, 3], [4], [5, 6], [9]]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", npy(lists))
        archive.writestr("y.npy", npy(np.arange(6)))
    put(reuters, {0: file.getvalue()}, {"all": 6})
    (x, y), _ = reuters.load_data(test_split=0.5)
    ((batch, labels),) = reuters.as_dataset("train", 8, shuffle=False, test_split=0.5).as_numpy_iterator()
    assert batch.dtype == np.int32 and batch.shape == (3, max(map(len, x))) and labels.tolist() == y.tolist()
    for row, indices in zip(batch, x, strict=True):
        assert row.tolist() == indices + [0] * (batch.shape[1] - len(indices))


def test_tables_are_dictionaries_of_columns(put):
    header = "species," + ",".join(column.name for column in penguins.INFO.columns)
    put(penguins, {0: f"{header}\nAdelie,Dream,1,2,,4,\nGentoo,Biscoe,5,6,7,8,MALE\n".encode()}, {"all": 2})
    ((x, y),) = penguins.as_dataset("train", 8, shuffle=False, test_split=0).as_numpy_iterator()
    rows = dict(zip(y.tolist(), x["sex"].tolist(), strict=True))
    assert rows == {0: b"", 2: b"MALE"} and x["flipper_length_mm"].dtype == np.float32
    assert np.isnan(x["flipper_length_mm"][y == 0])


def test_one_text_is_lines(put):
    put(tiny_shakespeare, {0: b"A:\nGo.\n\nB:\nStay."}, {"train": 8, "test": 8})
    assert [line.tolist() for line in tiny_shakespeare.as_dataset("test", 2).as_numpy_iterator()] == [[b"B:", b"Stay."]]
    assert list(tiny_shakespeare.as_dataset("train", 2, shuffle=False).unbatch().as_numpy_iterator()) == [b"A:", b"Go."]


def test_the_other_split_need_not_be_at_hand(put):
    put(ag_news, {1: b'"1","a","b"\n'}, {"train": 9, "test": 1})
    ((text, label),) = ag_news.as_dataset("test", 4).as_numpy_iterator()
    assert text.tolist() == [b"a\nb"] and label.tolist() == [0]
    with pytest.raises(DataUnavailable, match=r"AG News \(train\)"):
        ag_news.as_dataset("train", 4)
