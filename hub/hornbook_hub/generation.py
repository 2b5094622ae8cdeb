"""Writing on: one compiled loop that reads the prompt once and then writes a stretch of pieces at a time.

    prompts -> left-padded ids -> prefill (one call) -> stretches of `STRETCH` pieces (one call each) -> texts

The weights are read once for each piece, which is what the time goes into; so everything else stays in the compiled loop:
the cache (one pair of keys and values a layer), the choice of the next piece, and who is done. Prompts are padded on the
left to one of a few lengths, and the cache has one of a few sizes, so that a new prompt finds its program compiled.
"""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from hornbook import backend, layers, ops, tree
from hornbook.core.scopes import StatelessScope
from hornbook.quantization.integers import Integers
from hornbook_hub.decoders import NOWHERE, Cache
from hornbook_hub.sampling import Sampler

STRETCH = 16  # pieces between two looks of the host
SMALLEST_CACHE = 128


def prompt_size(length: int) -> int:
    """The length that a prompt is padded to: 16, 24, 32, 48, 64, 96, ...

    >>> [prompt_size(n) for n in (1, 17, 32, 100)]
    [16, 24, 32, 128]
    """
    size = 16
    while size < length:
        size = size * 3 // 2 if size & (size - 1) == 0 else size * 4 // 3
    return size


