"""Models that write on."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import hornbook as keras
from hornbook_hub.beams import BeamWriter, ContrastiveWriter
from hornbook_hub.constraints import ConstrainedWriter
from hornbook_hub.generation import Writer
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.sampling import Beams, Contrastive, Sampler, sampler_of
from hornbook_hub.speculation import SpeculativeWriter
from hornbook_hub.tasks.task import Task
from hornbook_hub.tokenizers import is_text

WRITERS: dict[type, type[Writer]] = {Sampler: Writer, Beams: BeamWriter, Contrastive: ContrastiveWriter}


class CausalLM(Task):
    """What comes next in a text: logits (B, T, vocab_size).

    `fit` takes texts alone: each piece is the target of those before it.

    >>> import hornbook_hub as hub
    >>> model = hub.CausalLM.from_preset("gpt_tiny")
    >>> len(model.generate([1, 2, 3], max_new_tokens=2))
    5
    """

    task = "causal_lm"

    def __init__(self, backbone: Any, preprocessor: Preprocessor | None = None, **kwargs: Any) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        self.generation_config: dict[str, Any] = {}
        self._writers: dict[Any, Writer] = {}
        self._make_weights()
        self.compile(
            keras.optimizers.AdamW(2e-5),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=["accuracy"],
        )

    def _targets(self, texts: Any) -> tuple[dict[str, Any], Any, Any]:
        """Arrays, the piece after each, and 1 where there is one."""
        arrays = self.encoded(texts)
        ids, mask = arrays["input_ids"], arrays["attention_mask"]
        return {"input_ids": ids[:, :-1], "attention_mask": mask[:, :-1]}, ids[:, 1:], mask[:, 1:].astype("float32")

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `Model.fit`; of texts without targets, the pieces that follow are the targets."""
        if y is None and is_text(x):
            x, y, kwargs["sample_weight"] = self._targets(x)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `Model.evaluate`; of texts without targets, the pieces that follow are the targets."""
        if y is None and is_text(x):
            x, y, kwargs["sample_weight"] = self._targets(x)
        return super().evaluate(x, y, *args, **kwargs)

    # -- writing on --------------------------------------------------------------------------------------------------
    @property
    def end_ids(self) -> tuple[int, ...]:
        """The ids that end a text."""
        found = self.generation_config.get("eos_token_id", self.config.special("eos_token_id"))
        return () if found is None else tuple(found) if isinstance(found, list | tuple) else (int(found),)

    @property
    def pad_id(self) -> int:
        """The id that stands where there is no piece."""
        found = self.generation_config.get("pad_token_id", self.config.special("pad_token_id"))
        return int(found) if found is not None else self.end_ids[0] if self.end_ids else 0

    def generate(
        self,
        prompts: Any,
        max_length: int | None = None,
        max_new_tokens: int | None = None,
        sampler: Any = None,
        stop: str | Sequence[str] = (),
        seed: int | None = None,
        strip_prompt: bool = False,
        draft: Any = None,
        draft_length: int = 4,
        constraint: Any = None,
        **settings: Any,
    ) -> Any:
        """Write on after prompts.

        Args:
            prompts: a text or several, or ids: a row of them, or several rows of any lengths; or a conversation, as `chat`
                has it, of which the answer alone is given.
            max_length: how many pieces a text may have with its prompt.
            max_new_tokens: how many pieces to write; 64 if neither is given.
            sampler: "greedy" (the default), "random", "top_k", "top_p", "beam", "contrastive", or a `Sampler`, `Beams` or
                `Contrastive`.
            stop: texts at which the writing ends; they are left out.
            seed: of the draws; new ones each time if None.
            strip_prompt: give what was written alone.
            draft: a smaller model with the same pieces, or "prompt" for what followed in the text before: it proposes pieces
                that the model reads at once. What is written follows the model alone; see `SpeculativeWriter`.
            draft_length: how many pieces it proposes at a time.
            constraint: a regular expression, or a JSON schema as a dictionary, that what is written matches as a whole.
            settings: numbers of the sampler (`temperature`, `top_k`, `top_p`, `min_p`, `repetition_penalty`; `num_beams`,
                `length_penalty`, `early_stopping`; `penalty_alpha`, `top_k`).

        Returns:
            a text for each prompt, or a list of ids for each row of ids; one alone where one was given.

        Raises:
            ValueError: for a prompt without pieces or with too many, and for settings out of range.
        """
        rows, one, texts = self._rows(prompts)
        stops = [stop] if isinstance(stop, str) else list(stop)
        if stops and not texts:
            raise ValueError("stop is for prompts that are texts, got ids.")
        written: list[list[int]] = [[] for _ in rows]
        found: list[str | None] = [None] * len(rows)
        how = self._writer(sampler, settings, draft, draft_length, constraint)
        for pieces in self._pieces(rows, max_length, max_new_tokens, seed, how):
            for row, new in enumerate(pieces):
                written[row] += self._until_end(written[row], new)
                if stops and found[row] is None:
                    found[row] = _before(self._text_after(rows[row], written[row]), stops)
            if stops and all(
                text is not None or self._has_ended(ids) for text, ids in zip(found, written, strict=True)
            ):
                break
        if texts:
            after = [
                self._text_after(row, ids) if text is None else text
                for row, ids, text in zip(rows, written, found, strict=True)
            ]
            given = [prompts] if one else list(prompts)
            results: list[Any] = [
                text if strip_prompt or is_conversation(prompt) else prompt + text
                for prompt, text in zip(given, after, strict=True)
            ]
        else:
            results = [ids if strip_prompt else [*row, *ids] for row, ids in zip(rows, written, strict=True)]
        return results[0] if one else results

    def stream(
        self,
        prompt: Any,
        max_length: int | None = None,
        max_new_tokens: int | None = None,
        sampler: Any = None,
        stop: str | Sequence[str] = (),
        seed: int | None = None,
        draft: Any = None,
        draft_length: int = 4,
        constraint: Any = None,
        **settings: Any,
    ) -> Iterator[Any]:
        """What `generate` writes after one prompt, as it comes: parts of the text, or ids where the prompt is ids.

        The prompt may be a conversation, as `chat` has it; the parts are those of the answer.
        """
        rows, one, texts = self._rows(prompt)
        if not one:
            raise ValueError(f"stream() writes on after one prompt, got {len(rows)}.")
        stops = [stop] if isinstance(stop, str) else list(stop)
        ids: list[int] = []
        told = 0
        how = self._writer(sampler, settings, draft, draft_length, constraint)
        for pieces in self._pieces(rows, max_length, max_new_tokens, seed, how):
            new = self._until_end(ids, pieces[0])
            ids += new
            if not texts:
                yield from new
                continue
            text = self._text_after(rows[0], ids)
            ended = _before(text, stops)
            held = 0 if ended is not None or self._has_ended(ids) else _unsure(text, stops)
            whole = text if ended is None else ended
            if len(whole) - held > told:
                yield whole[told : len(whole) - held]
                told = len(whole) - held
            if ended is not None:
                return
        if texts and len(text := self._text_after(rows[0], ids)) > told:
            yield text[told:]

    def chat(self, messages: list[dict[str, str]], **settings: Any) -> str:
        """The answer to a conversation [{"role": "user", "content": "..."}], by the checkpoint's chat template.

        Args:
            messages: the conversation.
            settings: as `generate` has them.
        """
        assert self.tokenizer is not None
        rows, _, _ = self._rows(messages)
        written = self.generate(rows[0], strip_prompt=True, **settings)
        return self.tokenizer.decode(written)

    def score(self, texts: Any) -> list[np.ndarray]:
        """The log probability of each piece of a text after those before it, from the second piece on.

        Args:
            texts: texts, or rows of ids.
        """
        rows, _, _ = self._rows(texts)
        longest = max(map(len, rows))
        ids, mask = np.full((len(rows), longest), self.pad_id), np.zeros((len(rows), longest), "int32")
        for row, numbers in enumerate(rows):
            ids[row, : len(numbers)], mask[row, : len(numbers)] = numbers, 1
        logits = self.predict({"input_ids": ids, "attention_mask": mask}, verbose=0).astype("float64")
        logits -= logits.max(-1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        found = np.take_along_axis(logs[:, :-1], ids[:, 1:, None], -1)[..., 0]
        return [found[row, : len(numbers) - 1] for row, numbers in enumerate(rows)]

    def _rows(self, prompts: Any) -> tuple[list[list[int]], bool, bool]:
        """Prompts as rows of ids; whether there was one alone; whether they are texts, or a conversation."""
        if is_conversation(prompts):
            if self.tokenizer is None:
                raise ValueError(f"{type(self).__name__} has no tokenizer, so prompts are ids.")
            text = self.tokenizer.apply_chat_template(prompts)
            return [self.tokenizer.engine.encode(text, add_special_tokens=False).ids], True, True
        if isinstance(prompts, str) or is_text(prompts):
            if self.tokenizer is None:
                raise ValueError(f"{type(self).__name__} has no tokenizer, so prompts are ids.")
            texts = [prompts] if isinstance(prompts, str) else list(prompts)
            rows = [self.tokenizer.encode(str(text)).ids for text in texts]
            one = isinstance(prompts, str)
        else:
            if isinstance(prompts, dict):
                mask = np.asarray(prompts.get("attention_mask", np.ones_like(prompts["input_ids"]))).astype(bool)
                prompts = [row[there] for row, there in zip(np.asarray(prompts["input_ids"]), mask, strict=True)]
            one = len(np.shape(prompts[0])) == 0
            rows = [[int(number) for number in row] for row in ([prompts] if one else prompts)]
        if not rows or not all(rows):
            raise ValueError("A prompt needs at least one piece; begin with the token that begins texts.")
        return rows, one, isinstance(prompts, str) or is_text(prompts)

    def _writer(self, sampler: Any, settings: dict, draft: Any, draft_length: int, constraint: Any) -> Writer:
        """What writes in this way; made once, since its programs are compiled."""
        chosen = sampler_of("greedy" if sampler is None and not settings else sampler or "random")
        chosen = replace(chosen, **settings)
        key = (chosen, self.end_ids, self.pad_id)
        if draft is not None and constraint is not None:
            raise ValueError("draft and constraint exclude each other: a draft knows nothing of the constraint.")
        name = (*key, draft, draft_length, repr(constraint))
        if name not in self._writers:
            if draft is not None:
                self._writers[name] = SpeculativeWriter(self, *key, draft, draft_length)
            elif constraint is not None:
                self._writers[name] = ConstrainedWriter(self, *key, constraint)
            else:
                self._writers[name] = WRITERS[type(chosen)](self, *key)
        return self._writers[name]

    @property
    def longest_text(self) -> int:
        """How many pieces a text may have that is written on."""
        return self.config.max_length

    def _pieces(
        self,
        rows: list,
        max_length: int | None,
        count: int | None,
        seed: int | None,
        writer: Writer,
        source: Any = (),
    ) -> Iterator[Any]:
        """For each row, what is written, as it comes: arrays, or rows of different lengths."""
        longest = max(map(len, rows))
        if count is None:
            count = 64 if max_length is None else max_length - longest
        limit = self.longest_text
        count = min(count, limit - longest)
        if count < 1:
            raise ValueError(
                f"There is no room to write: the longest prompt has {longest} pieces, max_length is {max_length}, and the "
                f"model has {limit} positions."
            )
        seed = int(np.random.default_rng().integers(2**31)) if seed is None else int(seed)
        return writer.write(rows, count, seed, source)

    def _until_end(self, before: list[int], new: Any) -> list[int]:
        """The new pieces up to the end of the text, which is left in."""
        if self._has_ended(before):
            return []
        numbers = [int(number) for number in new]
        ends = [place for place, number in enumerate(numbers) if number in self.end_ids]
        return numbers[: ends[0] + 1] if ends else numbers

    def _has_ended(self, ids: list[int]) -> bool:
        return bool(ids) and ids[-1] in self.end_ids

    def _text_after(self, prompt: list[int], ids: list[int]) -> str:
        """The text of ids that follow others: some tokenizers write a piece in another way at the beginning of a text."""
        assert self.tokenizer is not None
        whole, before = self.tokenizer.decode([*prompt, *ids]), self.tokenizer.decode(prompt)
        return whole[len(before) :] if whole.startswith(before) else self.tokenizer.decode(ids)


def is_conversation(x: Any) -> bool:
    """Whether this is a list of messages {"role": "user", "content": "..."}."""
    return isinstance(x, list) and bool(x) and all(isinstance(part, dict) and "role" in part for part in x)


def _before(text: str, stops: Sequence[str]) -> str | None:
    """The text before the first of the stops; None where there is none."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else None


def _unsure(text: str, stops: Sequence[str]) -> int:
    """How many characters at the end may yet become something else: half a character, or the beginning of a stop."""
    held = len(text) - len(text.rstrip("\ufffd"))
    for stop in stops:
        for size in range(1, len(stop)):
            if text.endswith(stop[:size]):
                held = max(held, size)
    return held
