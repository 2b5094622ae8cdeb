"""BERT's tokenizer as operations of a graph: a server that holds no Python turns strings into ids by itself.

    "Naïve?"  -> characters looked up, each becomes some others -> "naive ? "     accents, capitals, punctuation
              -> words                                         -> naive, ?
              -> the longest piece first, then what is left    -> na, ##ive, ?
              -> [CLS] na ##ive ? [SEP], padded to the longest text

Source: Devlin et al. 2018, "BERT", and its `tokenization.py`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.backend.tensorflow.strings import Table
from hornbook.export.texts import TextPieces


class WordPieces(TextPieces):
    """Texts (B,) as {"input_ids", "attention_mask", "token_type_ids"}: int32 arrays (B, T), padded to the longest.

    Args:
        vocabulary: the number of each piece.
        characters: what a character becomes, for those that become something else: "é" -> "e", "?" -> " ? ".
        unknown: the number for a word that no pieces make up.
        continuation: how pieces begin that go on with a word.
        longest_word: words with more characters are unknown.
        kwargs: as `TextPieces` has them.

    >>> import tensorflow as tf
    >>> from hornbook.export.word_pieces import WordPieces
    >>> numbers = {"[PAD]": 0, "[UNK]": 1, "[": 2, "]": 3, "na": 4, "##ive": 5, "?": 6}
    >>> pieces = WordPieces(numbers, {"?": " ? ", "N": "n"}, 1, specials=[], before=[2], after=[3], padding=0)
    >>> pieces(tf.constant(["Naive?", "nobody"]))["input_ids"].numpy()
    array([[2, 4, 5, 6, 3],
           [2, 1, 3, 0, 0]], dtype=int32)
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        characters: Mapping[str, str],
        unknown: int,
        continuation: str = "##",
        longest_word: int = 100,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.unknown, self.continuation, self.longest_word = unknown, continuation, longest_word
        self.longest_piece = max(map(len, vocabulary))
        self.table = Table("string", list(vocabulary), list(vocabulary.values()))
        # Row i of _becomes holds the code points that _changing[i] becomes, filled up with -1.
        changes = sorted(characters.items())
        width = max((len(text) for _, text in changes), default=0) or 1
        self._width = width
        points = np.array([ord(character) for character, _ in changes], "int32")
        rows = [[*map(ord, text), *[-1] * (width - len(text))] for _, text in changes]
        with tf.init_scope():  # tensors outside of the graphs that use them are written once
            self._changing = tf.constant(points)
            self._becomes = tf.constant(np.array(rows, "int32").reshape(-1, width))

    def _numbers(self, parts: Any, first: Any) -> Any:
        words = self._words(parts)  # (P, words)
        pieces = self._pieces(words.flat_values)  # (all words, pieces)
        return words.with_flat_values(pieces).merge_dims(1, 2)  # (P, pieces)

    def _words(self, texts: Any) -> Any:
        """Texts (P,) -> words (P, words), cleaned."""
        characters = tf.strings.unicode_decode(texts, "UTF-8")  # (B, characters)
        flat = characters.flat_values
        count = self._changing.shape[0]
        if count:
            place = tf.minimum(tf.searchsorted(self._changing, flat), count - 1)
            changes = tf.gather(self._changing, place) == flat
            same = tf.pad(flat[:, None], [[0, 0], [0, self._width - 1]], constant_values=-1)
            becomes = tf.where(changes[:, None], tf.gather(self._becomes, place), same)
            characters = characters.with_flat_values(tf.ragged.boolean_mask(becomes, becomes >= 0)).merge_dims(1, 2)
        return tf.strings.split(tf.strings.unicode_encode(characters, "UTF-8"))

    def _pieces(self, words: Any) -> Any:
        """Words (W,) -> numbers of their pieces (W, pieces), for all words at once, one try in each step.

        A word's try is its characters from `start` to `end`. Where that is a piece, the next try begins at its end and is as
        long as can be; where it is not, the next try is one character shorter.
        """
        words, place = tf.unique(words)
        length = tf.strings.length(words, unit="UTF8_CHAR")
        unknown = length > self.longest_word
        start = tf.zeros_like(length)
        end = tf.minimum(length, self.longest_piece)
        found = tf.TensorArray(tf.int64, size=0, dynamic_size=True, element_shape=[None])

        def unfinished(step: Any, start: Any, end: Any, unknown: Any, found: Any) -> Any:
            return tf.reduce_any(tf.logical_and(start < length, tf.logical_not(unknown)))

        def a_try(step: Any, start: Any, end: Any, unknown: Any, found: Any) -> tuple:
            piece = tf.strings.substr(words, start, end - start, unit="UTF8_CHAR")
            piece = tf.strings.join([tf.where(start > 0, self.continuation, ""), piece])
            number = tf.where(tf.logical_and(start < length, tf.logical_not(unknown)), self.table.lookup(piece), -1)
            hit = number >= 0
            start = tf.where(hit, end, start)
            end = tf.where(hit, tf.minimum(length, end + self.longest_piece), end - 1)
            unknown = tf.logical_or(unknown, tf.logical_and(start < length, end <= start))
            return step + 1, start, tf.maximum(start, end), unknown, found.write(step, number)

        state = (tf.constant(0), start, end, unknown, found)
        steps, _, _, unknown, found = tf.while_loop(unfinished, a_try, state)
        empty = tf.fill([1, tf.size(words)], tf.constant(-1, tf.int64))
        numbers = tf.cond(steps > 0, lambda: tf.concat([empty, found.stack()], 0), lambda: empty)
        numbers = tf.transpose(numbers)  # (words, 1 + steps), with -1 where a step found no piece
        alone = tf.fill([tf.size(words), 1], tf.constant(self.unknown, tf.int64))
        unknown_alone = tf.concat([alone, tf.fill(tf.shape(numbers[:, 1:]), tf.constant(-1, tf.int64))], 1)
        numbers = tf.where(unknown[:, None], unknown_alone, numbers)
        return tf.gather(tf.ragged.boolean_mask(numbers, numbers >= 0), place)
