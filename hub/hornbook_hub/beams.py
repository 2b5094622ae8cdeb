"""Searches that try several continuations of a text at once: beams, and contrastive search.

Both keep the cache as the other writers do, with a row for each continuation: where rows are chosen, their slots move along.

Axes: B batch, K beams or candidates, V vocabulary, N pieces to write, M hidden_size, S slots.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hornbook import backend, ops, tree
from hornbook_hub.decoders import NOWHERE, Cache
from hornbook_hub.generation import Writer, cache_size, prompt_size

NEVER = -1e9  # the score of a text that is not there


def repeated(parts: Any, times: int) -> Any:
    """Each row so many times, one after the other: (B, ...) -> (B K, ...), of an array or of a structure of them."""
    return tree.map_structure(lambda part: ops.repeat(part, times, axis=0), parts)


def picked(parts: Any, rows: Any) -> Any:
    """Some rows of an array or of a structure of them."""
    return tree.map_structure(lambda part: ops.take(part, rows, axis=0), parts)


class BeamWriter(Writer):
    """Writes by beam search; `sampler` is a `Beams`. What it has written is known at the end, and is given at once."""

    def _read_beams(self, ids: Any, positions: Any, memories: Any, slots: Any, source: Any) -> tuple[Any, Any, Any]:
        """The log probabilities (B, V) of the first piece, and the cache."""
        hidden, cache = self.model.backbone.decode(ids, positions, Cache(memories, slots, 0, source))
        return self._logs(hidden), cache.layers, cache.slots

    def _logs(self, hidden: Any) -> Any:
        return ops.log_softmax(ops.cast(self._logits(hidden), "float32"), axis=-1)

    def _search(
        self,
        logs: Any,
        memories: Any,
        slots: Any,
        position: Any,
        used: Any,
        room: Any,
        count: Any,
        source: Any,
        laid: Any,
    ) -> Any:
        """The best text (B, N) of each row after at most `count` pieces; `room` is an empty (N,)."""
        beams, batch, length = self.sampler.num_beams, logs.shape[0], room.shape[0]
        sources = repeated(source, beams)
        first = ops.where(ops.arange(beams) == 0, 0.0, NEVER)  # all beams are the same text yet: only one counts
        state = (
            ops.cast(0, "int32"),
            repeated(logs, beams),
            repeated(memories, beams),
            repeated(slots, beams),
            ops.full((batch, beams, length), self.pad, "int32"),  # the texts that go on
            ops.zeros((batch, beams)) + first,
            ops.full((batch, beams, length), self.pad, "int32"),  # the texts that have ended
            ops.full((batch, beams), NEVER),
            ops.zeros((batch, beams), "bool"),
            ops.ones((batch,), "bool"),  # whether the row's search goes on
        )

        def goes_on(step: Any, *rest: Any) -> Any:
            return ops.logical_and(step < count, ops.any(rest[-1]))

        def body(step: Any, logs: Any, memories: Any, slots: Any, *before: Any) -> tuple:
            pieces, rows, *texts = self._step(step, logs, count, *before)
            memories, slots = picked(memories, rows), picked(slots, rows)
            cache = Cache(memories, slots, used + step, sources)
            with self._in_rows(laid, batch * beams):
                hidden, cache = self.model.backbone.decode(pieces, repeated(position, beams) + step, cache)
            return (step + 1, self._logs(hidden), cache.layers, cache.slots, *texts)

        found = ops.while_loop(goes_on, body, state)
        written, scores = found[6], found[7]
        best = ops.argmax(scores, axis=1)[:, None, None]
        return ops.take_along_axis(written, best, axis=1)[:, 0]

    def _step(
        self, step: Any, logs: Any, count: Any, texts: Any, scores: Any, written: Any, final: Any, ended: Any, on: Any
    ) -> tuple:
        """One piece more: the pieces (B K, 1) and rows (B K,) that go on, and the texts."""
        settings, (batch, beams, length) = self.sampler, texts.shape
        vocabulary = logs.shape[-1]
        kept = max(2, 1 + len(self.end)) * beams  # as many go on where the likeliest have all ended
        totals = ops.reshape(ops.reshape(logs, (batch, beams, vocabulary)) + scores[..., None], (batch, -1))
        totals, places = ops.top_k(totals, kept)  # (B, kept)
        beam, pieces = places // vocabulary, places % vocabulary
        tried = ops.take_along_axis(texts, beam[..., None], axis=1)
        tried = ops.where(ops.arange(length) == step, pieces[..., None], tried)
        finished = ops.zeros_like(pieces, dtype="bool")
        for number in self.end:
            finished = ops.logical_or(finished, pieces == number)
        finished = ops.logical_or(finished, step + 1 >= count)

        # Those that have ended compete with those that had; only the first `num_beams` may.
        pieces_now = ops.cast(step + 1, "float32")
        allowed = ops.logical_and(finished, ops.arange(kept) < beams)
        allowed = ops.logical_and(allowed, on[:, None])
        if settings.early_stopping is True:
            allowed = ops.logical_and(allowed, ops.logical_not(ops.all(ended, axis=1, keepdims=True)))
        values = ops.where(allowed, totals / pieces_now**settings.length_penalty, NEVER)
        final, order = ops.top_k(ops.concatenate([final, values], axis=1), beams)
        written = ops.take_along_axis(ops.concatenate([written, tried], axis=1), order[..., None], axis=1)
        ended = ops.take_along_axis(ops.concatenate([ended, allowed], axis=1), order, axis=1)

        # Those that have not ended go on.
        scores, order = ops.top_k(ops.where(finished, totals + NEVER, totals), beams)
        texts = ops.take_along_axis(tried, order[..., None], axis=1)
        pieces = ops.reshape(ops.take_along_axis(pieces, order, axis=1), (-1, 1))
        rows = ops.take_along_axis(beam, order, axis=1) + ops.arange(batch)[:, None] * beams
        longest = pieces_now
        if settings.early_stopping == "never" and settings.length_penalty > 0:
            longest = ops.cast(count, "float32")
        best = scores[:, 0] / longest**settings.length_penalty
        worst = ops.where(ops.all(ended, axis=1), ops.min(final, axis=1), NEVER)
        on = ops.logical_and(on, best > worst)
        if settings.early_stopping is True:
            on = ops.logical_and(on, ops.logical_not(ops.all(ended, axis=1)))
        return ops.cast(pieces, "int32"), ops.reshape(rows, (-1,)), texts, scores, written, final, ended, on

    def write(
        self, prompts: Sequence[Sequence[int]], count: int, seed: int = 0, source: Any = ()
    ) -> Iterator[np.ndarray]:
        """The pieces after each prompt, (B, count), at once; what stands behind an end is padding."""
        ids, positions = self._arranged(prompts)
        batch, time = ids.shape
        room = prompt_size(count)
        cache = self.model.backbone.new_cache(batch, cache_size(time + room))
        size = cache.slots.shape[1]
        beside = self._sizes(source)
        read = self._program(self._read_beams, batch, time, size, *beside)
        logs, memories, slots = read(ids, positions, cache.layers, cache.slots, source)
        position = np.array([[len(prompt)] for prompt in prompts], "int32")
        laid = self._laid(batch * self.sampler.num_beams, count)
        search = self._program(self._search, batch, size, room, *beside, len(laid))
        empty = np.zeros((room,), "int32")
        found = search(logs, list(memories), slots, position, np.int32(time), empty, np.int32(count), source, laid)
        yield backend.convert_to_numpy(found)[:, :count]


class ContrastiveWriter(Writer):
    """Writes by contrastive search; `sampler` is a `Contrastive`."""

    def _read_states(
        self, ids: Any, positions: Any, memories: Any, slots: Any, source: Any
    ) -> tuple[Any, Any, Any, Any]:
        """The logits (B, V) of the first piece, the cache, and the directions (B, S, M) of the hidden states."""
        hidden, cache = self.model.backbone.decode(ids, positions, Cache(memories, slots, 0, source))
        room = slots.shape[1] - ids.shape[1]
        return (
            self._logits(hidden),
            cache.layers,
            cache.slots,
            ops.pad(_directions(hidden), ((0, 0), (0, room), (0, 0))),
        )

    def _contrast(
        self,
        logits: Any,
        memories: Any,
        slots: Any,
        states: Any,
        position: Any,
        used: Any,
        room: Any,
        count: Any,
        source: Any,
        laid: Any,
    ) -> Any:
        """The text (B, N) after at most `count` pieces."""
        alpha, candidates, batch = self.sampler.penalty_alpha, self.sampler.top_k, logits.shape[0]
        candidates = min(candidates, logits.shape[-1])
        sources = repeated(source, candidates)

        def goes_on(step: Any, done: Any, *rest: Any) -> Any:
            return ops.logical_and(step < count, ops.logical_not(ops.all(done)))

        def body(step: Any, done: Any, written: Any, logits: Any, memories: Any, slots: Any, states: Any) -> tuple:
            likely, pieces = ops.top_k(ops.softmax(ops.cast(logits, "float32"), axis=-1), candidates)  # (B, K)
            pieces = ops.cast(pieces, "int32")
            cache = Cache(repeated(memories, candidates), repeated(slots, candidates), used + step, sources)
            here = repeated(position, candidates) + step
            with self._in_rows(laid, batch * candidates):
                hidden, cache = self.model.backbone.decode(ops.reshape(pieces, (-1, 1)), here, cache)
            new = ops.reshape(_directions(hidden), (batch, candidates, -1))
            alike = ops.einsum("bkm,bsm->bks", new, states)
            alike = ops.max(ops.where(slots[:, None, :] > NOWHERE, alike, -1.0), axis=-1)
            best = ops.cast(ops.argmax((1 - alpha) * likely - alpha * alike, axis=1), "int32")
            rows = ops.arange(batch, dtype="int32") * candidates + best
            chosen = ops.take_along_axis(pieces, best[:, None], axis=1)[:, 0]
            states = ops.slice_update(
                states, (0, used + step, 0), ops.take_along_axis(new, best[:, None, None], axis=1)
            )
            logits = picked(self._logits(hidden), rows)
            chosen = ops.where(done, self.pad, chosen)
            written = ops.slice_update(written, (0, step), chosen[:, None])
            for number in self.end:
                done = ops.logical_or(done, chosen == number)
            return step + 1, done, written, logits, picked(cache.layers, rows), picked(cache.slots, rows), states

        written = ops.full((batch, room.shape[0]), self.pad, "int32")
        done = ops.zeros((batch,), "bool")
        return ops.while_loop(goes_on, body, (ops.cast(0, "int32"), done, written, logits, memories, slots, states))[2]

    def write(
        self, prompts: Sequence[Sequence[int]], count: int, seed: int = 0, source: Any = ()
    ) -> Iterator[np.ndarray]:
        """The pieces after each prompt, (B, count), at once."""
        ids, positions = self._arranged(prompts)
        batch, time = ids.shape
        room = prompt_size(count)
        cache = self.model.backbone.new_cache(batch, cache_size(time + room))
        size = cache.slots.shape[1]
        beside = self._sizes(source)
        read = self._program(self._read_states, batch, time, size, *beside)
        logits, memories, slots, states = read(ids, positions, cache.layers, cache.slots, source)
        position = np.array([[len(prompt)] for prompt in prompts], "int32")
        laid = self._laid(batch * min(self.sampler.top_k, logits.shape[-1]), count)
        contrast = self._program(self._contrast, batch, size, room, *beside, len(laid))
        empty = np.zeros((room,), "int32")
        state = (logits, list(memories), slots, states, position, np.int32(time), empty, np.int32(count), source, laid)
        found = contrast(*state)
        yield backend.convert_to_numpy(found)[:, :count]


def _directions(hidden: Any) -> Any:
    """Vectors of length 1."""
    hidden = ops.cast(hidden, "float32")
    return hidden * ops.rsqrt(ops.maximum(ops.sum(ops.square(hidden), axis=-1, keepdims=True), 1e-20))
