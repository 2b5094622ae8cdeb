"""Speculative decoding: a cheap draft of the next pieces, read by the model in one go, and kept as far as it would have said so.

    draft d_1 ... d_n ~ q      ->  the model reads them all: p_1 ... p_{n+1}
    d_i is kept with probability min(1, p_i(d_i) / q_i(d_i)); in place of the first that is not, a draw from (p_i - q_i)+.

What is written then follows p, whatever q is: p(x) = min(p, q)(x) + (1 - sum min(p, q)) (p - q)+(x) / sum (p - q)+.

Leviathan et al. 2023, "Fast Inference from Transformers via Speculative Decoding", https://arxiv.org/abs/2211.17192; Saxena
2023, "Prompt Lookup Decoding", https://github.com/apoorvumang/prompt-lookup-decoding.

Each text goes on at its own pace: the slots of pieces that were not kept become empty, which their position says.

Axes: B batch, V vocabulary, n pieces of a draft, L the longest text, S slots.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hornbook import backend, ops, tree
from hornbook_hub.decoders import NOWHERE, Cache
from hornbook_hub.generation import Writer, cache_size, grown, prompt_size
from hornbook_hub.sampling import Sampler

ROUNDS = 4  # drafts between two looks of the host


def is_kept(p: Any, q: Any, unit: Any) -> Any:
    """Whether pieces of probabilities p, drawn with q, are kept: with probability min(1, p / q), by uniform numbers.

    >>> import numpy as np
    >>> from hornbook_hub.speculation import is_kept
    >>> is_kept(np.array([0.2, 0.2]), np.array([0.4, 0.4]), np.array([0.3, 0.7])).tolist()
    [True, False]
    """
    return unit * q < p


def left_over(p: Any, q: Any) -> Any:
    """(p - q)+ / sum (p - q)+, of distributions (B, V): what is drawn from where a draft was not kept.

    >>> import numpy as np
    >>> from hornbook_hub.speculation import left_over
    >>> print(left_over(np.array([[0.5, 0.5]], "float32"), np.array([[0.75, 0.25]], "float32")).numpy())
    [[0. 1.]]
    """
    more = ops.maximum(p - q, 0.0)
    total = ops.sum(more, axis=-1, keepdims=True)
    return ops.where(total > 0, more / ops.maximum(total, 1e-30), p)


class SpeculativeWriter(Writer):
    """Writes what `Writer` would, in fewer readings of the weights.

    Args:
        model, sampler, end, pad: see `Writer`.
        draft: a smaller causal language model with the same pieces; or "prompt": what followed the last two pieces (or the
            last one) where they stood before.
        pieces: how many pieces a draft has.

    Raises:
        ValueError: for a draft with other pieces, and for a sampler that looks back.
    """

    def __init__(self, model: Any, sampler: Sampler, end: Sequence[int], pad: int, draft: Any, pieces: int = 4) -> None:
        super().__init__(model, sampler, end, pad)
        if not isinstance(sampler, Sampler) or sampler.looks_back:
            raise ValueError(f"draft goes with a Sampler without repetition_penalty, got {sampler!r}.")
        if isinstance(draft, str) and draft != "prompt":
            raise ValueError(f"draft must be a CausalLM or 'prompt', got {draft!r}.")
        if not isinstance(draft, str) and draft.config.vocab_size != model.config.vocab_size:
            raise ValueError(
                f"The draft model must have the model's pieces: it has {draft.config.vocab_size}, the model has "
                f"{model.config.vocab_size}."
            )
        if pieces < 1:
            raise ValueError(f"draft_length must be 1 or more, got {pieces}.")
        self.draft, self.pieces = draft, pieces

    # -- what is compiled ------------------------------------------------------------------------------------------
    def _shares(self, logits: Any) -> Any:
        """The distributions that are drawn from, of logits (..., V)."""
        rows = ops.reshape(logits, (-1, logits.shape[-1]))
        rows = self.sampler.adjusted(rows, None)
        if self.sampler.greedy:
            shares = ops.one_hot(ops.argmax(rows, axis=-1), rows.shape[-1])
        else:
            shares = ops.softmax(rows, axis=-1)
        return ops.reshape(shares, logits.shape)

    def _drawn(self, shares: Any, seed: Any) -> Any:
        """A piece (B,) of each distribution (B, V)."""
        if self.sampler.greedy:
            return ops.cast(ops.argmax(shares, axis=-1), "int32")
        unit = backend.random_uniform(shares.shape, 1e-20, 1.0, "float32", seed)
        return ops.cast(ops.argmax(ops.log(ops.maximum(shares, 1e-30)) - ops.log(-ops.log(unit)), axis=-1), "int32")

    def _drafted(self, piece: Any, position: Any, memories: Any, slots: Any, used: Any, seed: Any) -> tuple:
        """Pieces (B, n + 1) of the draft model, their distributions (B, n + 1, V), and its cache.

        The last piece is not used: it is made for the cache, which has read n + 1 pieces, as the model's will have.
        """
        batch, size = piece.shape[0], self.model.config.vocab_size

        def body(i: Any, piece: Any, memories: Any, slots: Any, drafted: Any, q: Any) -> tuple:
            hidden, cache = self.draft.backbone.decode(piece, position + i, Cache(memories, slots, used + i))
            shares = self._shares(self.draft.head({"last_hidden_state": hidden}))
            piece = self._drawn(shares[:, 0], ops.stack([seed[0], seed[1] + i]))[:, None]
            drafted, q = ops.slice_update(drafted, (0, i), piece), ops.slice_update(q, (0, i, 0), shares)
            return i + 1, piece, cache.layers, cache.slots, drafted, q

        empty = ops.zeros((batch, self.pieces + 1), "int32"), ops.zeros((batch, self.pieces + 1, size))
        state = ops.while_loop(
            lambda i, *rest: i <= self.pieces, body, (ops.cast(0, "int32"), piece, memories, slots, *empty)
        )
        return state[4], state[5], state[2]

    def _looked_up(self, text: Any, length: Any) -> tuple[Any, Any]:
        """Pieces (B, n + 1) that followed the last two, or the last one, where they stood latest; distributions sure of them."""
        places = ops.arange(text.shape[1])[None]  # (1, L)
        last, second = (ops.take_along_axis(text, ops.maximum(length - k, 0)[:, None], axis=1) for k in (1, 2))
        before = ops.concatenate([ops.full_like(text[:, :1], -1), text[:, :-1]], axis=1)
        there = ops.logical_and(text == last, places < length[:, None] - 1)
        both = ops.logical_and(there, before == second)
        rank = ops.where(both, places + text.shape[1], ops.where(there, places, -1))
        found = ops.argmax(rank, axis=1)[:, None]
        following = found + 1 + ops.arange(self.pieces + 1)[None]
        pieces = ops.take_along_axis(text, ops.minimum(following, text.shape[1] - 1), axis=1)
        pieces = ops.maximum(pieces, 0)  # where nothing is written yet, the draft is some piece
        return pieces, ops.one_hot(pieces, self.model.config.vocab_size)

    def _rounds(
        self,
        piece: Any,
        position: Any,
        memories: Any,
        slots: Any,
        drafts: Any,
        used: Any,
        text: Any,
        length: Any,
        seed: Any,
    ) -> Any:
        """Some drafts, each judged by the model: the state after them; `text` (B, L) holds what was written."""
        n = self.pieces
        offsets = ops.arange(n + 1, dtype="int32")[None]

        def body(
            i: Any, piece: Any, position: Any, memories: Any, slots: Any, drafts: Any, text: Any, length: Any
        ) -> tuple:
            start = used + i * (n + 1)
            first = (seed[1] + i) * (n + 3)
            if self.draft == "prompt":
                drafted, q = self._looked_up(text, length)
            else:
                draw = ops.stack([seed[0], first])
                drafted, q, drafts = self._drafted(piece, position, drafts, slots, start, draw)
            q = ops.where(offsets[..., None] < n, q, 0.0)  # no draft stands after the last
            pieces = ops.concatenate([piece, drafted[:, :n]], axis=1)
            hidden, cache = self.model.backbone.decode(pieces, position + offsets, Cache(memories, slots, start))
            p = self._shares(self.model.head({"last_hidden_state": hidden}))

            named = drafted[:, :n, None]
            p_of, q_of = (ops.take_along_axis(shares[:, :n], named, axis=2)[..., 0] for shares in (p, q))
            unit = backend.random_uniform(p_of.shape, 0.0, 1.0, "float32", ops.stack([seed[0], first + n + 1]))
            kept = ops.cast(is_kept(p_of, q_of, unit), "int32")
            count = ops.sum(ops.cumprod(kept, axis=1), axis=1)  # (B,)
            p, q = (ops.take_along_axis(shares, count[:, None, None], axis=1)[:, 0] for shares in (p, q))
            piece = self._drawn(left_over(p, q), ops.stack([seed[0], first + n + 2]))[:, None]

            count = count[:, None]
            new = ops.where(offsets < count, drafted, piece)
            place = ops.arange(text.shape[1], dtype="int32")[None] - length[:, None]
            there = ops.logical_and(place >= 0, place <= count)
            text = ops.where(there, ops.take_along_axis(new, ops.clip(place, 0, n), axis=1), text)
            here = ops.where(offsets <= count, position + offsets, NOWHERE)
            slots = ops.slice_update(cache.slots, (0, start), here)
            return i + 1, piece, position + count + 1, cache.layers, slots, drafts, text, length + count[:, 0] + 1

        state = (ops.cast(0, "int32"), piece, position, memories, slots, drafts, text, length)
        return ops.while_loop(lambda i, *rest: i < ROUNDS, body, state)[1:]

    def _read_draft(self, ids: Any, positions: Any, memories: Any, slots: Any) -> Any:
        """The draft model's cache after the prompts."""
        return self.draft.backbone.decode(ids, positions, Cache(memories, slots, 0))[1].layers

    # -- what runs on the host ---------------------------------------------------------------------------------------
    def write(self, prompts: Sequence[Sequence[int]], count: int, seed: int = 0, source: Any = ()) -> Iterator[Any]:
        """The pieces that follow each prompt, as they come: lists of rows, each as long as that text went on.

        Raises:
            ValueError: for models with an encoder.
        """
        if tree.flatten(source):
            raise ValueError("draft is for decoders alone; this model has an encoder too.")
        ids, positions = self._arranged(prompts)
        batch, time = ids.shape
        step = ROUNDS * (self.pieces + 1)
        cache = self.model.backbone.new_cache(batch, cache_size(time + 2 * min(count, 128) + step))
        size = cache.slots.shape[1]
        prefill = self._program(self._read, batch, time, size)
        seen, start = self._seen(prompts, count), np.array([seed, 0], "int32")
        piece, memories, slots, _, _ = prefill(ids, positions, cache.layers, cache.slots, seen, start, ())
        drafts: Any = []
        if self.draft != "prompt":
            empty = self.draft.backbone.new_cache(batch, size)
            drafts = self._program(self._read_draft, batch, time, size)(ids, positions, empty.layers, empty.slots)

        length = np.array([len(prompt) + 1 for prompt in prompts], "int32")
        text = np.full((batch, prompt_size(max(length) + count)), -1, "int32")
        for row, (prompt, first) in enumerate(zip(prompts, backend.convert_to_numpy(piece), strict=True)):
            text[row, : len(prompt) + 1] = [*prompt, *first]
        position = (length - 1)[:, None]
        told = length - 1
        limit, used, rounds = told + count, time, 1
        while True:
            now = np.minimum(backend.convert_to_numpy(length), limit)
            texts = backend.convert_to_numpy(text)
            yield [texts[row, told[row] : now[row]] for row in range(batch)]
            told = now
            begins = limit - count
            if all(
                told[row] >= limit[row] or np.isin(texts[row, begins[row] : told[row]], self.end).any()
                for row in range(batch)
            ):
                return
            if used + step > slots.shape[1]:
                drafts = grown(drafts, slots)[0]
                memories, slots = grown(memories, slots)
            program = self._program(self._rounds, batch, slots.shape[1], text.shape[1])
            draw = np.array([seed, rounds], "int32")
            state = program(piece, position, list(memories), slots, list(drafts), np.int32(used), text, length, draw)
            piece, position, memories, slots, drafts, text, length = state
            used, rounds = used + step, rounds + ROUNDS
