"""Models that find texts: by vectors that are close, or by reading question and text together."""

from typing import Any

import numpy as np

import hornbook as keras
from hornbook import backend, layers, ops
from hornbook.saving import register_keras_serializable
from hornbook_hub.heads import pool
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.tasks.task import Task
from hornbook_hub.tokenizers import is_text


class Reranker(Task):
    """How well a text answers a question: logits (B, 1) of pairs, a classifier of one class that reads both at once.

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="reranker")
    >>> model.score("Which film is good?", ["This one.", "The soup was cold."]).shape
    (2,)
    """

    task = "reranker"

    def __init__(self, backbone: Any, preprocessor: Preprocessor | None = None, **kwargs: Any) -> None:
        super().__init__(backbone, preprocessor, (1,), **kwargs)
        backbone.config.set_classes(1)
        self._make_weights()
        self.compile(keras.optimizers.AdamW(2e-5), keras.losses.BinaryCrossentropy(from_logits=True))

    @property
    def kind_of_files(self) -> str:
        return "text_classifier"

    def score(self, query: str, texts: list[str], **kwargs: Any) -> np.ndarray:
        """The logit of each text (N,): the larger, the better it answers."""
        return self.predict(([query] * len(texts), list(texts)), verbose=0, **kwargs)[:, 0]

    def rank(self, query: str, texts: list[str], top_k: int | None = None) -> list[tuple[int, float]]:
        """The best texts first, as (place in the list, logit)."""
        scores = self.score(query, texts)
        return [(int(i), float(scores[i])) for i in np.argsort(-scores, kind="stable")[:top_k]]


PARTNER = "partner_"
POOLINGS = {  # name -> its key in 1_Pooling/config.json
    "cls": "pooling_mode_cls_token",
    "mean": "pooling_mode_mean_tokens",
    "max": "pooling_mode_max_tokens",
}


