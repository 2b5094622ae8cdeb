"""Models that write one text after reading another: translation, summaries, answers."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

import hornbook as keras
from hornbook import backend, ops
from hornbook_hub.generation import prompt_size
from hornbook_hub.tasks.causal_lm import CausalLM
from hornbook_hub.tokenizers import is_text, listed

ABSENT = -100  # what stands in labels where nothing is to be guessed


def shifted(labels: Any, start: int, padding: int) -> Any:
    """What a decoder reads to write the labels: `start`, then each piece but the last; (B, T) -> (B, T).

    Args:
        labels: ids, `ABSENT` where nothing is to be guessed.
        start: the id that begins every target.
        padding: the id that stands for `ABSENT`.

    >>> import numpy as np
    >>> from hornbook_hub.tasks.seq2seq_lm import shifted
    >>> print(shifted(np.array([[7, 8, 1, -100]]), start=0, padding=0).numpy())
    [[0 7 8 1]]
    """
    labels = ops.cast(labels, "int32")
    before = ops.concatenate([ops.full_like(labels[:, :1], start), labels[:, :-1]], axis=1)
    return ops.where(before == ABSENT, padding, before)


class Seq2SeqLM(CausalLM):
    """A text that answers to another: logits (B, T, vocab_size) of the target's pieces.

    It is called on the source's arrays with `decoder_input_ids`, or with `labels`, of which these are made. `fit` takes
    texts and their targets.

    >>> import hornbook_hub as hub
    >>> from hornbook_hub.models.t5 import T5Backbone, T5Config
    >>> sizes = {"d_model": 8, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    >>> model = hub.Seq2SeqLM(T5Backbone(T5Config(vocab_size=20, **sizes)))
    >>> len(model.score([[5, 6, 1]], [[7, 1]])[0])
    2
    """

    task = "seq2seq_lm"

    def call(self, inputs: Any) -> Any:
        if "decoder_input_ids" not in inputs:
            if "labels" not in inputs:
                raise ValueError(
                    f"{type(self).__name__} is called with decoder_input_ids, what stands in the target so far, or with labels, "
                    f"the whole target; got {sorted(inputs)}. To have a target written, call generate()."
                )
            inputs = {**inputs, "decoder_input_ids": self._shifted(inputs["labels"])}
        return super().call({name: value for name, value in inputs.items() if name != "labels"})

    def _shifted(self, labels: Any) -> Any:
        return shifted(labels, self.start_id, self.pad_id)

    # -- training ----------------------------------------------------------------------------------------------------
    def _with_targets(self, x: Any, targets: Any) -> tuple[dict[str, Any], Any, Any]:
        """Arrays of sources and of what the decoder reads, the pieces it is to write, and 1 where there is one."""
        labels, there = self._labels(listed(targets))
        arrays = {**self.encoded(x), "decoder_input_ids": backend.convert_to_numpy(self._shifted(labels))}
        return arrays, labels, there

    def _labels(self, targets: list[str]) -> tuple[np.ndarray, np.ndarray]:
        if self.tokenizer is None:
            raise ValueError(f"{type(self).__name__} has no tokenizer, so its targets are ids, not texts.")
        ids = padded([self.tokenizer.encode(text).ids for text in targets], self.pad_id)
        return ids["input_ids"], ids["attention_mask"].astype("float32")

    def fit(self, x: Any = None, y: Any = None, *args: Any, validation_data: Any = None, **kwargs: Any) -> Any:
        """As `Model.fit`; targets that are texts become the pieces to write, and what the decoder reads for it."""
        if is_text(y):
            x, y, kwargs["sample_weight"] = self._with_targets(x, y)
        if isinstance(validation_data, tuple) and len(validation_data) == 2 and is_text(validation_data[1]):
            validation_data = self._with_targets(*validation_data)
        return super().fit(x, y, *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `Model.evaluate`; targets may be texts."""
        if is_text(y):
            x, y, kwargs["sample_weight"] = self._with_targets(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    # -- writing -----------------------------------------------------------------------------------------------------
    @property
    def start_id(self) -> int:
        """The id that begins every target."""
        found = self.generation_config.get("decoder_start_token_id", self.config.special("decoder_start_token_id"))
        return self.pad_id if found is None else int(found)

    @property
    def longest_text(self) -> int:
        """How many pieces a target may have: as many as there are positions, or no end."""
        return getattr(self.config, "max_target_positions", 2**30)

    def generate(
        self,
        prompts: Any,
        max_length: int | None = None,
        max_new_tokens: int | None = None,
        sampler: Any = None,
        stop: str | Sequence[str] = (),
        seed: int | None = None,
        **settings: Any,
    ) -> Any:
        """Write the targets of sources.

        Args:
            prompts: the sources: a text or several, or ids: a row of them, or several rows of any lengths.
            max_length: how many pieces a target may have, with the one that begins it.
            max_new_tokens: how many pieces to write; 64 if neither is given.
            sampler: "greedy" (the default), "random", "top_k", "top_p", "beam", "contrastive", or a `Sampler`.
            stop: texts at which the writing ends; they are left out.
            seed: of the draws; new ones each time if None.
            settings: numbers of the sampler (`temperature`, `top_k`, `top_p`, `min_p`, `repetition_penalty`), and
                `constraint`, see `CausalLM.generate`.

        Returns:
            a text for each source, or a list of ids for each row of ids; one alone where one was given.

        Raises:
            ValueError: for a source without pieces, and for settings out of range.
        """
        settings.pop("strip_prompt", None)  # sources are no part of what is written
        return super().generate(prompts, max_length, max_new_tokens, sampler, stop, seed, strip_prompt=True, **settings)

    def score(self, texts: Any, targets: Any) -> list[np.ndarray]:
        """The log probability of each piece of a target, given its source and the pieces before.

        Args:
            texts: texts, or rows of ids.
            targets: texts, or rows of ids, one for each.
        """
        (rows, _, _), (wanted, _, _) = self._rows(texts), self._rows(targets)
        return self._scores(padded(rows, self.pad_id), wanted)

    def _scores(self, arrays: dict[str, np.ndarray], wanted: list[list[int]]) -> list[np.ndarray]:
        labels = padded(wanted, self.pad_id)["input_ids"]
        arrays = {**arrays, "decoder_input_ids": backend.convert_to_numpy(self._shifted(labels))}
        logits = self.predict(arrays, verbose=0).astype("float64")
        logits -= logits.max(-1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        found = np.take_along_axis(logs, labels[..., None], -1)[..., 0]
        return [found[row, : len(numbers)] for row, numbers in enumerate(wanted)]

    def _pieces(self, rows: list, *settings: Any, source: Any = ()) -> Iterator[np.ndarray]:
        arrays = padded(rows, self.pad_id, prompt_size(max(map(len, rows))))
        return super()._pieces([[self.start_id]] * len(rows), *settings, source=self._source(arrays))

    def _source(self, arrays: dict[str, np.ndarray]) -> Any:
        """What the encoder makes of these arrays for the decoder, by a program compiled for their shapes."""
        shapes = tuple(array.shape for array in arrays.values())
        if shapes not in self._readers:
            self._readers[shapes] = backend.compile(self.backbone.source, jit=True)
        return self._readers[shapes](arrays)

    def __init__(self, backbone: Any, preprocessor: Any = None, **kwargs: Any) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        self._readers: dict[tuple, Any] = {}
        self.compile(
            keras.optimizers.AdamW(1e-4),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=["accuracy"],
        )

    def _text_after(self, prompt: list[int], ids: list[int]) -> str:
        assert self.tokenizer is not None
        return self.tokenizer.decode(ids)

    def more_files(self) -> dict[str, Any]:
        """How it writes: `generation_config.json`, where the checkpoint had one."""
        return {"generation_config.json": self.generation_config} if self.generation_config else {}


def padded(rows: Sequence[Sequence[int]], padding: int, time: int | None = None) -> dict[str, np.ndarray]:
    """Rows of ids of any lengths as arrays (B, T), padded behind.

    Args:
        rows: the ids.
        padding: the id that stands where a row has ended.
        time: T, the longest row's length if None.

    >>> from hornbook_hub.tasks.seq2seq_lm import padded
    >>> padded([[5, 6], [7]], padding=0)["input_ids"].tolist()
    [[5, 6], [7, 0]]
    """
    shape = (len(rows), time or max(map(len, rows)))
    ids, there = np.full(shape, padding, "int32"), np.zeros(shape, "int32")
    for row, numbers in enumerate(rows):
        ids[row, : len(numbers)], there[row, : len(numbers)] = numbers, 1
    return {"input_ids": ids, "attention_mask": there}
