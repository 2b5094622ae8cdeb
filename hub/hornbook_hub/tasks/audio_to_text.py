"""Models that write down what is said in a sound, and when.

A piece of text, or a moment: `<|0.00|>`, `<|0.02|>`, ... are pieces too. The model writes a moment, what is said from there on,
the moment at which that ends, and so on; a longer sound is read in windows, each from the last such moment on.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hornbook import ops
from hornbook_hub.generation import Writer
from hornbook_hub.sampling import LOWEST, Sampler, sampler_of
from hornbook_hub.tasks.seq2seq_lm import Seq2SeqLM

SECONDS = 0.02  # between two moments, of which each has a piece; two frames of features


class SpeechWriter(Writer):
    """Writes what is heard: some pieces are never written, and moments keep their order.

    Args:
        model: an `AudioToText`.
        sampler: how the next piece is chosen.
        end: ids that end a text.
        pad: the id that stands behind the end.
        never: ids that are not written.
        not_first: ids that are not written first.
        first_moment: the id of `<|0.00|>`, None to write no moments.
        latest_start: how many moments may be before the first one that is written; all if None.
    """

    def __init__(
        self,
        model: Any,
        sampler: Sampler,
        end: Sequence[int],
        pad: int,
        never: Sequence[int] = (),
        not_first: Sequence[int] = (),
        first_moment: int | None = None,
        latest_start: int | None = None,
    ) -> None:
        super().__init__(model, sampler, end, pad)
        size = model.config.vocab_size
        self.never, self.not_first = flags(never, size), flags(not_first, size)
        self.first_moment, self.latest_start = first_moment, latest_start

    def _seen(self, prompts: Sequence[Sequence[int]], count: int) -> np.ndarray:
        """What `_chosen` is told (B, 4): how much was written, the last piece, the one before, the last moment."""
        return np.tile(np.array([[0, -1, -1, -1]], "int32"), (len(prompts), 1))

    def _chosen(self, logits: Any, seen: Any, done: Any, seed: Any) -> tuple[Any, Any, Any]:
        """The next pieces (B, 1), what was written by now, and who is done."""
        pieces, _, done = super()._chosen(self.allowed(logits, seen), seen, done, seed)
        count, last, _, moment = ops.split(seen, 4, axis=1)
        if self.first_moment is not None:
            moment = ops.where(pieces >= self.first_moment, pieces, moment)
        return pieces, ops.concatenate([count + 1, pieces, last, moment], axis=1), done

    def allowed(self, logits: Any, written: Any) -> Any:
        """Logits (B, V) of the pieces that may come next, after what was written (B, 4).

        Moments come in pairs, the end of a part and the beginning of the next, but for the first one and before the end of the
        text; they never go back; and where all moments together are likelier than any other piece, it is a moment.
        """
        logits, number = ops.cast(logits, "float32"), ops.arange(logits.shape[-1], dtype="int32")[None]
        count, last, before, moment = ops.split(written, 4, axis=1)
        forbidden = ops.logical_or(self.never, ops.logical_and(self.not_first, count == 0))
        if self.first_moment is not None:
            zero = self.first_moment
            is_moment = number >= zero
            after_moment = ops.logical_and(count > 0, last >= zero)
            after_two = ops.logical_and(after_moment, ops.logical_or(count < 2, before >= zero))
            after_one = ops.logical_and(after_moment, ops.logical_not(after_two))
            earliest = ops.where(moment < 0, zero, ops.where(after_one, moment, moment + 1))
            latest = number.shape[1] if self.latest_start is None else zero + self.latest_start
            for wrong in (
                number == zero - 1,  # the piece that says: no moments
                ops.logical_and(after_two, is_moment),
                ops.logical_and(after_one, number < self.end[0]),
                ops.logical_and(is_moment, number < earliest),
                ops.logical_and(count == 0, ops.logical_or(number < zero, number > latest)),
            ):
                forbidden = ops.logical_or(forbidden, wrong)
            logits = ops.where(forbidden, LOWEST, logits)
            together = ops.logsumexp(logits[:, zero:], axis=1, keepdims=True)
            likelier = together > ops.max(logits[:, :zero], axis=1, keepdims=True)
            forbidden = ops.logical_and(likelier, ops.logical_not(is_moment))
        return ops.where(forbidden, LOWEST, logits)


def flags(ids: Sequence[int], size: int) -> np.ndarray:
    """(1, size), True for these ids; those out of range are no ids of this model."""
    found = np.zeros((1, size), "bool")
    found[0, [number for number in ids if 0 <= number < size]] = True
    return found


class AudioToText(Seq2SeqLM):
    """Speech as text: logits (B, T, vocab_size) of `input_features` and `decoder_input_ids` (or `labels`).

    `fit` takes sounds and their texts; a sound is samples (N,), floats from -1 to 1.
    """

    task = "audio_to_text"

    def transcribe(
        self,
        audio: Any,
        language: str | None = None,
        task: str | None = None,
        timestamps: bool = True,
        sampling_rate: int | None = None,
        max_new_tokens: int | None = None,
        sampler: Any = None,
        seed: int = 0,
    ) -> Any:
        """What is said in a sound, and when. A sound that is longer than the model reads at once is read in windows.

        Args:
            audio: a sound, (N,) samples, or several; or {"input_features": (B, mel bands, frames)}.
            language: the code of what is spoken, such as "en"; if None, what the checkpoint says, or what is heard.
            task: "transcribe", or "translate" into English; if None, what the checkpoint says.
            timestamps: whether to write moments; a sound that is read in windows needs them.
            sampling_rate: samples a second, checked if given.
            max_new_tokens: how many pieces to write for a window; as many as there are positions if None.
            sampler: how pieces are drawn, "greedy" if None.
            seed: of the draws.

        Returns:
            {"text", "language" (a code, or None), "segments": [{"start", "end" (seconds), "text", "tokens"}]} for each
            sound, one alone where one was given; a text is None where there is no tokenizer.

        Raises:
            ValueError: for a language, a task or moments that the checkpoint does not know, and for another sampling rate.
        """
        features, one = self._features(audio, sampling_rate)
        found: list[dict[str, Any]] = [{"segments": []} for _ in features]
        for row, name, segments in self._windows(features, language, task, timestamps, max_new_tokens, sampler, seed):
            found[row]["language"] = name
            found[row]["segments"] += segments
        for sound in found:
            sound["text"] = self._text([piece for segment in sound["segments"] for piece in segment["tokens"]])
        return found[0] if one else found

    def generate(self, audio: Any, **settings: Any) -> Any:
        """What is said in a sound, or in several, as text alone.

        Args:
            audio: as `transcribe` has it.
            settings: as `transcribe` has them; moments are written for sounds alone that are read in windows.
        """
        features, _ = self._features(audio, settings.get("sampling_rate"))
        settings.setdefault("timestamps", any(self._is_long(sound) for sound in features))
        found = self.transcribe(audio, **settings)
        return [sound["text"] for sound in found] if isinstance(found, list) else found["text"]

    def stream(self, audio: Any, **settings: Any) -> Iterator[str]:
        """What `transcribe` finds in one sound, as it comes: the text of each part that it hears."""
        features, one = self._features(audio, settings.pop("sampling_rate", None))
        if not one:
            raise ValueError(f"stream() listens to one sound, got {len(features)}.")
        for _, _, segments in self._windows(features, **settings):
            yield from (segment["text"] for segment in segments)

    def score(self, audio: Any, texts: Any) -> list[np.ndarray]:
        """The log probability of each piece of a text, given the sound and the pieces before.

        Args:
            audio: sounds, of which the beginning is heard that the model reads at once.
            texts: texts, or rows of ids, one for each.
        """
        wanted, _, _ = self._rows(texts)
        return self._scores(self.encoded(audio), wanted)

    def _labels(self, targets: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """As ever; a tokenizer may begin with the piece that begins every target, which is no label."""
        labels, there = super()._labels(targets)
        if (labels[:, 0] == self.start_id).all():
            labels, there = labels[:, 1:], there[:, 1:]
        return labels, there

    # -- reading -----------------------------------------------------------------------------------------------------
    def _features(self, audio: Any, sampling_rate: int | None) -> tuple[list[np.ndarray], bool]:
        """The features of each sound in its whole length; whether there was one alone."""
        if isinstance(audio, dict):
            return [np.asarray(sound, "float32") for sound in audio["input_features"]], False
        if self.preprocessor is None or not self.preprocessor.takes(audio):
            raise ValueError(
                f"audio must be samples (N,) in floats, a list of these, or a dictionary of input_features; got "
                f"{type(audio).__name__}" + ("." if self.preprocessor else ", and this model has no preprocessor.")
            )
        wanted = self.preprocessor.settings.sampling_rate
        if sampling_rate not in (None, wanted):
            raise ValueError(f"The model hears {wanted} samples a second, got {sampling_rate}; resample the sound.")
        one = np.ndim(audio[0]) == 0
        return [self.preprocessor.features(np.asarray(sound)) for sound in ([audio] if one else audio)], one

    def _is_long(self, features: np.ndarray) -> bool:
        return features.shape[1] > self.backbone.frames

    def _windows(
        self,
        features: list[np.ndarray],
        language: str | None = None,
        task: str | None = None,
        timestamps: bool = True,
        max_new_tokens: int | None = None,
        sampler: Any = None,
        seed: int = 0,
    ) -> Iterator[tuple[int, str | None, list[dict[str, Any]]]]:
        """Read window by window: which sound, its language, and what was said.

        All sounds are read side by side; those that have ended are silence.
        """
        if not timestamps and any(map(self._is_long, features)):
            raise ValueError(
                "timestamps=False is for sounds that the model reads at once; a longer one is read in windows, which begin at "
                "the moments that are written."
            )
        prompts = self._prompts(features, language, task, timestamps)
        names = self._languages()
        writer = self._speech_writer(sampler_of(sampler or "greedy"), timestamps)
        longest = self.generation_config.get("max_length") or self.longest_text
        room = min(longest + len(prompts[0]), self.longest_text) - len(prompts[0])
        count = room if max_new_tokens is None else min(max_new_tokens, room)
        if count < 1:
            raise ValueError(f"There is no room to write: max_new_tokens is {max_new_tokens}, and {room} are left.")
        at = [0] * len(features)  # the frame from which each sound is to be read
        while any(start < sound.shape[1] for start, sound in zip(at, features, strict=True)):
            window = np.stack([self._window(sound, start) for sound, start in zip(features, at, strict=True)])
            written = self._drained(writer.write(prompts, count, seed, self._source({"input_features": window})))
            for row, (sound, pieces) in enumerate(zip(features, written, strict=True)):
                if at[row] >= sound.shape[1]:
                    continue
                frames = min(self.backbone.frames, sound.shape[1] - at[row])
                parts, step = split_by_moments(pieces, self.first_moment, frames)
                language_of = next((names[number] for number in prompts[row] if number in names), None)
                yield row, language_of, [self._segment(part, at[row]) for part in parts]
                at[row] += step

    def _window(self, features: np.ndarray, start: int) -> np.ndarray:
        """What the model reads from a frame on; behind the end, there are zeros."""
        window = features[:, start : start + self.backbone.frames]
        return np.pad(window, ((0, 0), (0, self.backbone.frames - window.shape[1])))

    def _drained(self, stretches: Iterator[np.ndarray]) -> list[list[int]]:
        """All that is written, up to the end of each text, which is left out."""
        written: list[list[int]] = []
        for pieces in stretches:
            written = written or [[] for _ in pieces]
            for row, new in enumerate(pieces):
                written[row] += self._until_end(written[row], new)
        return [row[:-1] if self._has_ended(row) else row for row in written]

    def _segment(self, part: tuple[int, int, list[int]], frame: int) -> dict[str, Any]:
        first, last, pieces = part
        begin = frame * SECONDS / 2
        return {
            "start": begin + first * SECONDS,
            "end": begin + last * SECONDS,
            "text": self._text(pieces),
            "tokens": pieces,
        }

    def _text(self, pieces: Sequence[int]) -> str | None:
        """The text of pieces, moments left out."""
        if self.tokenizer is None:
            return None
        limit = self.config.vocab_size if self.first_moment is None else self.first_moment
        return self.tokenizer.decode([piece for piece in pieces if piece < limit])

    # -- what the checkpoint says of writing -------------------------------------------------------------------------
    def _setting(self, name: str) -> Any:
        """A key of `generation_config.json`; of older checkpoints, of `config.json`."""
        found = self.generation_config.get(name)
        return self.config.inert.get(name) if found is None else found

    @property
    def first_moment(self) -> int | None:
        """The id of `<|0.00|>`; None for a checkpoint without moments."""
        before = self.generation_config.get("no_timestamps_token_id")
        return None if before is None else int(before) + 1

    def _languages(self) -> dict[int, str]:
        """The code of each language that the checkpoint knows, by its id."""
        known = self.generation_config.get("lang_to_id") or {}
        return {int(number): token.strip("<|>") for token, number in known.items()}

    def _speech_writer(self, sampler: Sampler, timestamps: bool) -> Writer:
        if sampler.looks_back:
            raise ValueError("repetition_penalty is not for speech: what is said twice is written twice.")
        latest = self.generation_config.get("max_initial_timestamp_index") if timestamps else None
        never, not_first = (tuple(self._setting(name) or ()) for name in ("suppress_tokens", "begin_suppress_tokens"))
        key = (
            sampler,
            self.end_ids,
            self.pad_id,
            never,
            not_first,
            self.first_moment if timestamps else None,
            latest,
        )
        if key not in self._writers:
            self._writers[key] = SpeechWriter(self, *key)
        return self._writers[key]

    def _prompts(
        self, features: list[np.ndarray], language: str | None, task: str | None, timestamps: bool
    ) -> list[list[int]]:
        """What each target begins with: the piece that begins it, the language, the task, and whether there are moments.

        Raises:
            ValueError: for what the checkpoint does not know.
        """
        settings, moments = self.generation_config, self.first_moment
        languages = {code: number for number, code in self._languages().items()}
        tasks = settings.get("task_to_id") or {}
        if (language or task) and settings.get("is_multilingual") is False:
            raise ValueError("This checkpoint hears English alone: leave out language and task.")
        if timestamps and (moments is None or not self.end_ids):
            raise ValueError(
                "This checkpoint writes no moments: its generation_config.json has no no_timestamps_token_id. Pass "
                "timestamps=False."
            )
        language, task = language or settings.get("language"), task or settings.get("task")
        code = None if language is None else language.lower().strip("<|>")
        if code is not None and code not in languages:
            raise ValueError(f"language must be one of {sorted(languages)}, got {language!r}.")
        if task is not None and task not in tasks:
            raise ValueError(f"task must be one of {sorted(tasks)}, got {task!r}.")
        forced = [] if code or task else forced_ids(self._setting("forced_decoder_ids"))
        prompt: list[int | None] = [self.start_id, *forced]
        if code is not None:
            prompt[1:2] = [languages[code]]
        elif languages and (len(prompt) == 1 or prompt[1] is None):
            return [
                self._completed([self.start_id, heard, *prompt[2:]], None, task, timestamps)
                for heard in self._heard(features, sorted(languages.values()))
            ]
        return [self._completed(prompt, code, task, timestamps)] * len(features)

    def _completed(self, prompt: list, code: str | None, task: str | None, timestamps: bool) -> list[int]:
        """A prompt with its task, and with the piece that says that there are no moments."""
        tasks = self.generation_config.get("task_to_id") or {}
        none = None if self.first_moment is None else self.first_moment - 1
        prompt = [number for number in prompt if number is not None and not (task and number in tasks.values())]
        without = [number for number in prompt if number != none]
        if tasks and (task or (code and not set(prompt) & set(tasks.values()))):
            without.append(tasks[task or "transcribe"])
        return without if timestamps or none is None else [*without, none]

    def _heard(self, features: list[np.ndarray], ids: list[int]) -> list[int]:
        """The likeliest of these ids of languages, behind the piece that begins every target."""
        window = np.stack([self._window(sound, 0) for sound in features])
        starts = np.full((len(features), 1), self.start_id, "int32")
        logits = self.predict_on_batch({"input_features": window, "decoder_input_ids": starts})[:, -1]
        return [ids[place] for place in np.argmax(np.asarray(logits)[:, ids], axis=1)]


def forced_ids(pairs: Any) -> list[int | None]:
    """The ids [[1, id], [2, id], ...] that a target begins with behind its first piece; None where one is left open.

    >>> from hornbook_hub.tasks.audio_to_text import forced_ids
    >>> forced_ids([[1, None], [2, 50359]])
    [None, 50359]
    """
    pairs = list(pairs or ())
    if [place for place, _ in pairs] != list(range(1, len(pairs) + 1)):
        raise ValueError(f"forced_decoder_ids must be [[1, id], [2, id], ...], got {pairs}.")
    return [number for _, number in pairs]


def split_by_moments(
    pieces: list[int], first_moment: int | None, frames: int
) -> tuple[list[tuple[int, int, list[int]]], int]:
    """What was written for a window, cut where two moments meet.

    Args:
        pieces: what was written.
        first_moment: the id of `<|0.00|>`, None if there are no moments.
        frames: how much of the window is sound.

    Returns:
        parts (first moment, last moment, pieces), and how many frames on the next window begins: where the last whole part
        ends, or behind this window, if nothing was left open. What is left open is read again in the next window, but
        for the moment at its beginning, which stands at the end of the last part.

    >>> from hornbook_hub.tasks.audio_to_text import split_by_moments
    >>> split_by_moments([100, 7, 8, 110, 110, 9], 100, frames=3000)
    ([(0, 10, [100, 7, 8, 110, 110])], 20)
    """
    zero = max(pieces, default=0) + 1 if first_moment is None else first_moment
    is_moment = [piece >= zero for piece in pieces]
    cuts = [place for place in range(1, len(pieces)) if is_moment[place - 1] and is_moment[place]]
    if not cuts:
        moments = [piece - zero for piece in pieces if piece >= zero]
        last = moments[-1] if moments and moments[-1] else frames // 2
        return [(0, last, pieces)], frames
    closed = is_moment[-2:] == [False, True]  # nothing is said after the last moment
    if closed:
        cuts.append(len(pieces))
    parts = [pieces[begin:end] for begin, end in zip([0, *cuts[:-1]], cuts, strict=True)]
    found = [(part[0] - zero, part[-1] - zero, part) for part in parts]
    if closed:
        return found, frames
    first, last, part = found[-1]
    return [*found[:-1], (first, last, [*part, pieces[cuts[-1]]])], 2 * last