class Pool(layers.Layer):
    """One vector for a text, (B, T, M) -> (B, M): see `heads.pool`; of length one if `normalize`."""

    def __init__(self, pooling: str, normalize: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pooling, self.normalize = pooling, normalize

    def call(self, outputs: dict[str, Any]) -> Any:
        vector = pool(outputs, self.pooling)
        return ops.normalize(vector, axis=-1, epsilon=1e-12) if self.normalize else vector


class TextEmbedder(Task):
    """Texts as vectors (B, M) that are close where the texts mean the same.

    It is fine-tuned on pairs that belong together, `fit(texts, their_partners)`: the partners of the others in a batch are
    what each text is to be far from, so larger batches teach more. (Gao et al. 2021, https://arxiv.org/abs/2104.08821)

    Args:
        backbone: the model without a head.
        preprocessor: what turns strings into its inputs.
        pooling: "mean", "cls" or "max"; what `1_Pooling/config.json` says where a preset has one.
        normalize: whether vectors are made of length one; what `modules.json` says where a preset has one.
        prompts: name -> what is put before a text.

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="text_embedder")
    >>> model.embed(["A good film.", "A great film.", "Cold soup."]).shape
    (3, 128)
    >>> model.similarity(["A good film."], ["A great film.", "Cold soup."]).shape
    (1, 2)
    """

    task = "text_embedder"

    def __init__(
        self,
        backbone: Any,
        preprocessor: Preprocessor | None = None,
        pooling: str = "mean",
        normalize: bool = True,
        prompts: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {sorted(POOLINGS)}, got {pooling!r}.")
        super().__init__(backbone, preprocessor, (pooling, normalize), **kwargs)
        self.prompts = dict(prompts or {})
        self._make_weights()
        self.compile(keras.optimizers.AdamW(2e-5), InBatchNegatives())

    def make_head(self, *arguments: Any) -> Any:
        return Pool(*arguments, name="head")

    @property
    def kind_of_files(self) -> str:
        return "backbone"

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Vectors (B, M); of pairs, whose second has names with "partner_" before them, (B, 2, M)."""
        if f"{PARTNER}input_ids" not in inputs:
            return super().call(inputs)
        first = {key: value for key, value in inputs.items() if not key.startswith(PARTNER)}
        second = {key.removeprefix(PARTNER): value for key, value in inputs.items() if key.startswith(PARTNER)}
        return ops.stack([super().call(first), super().call(second)], axis=1)

    def embed(self, texts: str | list[str], prompt: str | None = None, **kwargs: Any) -> np.ndarray:
        """The vectors of texts, (N, M); of one text, (M,).

        Args:
            texts: one or a list.
            prompt: which of `prompts` to put before them.
            kwargs: of `predict`, such as `batch_size`.

        Raises:
            ValueError: for a prompt that is not there.
        """
        if prompt is not None and prompt not in self.prompts:
            raise ValueError(f"There is no prompt {prompt!r}; there are {sorted(self.prompts)}.")
        before = "" if prompt is None else self.prompts[prompt]
        several = [before + text for text in ([texts] if isinstance(texts, str) else texts)]
        vectors = self.predict(several, **{"verbose": 0, **kwargs})
        return vectors[0] if isinstance(texts, str) else vectors

    def similarity(self, first: Any, second: Any) -> np.ndarray:
        """The cosine of each of the first with each of the second, (N, K); both are lists of texts, or vectors."""
        vectors = [self.embed(x) if is_text(x) else np.asarray(x) for x in (first, second)]
        a, b = (v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12) for v in vectors)
        return a @ b.T

    def pairs(self, x: Any, y: Any = None) -> tuple[Any, Any]:
        """What is trained on: the arrays of both texts in one dictionary, and targets that say nothing.

        Raises:
            ValueError: where the texts have no partners.
        """
        if backend.is_dataset(x):
            preprocessor = self.preprocessor
            assert preprocessor is not None

            def joined(first: Any, second: Any) -> tuple[Any, Any]:
                both = tuple(preprocessor.in_dataset(texts, self.arrays) for texts in (first, second))
                return join(*both), ops.zeros_like(both[0]["input_ids"][:, 0])

            return x.map(joined), None
        if y is None:
            raise ValueError("A TextEmbedder is trained on pairs that belong together: fit(texts, their_partners).")
        both = self.encoded(x), self.encoded(y)
        return join(*both), np.zeros(len(both[0]["input_ids"]), "int32")

    def fit(self, x: Any = None, y: Any = None, *args: Any, validation_data: Any = None, **kwargs: Any) -> Any:
        """As `Model.fit`, on texts and their partners: strings, arrays, or data sets of pairs of strings."""
        if validation_data is not None:
            several = (validation_data,) if backend.is_dataset(validation_data) else validation_data
            x_and_y = self.pairs(*several)
            validation_data = x_and_y[0] if x_and_y[1] is None else x_and_y
        return keras.Model.fit(self, *self.pairs(x, y), *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `Model.evaluate`, on texts and their partners."""
        return keras.Model.evaluate(self, *self.pairs(x, y), *args, **kwargs)

    def more_files(self) -> dict[str, Any]:
        """How vectors are made, as sentence-transformers writes it."""
        kinds = ["Transformer", "Pooling", *(["Normalize"] if self.head.normalize else [])]
        places = ["", *(f"{i}_{kind}" for i, kind in enumerate(kinds) if i)]
        modules = [
            {"idx": i, "name": str(i), "path": place, "type": f"sentence_transformers.models.{kind}"}
            for i, (place, kind) in enumerate(zip(places, kinds, strict=True))
        ]
        pooling = {"word_embedding_dimension": self.config.hidden_size}
        pooling |= {key: name == self.head.pooling for name, key in POOLINGS.items()}
        files: dict[str, Any] = {"modules.json": modules, "1_Pooling/config.json": pooling}
        if self.tokenizer is not None:
            files["sentence_bert_config.json"] = {"max_seq_length": self.tokenizer.max_length, "do_lower_case": False}
        if self.prompts:
            files["config_sentence_transformers.json"] = {"prompts": self.prompts, "default_prompt_name": None}
        return files


def join(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """The arrays of texts and of their partners in one dictionary."""
    return {**first, **{PARTNER + key: value for key, value in second.items()}}


@keras.saving.register_keras_serializable(package="hornbook_hub")
@register_keras_serializable("hornbook_hub")
class InBatchNegatives(keras.losses.Loss):
    """How surely each text of a batch finds its partner among all: cross-entropy of softmax(scale cos(a_i, b_j)) at j = i.

    Predictions are pairs of vectors (B, 2, M); targets are not looked at.

    Args:
        scale: how much a difference of cosines counts.

    >>> import numpy as np
    >>> from hornbook_hub.tasks import InBatchNegatives
    >>> pairs = np.stack([np.eye(3), np.eye(3)], axis=1)
    >>> float(InBatchNegatives(scale=20.0)(np.zeros(3), pairs)) < 1e-6
    True
    """

    def __init__(self, scale: float = 20.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, y_true: Any, y_pred: Any) -> Any:
        vectors = ops.normalize(y_pred, axis=-1, epsilon=1e-12)
        scores = ops.matmul(vectors[:, 0], ops.transpose(vectors[:, 1])) * self.scale  # (B, B)
        right = ops.arange(ops.shape(scores)[0], dtype="int32")
        return ops.sparse_categorical_crossentropy(right, scores, from_logits=True)