def cache_size(slots: int) -> int:
    """The size of a cache that has so many slots: a multiple of an eighth of the power of two above, at least 128.

    >>> [cache_size(n) for n in (10, 129, 600, 1500)]
    [128, 160, 640, 1536]
    """
    step = max(32, 2 ** max(0, (slots - 1).bit_length() - 3))
    return max(SMALLEST_CACHE, -(-slots // step) * step)


def has_room(count: int, table: str = "/proc/meminfo") -> bool:
    """Whether the system can spare so many bytes: a quarter of what is free; 1 GB where it does not say.

    >>> has_room(1000), has_room(10**15), has_room(2 * 10**9, "no such file")
    (True, False, False)
    """
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path(table).read_text())
    except OSError:
        found = None
    return count <= (int(found[1]) * 1024 // 4 if found else 10**9)


class Writer:
    """Writes on after a batch of prompts.

    Args:
        model: a causal language model: its `backbone` and `head`.
        sampler: how the next piece is chosen.
        end: ids that end a text.
        pad: the id that stands behind the end.
    """

    def __init__(self, model: Any, sampler: Sampler, end: Sequence[int], pad: int) -> None:
        self.model, self.sampler, self.end, self.pad = model, sampler, tuple(end), pad
        self._programs: dict[tuple, Any] = {}
        for layer in model._flatten_layers():
            if isinstance(power := getattr(layer, "_power", None), Integers):
                power.lay_rows()

    def _program(self, function: Any, *sizes: int) -> Any:
        """A function compiled for these sizes."""
        key = (function.__name__, *sizes)
        if key not in self._programs:
            self._programs[key] = backend.compile(function, jit=True)
        return self._programs[key]

    # -- what is compiled ------------------------------------------------------------------------------------------
    def _logits(self, hidden: Any) -> Any:
        return self.model.head({"last_hidden_state": hidden[:, -1:]})[:, 0]

    def _chosen(self, logits: Any, seen: Any, done: Any, seed: Any) -> tuple[Any, Any, Any]:
        """The next pieces (B, 1), what was seen by now, and who is done."""
        pieces = self.sampler.choose(logits, seen, seed)
        pieces = ops.where(done, self.pad, pieces)
        for number in self.end:
            done = ops.logical_or(done, pieces == number)
        if self.sampler.looks_back:
            seen = ops.logical_or(seen, ops.cast(ops.one_hot(pieces, seen.shape[-1]), "bool"))
        return pieces[:, None], seen, done

    def _read(self, ids: Any, positions: Any, memories: Any, slots: Any, seen: Any, seed: Any, source: Any) -> Any:
        """Read the prompts and choose a first piece: pieces, the cache's parts, what was seen, who is done."""
        hidden, cache = self.model.backbone.decode(ids, positions, Cache(memories, slots, 0, source))
        done = ops.zeros((ids.shape[0],), "bool")
        pieces, seen, done = self._chosen(self._logits(hidden), seen, done, seed)
        return pieces, cache.layers, cache.slots, seen, done

    def _write(
        self,
        pieces: Any,
        position: Any,
        memories: Any,
        slots: Any,
        used: Any,
        seen: Any,
        done: Any,
        seed: Any,
        source: Any,
        laid: Any,
    ) -> Any:
        """Write a stretch: the written pieces (B, STRETCH), and the state after them."""

        def body(
            step: Any, pieces: Any, position: Any, memories: Any, slots: Any, seen: Any, done: Any, written: Any
        ) -> tuple:
            with self._in_rows(laid, pieces.shape[0]):
                hidden, cache = self.model.backbone.decode(
                    pieces, position, Cache(memories, slots, used + step, source)
                )
            draw = ops.stack([seed[0], seed[1] + step])
            pieces, seen, done = self._chosen(self._logits(hidden), seen, done, draw)
            written = ops.slice_update(written, (0, step), pieces)
            return step + 1, pieces, position + 1, cache.layers, cache.slots, seen, done, written

        written = ops.full((pieces.shape[0], STRETCH), self.pad, "int32")
        state = (ops.cast(0, "int32"), pieces, position, memories, slots, seen, done, written)
        state = ops.while_loop(lambda step, *rest: step < STRETCH, body, state)
        _, pieces, position, memories, slots, seen, done, written = state
        return written, pieces, position, memories, slots, seen, done

    # -- kernels in rows ---------------------------------------------------------------------------------------------
    def _kernels(self, vectors: int) -> list[Any]:
        """The kernels that products with so many vectors read faster when they lie in rows."""
        dense = (layer for layer in self.model.backbone._flatten_layers() if isinstance(layer, layers.Dense))
        kernels = {id(layer.kernel): layer.kernel for layer in dense if layer._power is None}
        return [kernel for kernel in kernels.values() if backend.is_worth_rows(kernel, vectors)]

    def _laid(self, vectors: int, count: int) -> list[Any]:
        """The rows of these kernels, where so many steps are worth it; they are kept no longer than the steps take."""
        kernels = self._kernels(vectors) if count > STRETCH and backend.current_strategy() is None else []
        if not kernels or not has_room(4 * sum(math.prod(kernel.shape) for kernel in kernels)):
            return []
        return backend.lay_rows([kernel.value for kernel in kernels])

    def _in_rows(self, laid: list[Any], vectors: int) -> AbstractContextManager:
        """Inside, kernels are read as the transposes of their rows, by which the backend knows these."""
        if not laid:
            return nullcontext()
        return StatelessScope(zip(self._kernels(vectors), map(ops.transpose, laid), strict=True))

    # -- what runs on the host ---------------------------------------------------------------------------------------
    def _arranged(self, prompts: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
        """The prompts' ids and positions, (B, T) each, padded on the left."""
        time = prompt_size(max(map(len, prompts)))
        ids = np.full((len(prompts), time), self.pad, "int32")
        positions = np.full((len(prompts), time), NOWHERE, "int32")
        for row, prompt in enumerate(prompts):
            ids[row, time - len(prompt) :] = prompt
            positions[row, time - len(prompt) :] = np.arange(len(prompt))
        return ids, positions

    @staticmethod
    def _sizes(source: Any) -> tuple[int, ...]:
        """The sizes of what a decoder looks at besides, for which programs are compiled."""
        return tuple(size for part in tree.flatten(source) for size in part.shape)

    def _seen(self, prompts: Sequence[Sequence[int]], count: int) -> Any:
        """What the choice of the first piece depends on besides the logits: which pieces (B, V) were there."""
        seen = np.zeros((len(prompts), self.model.config.vocab_size if self.sampler.looks_back else 0), "bool")
        if self.sampler.looks_back:
            for row, prompt in enumerate(prompts):
                seen[row, list(prompt)] = True
        return seen

    def write(
        self, prompts: Sequence[Sequence[int]], count: int, seed: int = 0, source: Any = ()
    ) -> Iterator[np.ndarray]:
        """The pieces that follow each prompt, stretch by stretch: arrays (B, 1), then (B, up to STRETCH).

        Args:
            prompts: ids, at least one a prompt.
            count: how many pieces to write after each; fewer where all have come to an end.
            seed: of the draws.
            source: what the decoder looks at besides, see `Cache`.
        """
        ids, positions = self._arranged(prompts)
        batch, time = ids.shape
        cache = self.model.backbone.new_cache(batch, cache_size(time + min(count, 256) + STRETCH))
        seen = self._seen(prompts, count)
        beside = self._sizes(source)
        prefill = self._program(self._read, batch, time, cache.slots.shape[1], *beside)
        pieces, memories, slots, seen, done = prefill(
            ids, positions, cache.layers, cache.slots, seen, np.array([seed, 0], "int32"), source
        )
        yield backend.convert_to_numpy(pieces)
        position = np.array([[len(prompt)] for prompt in prompts], "int32")
        used, left = time, count - 1
        laid = self._laid(batch, left)
        while left > 0 and not backend.convert_to_numpy(done).all():
            if used + STRETCH > slots.shape[1]:
                memories, slots = grown(memories, slots)
            draw = np.array([seed, 1 + used - time], "int32")
            stretch = self._program(self._write, batch, slots.shape[1], *beside, len(laid))
            written, pieces, position, memories, slots, seen, done = stretch(
                pieces, position, memories, slots, np.int32(used), seen, done, draw, source, laid
            )
            yield backend.convert_to_numpy(written)[:, :left]
            used, left = used + STRETCH, left - STRETCH


def grown(memories: Any, slots: Any) -> tuple[Any, Any]:
    """A cache of twice the size that holds the same."""
    more = slots.shape[1]
    pairs = [tuple(ops.pad(part, ((0, 0), (0, 0), (0, more), (0, 0))) for part in pair) for pair in memories]
    return pairs, ops.pad(slots, ((0, 0), (0, more)), constant_values=NOWHERE)
