"""Models that write down what is said in a sound, and when.

A piece of text, or a moment: `<|0.00|>`, `<|0.02|>`, ... are pieces too. The model writes a moment, what is said from there on,
the moment at which that ends, and so on; a longer sound is read in windows, each from the last such moment on.
"""

import itertools
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hornbook import backend, ops, tree
from hornbook_hub.alignment import WITHOUT_SPACES, moments_of, words_of
from hornbook_hub.generation import Writer, cache_size
from hornbook_hub.sampling import LOWEST, Sampler, sampler_of
from hornbook_hub.tasks.seq2seq_lm import Seq2SeqLM

SECONDS = 0.02  # between two moments, of which each has a piece; two frames of features
NOTHING = (0, -1, -1, -1)  # what was written, at the beginning


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """What makes a text be written anew, with more chance in it, and what is no speech.

    Args:
        temperature: of the draws, at first and each time after; 0 takes the likeliest piece. None: as the sampler has it.
        compression_ratio_threshold: a text that zlib makes smaller by more than this repeats itself, and is written anew.
        logprob_threshold: so is one whose pieces have a lower log probability on average.
        no_speech_threshold: where one is that unlikely, and the piece that stands for silence likelier than this, there is
            no speech.

    Raises:
        ValueError: for numbers out of range.
    """

    temperature: float | Sequence[float] | None = None
    compression_ratio_threshold: float | None = None
    logprob_threshold: float | None = None
    no_speech_threshold: float | None = None

    def __post_init__(self) -> None:
        if not self.temperatures or any(number is not None and number < 0 for number in self.temperatures):
            raise ValueError(f"temperature must be 0 or more, or several such numbers, got {self.temperature!r}.")
        if self.no_speech_threshold is not None and self.logprob_threshold is None:
            raise ValueError(
                "no_speech_threshold needs logprob_threshold: silence is what is written without confidence."
            )

    @property
    def temperatures(self) -> tuple[float | None, ...]:
        """One after the other."""
        several = isinstance(self.temperature, Sequence)
        return tuple(self.temperature) if several else (self.temperature,)  # type: ignore[arg-type]

    @property
    def asks_the_model(self) -> bool:
        """Whether it must be known what the model thought of a text."""
        return self.logprob_threshold is not None

    def is_silence(self, log_probability: float, silence: float) -> bool:
        """Whether there is no speech."""
        if self.no_speech_threshold is None or self.logprob_threshold is None:
            return False
        return log_probability < self.logprob_threshold and silence > self.no_speech_threshold

    def is_poor(self, compression: float, log_probability: float) -> bool:
        """Whether to write anew."""
        repeats = self.compression_ratio_threshold is not None and compression > self.compression_ratio_threshold
        return repeats or (self.logprob_threshold is not None and log_probability < self.logprob_threshold)


def compression_ratio(pieces: Sequence[int], vocab_size: int) -> float:
    """How many times fewer bytes zlib needs for these ids than they have, each in as many bytes as the largest needs.

    >>> from hornbook_hub.tasks.audio_to_text import compression_ratio
    >>> compression_ratio(range(100), 51865) < 2 < 10 < compression_ratio([7, 8] * 50, 51865)
    True
    """
    length = int(math.log2(vocab_size) / 8) + 1
    raw = b"".join(int(piece).to_bytes(length, "little") for piece in pieces)
    return len(raw) / len(zlib.compress(raw))


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

    temperature = 1.0  # of the draws; one program for all

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

    def _seen(self, prompts: Sequence[Sequence[int]], count: int) -> Any:
        """What `_chosen` is told: what was written (B, 4), see `allowed`; and the temperature, for all."""
        return np.tile(np.array([NOTHING], "int32"), (len(prompts), 1)), np.float32(self.temperature)

    def _chosen(self, logits: Any, seen: Any, done: Any, seed: Any) -> tuple[Any, Any, Any]:
        """The next pieces (B, 1), what was written by now, and who is done."""
        written, temperature = seen
        pieces, _, done = super()._chosen(self.allowed(logits, written) / temperature, written, done, seed)
        return pieces, (self.with_next(written, pieces), temperature), done

    def with_next(self, written: Any, pieces: Any) -> Any:
        """What was written (B, 4) when these pieces (B, 1) are written too."""
        count, last, _, moment = ops.split(written, 4, axis=1)
        if self.first_moment is not None:
            moment = ops.where(pieces >= self.first_moment, pieces, moment)
        return ops.concatenate([count + 1, pieces, last, moment], axis=1)

    def read_again(
        self, prompt: Sequence[int], pieces: Sequence[int], source: Any, heads: Sequence[tuple[int, int]] = ()
    ) -> tuple:
        """What the model thought as it wrote pieces after a prompt.

        Args:
            prompt, pieces: ids, at least one of each.
            source: what one sound is for the decoder.
            heads: pairs (block, head), those that look at the sound of the piece they write.

        Returns:
            the log probability of each piece (N,), of those that were allowed; the probability of each piece (V,) behind the
            one that begins the prompt, whatever is allowed; and how much each piece looks at each moment, (heads, N, S), None for
            no heads.
        """
        begin, size = len(prompt), len(prompt) + len(pieces)
        time = min(cache_size(size), self.model.longest_text)
        ids = np.full((1, time), self.pad, "int32")
        ids[0, :size] = [*prompt, *pieces]
        states = np.tile(np.array([NOTHING], "int32"), (time, 1))
        for number, piece in enumerate(pieces[: time - begin]):
            states[begin + number] = self.with_next(states[begin + number - 1 : begin + number], np.array([[piece]]))

        def reading(ids: Any, states: Any, source: Any) -> tuple:
            hidden, weights = self.model.backbone.looks(ids, source, heads)
            logits = ops.cast(self.model.head({"last_hidden_state": hidden})[0], "float32")  # (T, V)
            logs = ops.log_softmax(self.allowed(logits, states), axis=-1)
            following = ops.concatenate([ids[0, 1:], ids[0, :1]], axis=0)[:, None]
            found = ops.take_along_axis(logs, following, axis=1)[:, 0]
            return found, ops.softmax(logits[0]), *([weights[0]] if heads else [])

        program = self._program(reading, time, *itertools.chain(*heads), *self._sizes(source))
        logs, first, *looks = map(backend.convert_to_numpy, program(ids, states, source))
        return logs[begin - 1 : size - 1], first, looks[0][:, begin:size] if heads else None

    def allowed(self, logits: Any, written: Any) -> Any:
        """Logits (B, V) of the pieces that may come next, after what was written (B, 4): how much, the last piece, the one
        before, the last moment; -1 where there is none.

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
        timestamps: bool | str = True,
        sampling_rate: int | None = None,
        max_new_tokens: int | None = None,
        sampler: Any = None,
        seed: int = 0,
        **fallback: Any,
    ) -> Any:
        """What is said in a sound, and when. A sound that is longer than the model reads at once is read in windows.

        Args:
            audio: a sound, (N,) samples, or several; or {"input_features": (B, mel bands, frames)}.
            language: the code of what is spoken, such as "en"; if None, what the checkpoint says, or what is heard.
            task: "transcribe", or "translate" into English; if None, what the checkpoint says.
            timestamps: whether to write moments; a sound that is read in windows needs them. "word" tells those of each word
                too.
            sampling_rate: samples a second, checked if given.
            max_new_tokens: how many pieces to write for a window; as many as there are positions if None.
            sampler: how pieces are drawn, "greedy" if None.
            seed: of the draws.
            fallback: `temperature`, instead of a sampler: a number, or several, (0.0, 0.2, 0.4, ...), each for those windows
                whose text was poor before; `compression_ratio_threshold`, `logprob_threshold` and `no_speech_threshold`,
                which say what is poor, see `Fallback`. Those that are not given are the checkpoint's, if it has them.

        Returns:
            {"text", "language" (a code, or None), "segments": [{"start", "end" (seconds), "text", "tokens"}]} for each
            sound, one alone where one was given; a text is None where there is no tokenizer. With timestamps="word" a
            segment has "words" too, each with "text", "start" and "end".

        Raises:
            ValueError: for a language, a task or moments that the checkpoint does not know, and for another sampling rate.
        """
        features, lengths, one = self._features(audio, sampling_rate)
        found: list[dict[str, Any]] = [{"segments": []} for _ in features]
        how = (language, task, timestamps, max_new_tokens, sampler, seed)
        for row, name, segments in self._windows(features, lengths, *how, **fallback):
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
        features, _, _ = self._features(audio, settings.get("sampling_rate"))
        settings.setdefault("timestamps", any(self._is_long(sound) for sound in features))
        found = self.transcribe(audio, **settings)
        return [sound["text"] for sound in found] if isinstance(found, list) else found["text"]

    def stream(self, audio: Any, **settings: Any) -> Iterator[str]:
        """What `transcribe` finds in one sound, as it comes: the text of each part that it hears."""
        features, lengths, one = self._features(audio, settings.pop("sampling_rate", None))
        if not one:
            raise ValueError(f"stream() listens to one sound, got {len(features)}.")
        for _, _, segments in self._windows(features, lengths, **settings):
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
    def _features(self, audio: Any, sampling_rate: int | None) -> tuple[list[np.ndarray], list[int], bool]:
        """The features of each sound in its whole length; how many frames of them are sound; whether there was one alone."""
        if isinstance(audio, dict):
            features = [np.asarray(sound, "float32") for sound in audio["input_features"]]
            return features, [sound.shape[1] for sound in features], False
        if self.preprocessor is None or not self.preprocessor.takes(audio):
            raise ValueError(
                f"audio must be samples (N,) in floats, a list of these, or a dictionary of input_features; got "
                f"{type(audio).__name__}" + ("." if self.preprocessor else ", and this model has no preprocessor.")
            )
        wanted = self.preprocessor.settings.sampling_rate
        if sampling_rate not in (None, wanted):
            raise ValueError(f"The model hears {wanted} samples a second, got {sampling_rate}; resample the sound.")
        one = np.ndim(audio[0]) == 0
        sounds = [np.asarray(sound) for sound in ([audio] if one else audio)]
        features = [self.preprocessor.features(sound) for sound in sounds]
        lengths = [-(-len(sound) // self.preprocessor.settings.hop_length) for sound in sounds]
        return features, lengths, one

    def _is_long(self, features: np.ndarray) -> bool:
        return features.shape[1] > self.backbone.frames

    def _windows(
        self,
        features: list[np.ndarray],
        lengths: list[int],
        language: str | None = None,
        task: str | None = None,
        timestamps: bool | str = True,
        max_new_tokens: int | None = None,
        sampler: Any = None,
        seed: int = 0,
        **fallback: Any,
    ) -> Iterator[tuple[int, str | None, list[dict[str, Any]]]]:
        """Read window by window: which sound, its language, and what was said.

        All sounds are read side by side; those that have ended are silence.
        """
        if timestamps not in (True, False, "word"):
            raise ValueError(f'timestamps must be True, False or "word", got {timestamps!r}.')
        if not timestamps and any(map(self._is_long, features)):
            raise ValueError(
                "timestamps=False is for sounds that the model reads at once; a longer one is read in windows, which begin at "
                "the moments that are written."
            )
        heads = self._listening_heads() if timestamps == "word" else ()
        prompts = self._prompts(features, language, task, bool(timestamps))
        names = self._languages()
        how = self._fallback(sampler, fallback)
        writers = [self._speech_writer(one, bool(timestamps)) for one in self._samplers(sampler, how)]
        longest = self.generation_config.get("max_length") or self.longest_text
        room = min(longest + len(prompts[0]), self.longest_text) - len(prompts[0])
        count = room if max_new_tokens is None else min(max_new_tokens, room)
        if count < 1:
            raise ValueError(f"There is no room to write: max_new_tokens is {max_new_tokens}, and {room} are left.")
        at = [0] * len(features)  # the frame from which each sound is to be read
        while left := [row for row, sound in enumerate(features) if at[row] < sound.shape[1]]:
            window = np.stack([self._window(sound, start) for sound, start in zip(features, at, strict=True)])
            source = self._source({"input_features": window})
            written = self._written(writers, how, prompts, left, count, seed, source)
            for row, pieces in written.items():
                frames = min(self.backbone.frames, features[row].shape[1] - at[row])
                if pieces is None:
                    at[row] += frames
                    continue
                parts, step = split_by_moments(self._without_end(pieces), self.first_moment, frames)
                code = next((names[number] for number in prompts[row] if number in names), None)
                segments = [self._segment(part, at[row]) for part in parts]
                if heads:
                    _, _, looks = writers[0].read_again(prompts[row], pieces, some_of(source, [row]), heads)
                    heard = looks[:, :, : max(1, (lengths[row] - at[row]) // 2)]
                    self._add_words(segments, moments_of_pieces(heard, self._smoothing), at[row], code)
                yield row, code, segments
                at[row] += step

    def _written(
        self,
        writers: list[SpeechWriter],
        how: Fallback,
        prompts: list[list[int]],
        rows: list[int],
        count: int,
        seed: int,
        source: Any,
    ) -> dict[int, list[int] | None]:
        """What is written for some of the rows, the end of the text with it; None where there is no speech.

        A text that is poor is written anew by the next of the writers, without those that were good. How many are written at
        once is filled up to a power of two, so that few sizes are compiled.
        """
        found: dict[int, list[int] | None] = {}
        left = rows
        for number, (writer, temperature) in enumerate(zip(writers, how.temperatures, strict=True)):
            writer.temperature = temperature or 1.0
            together = (left * 2)[: min(1 << (len(left) - 1).bit_length(), len(prompts))]
            of_these = source if together == list(range(len(prompts))) else some_of(source, together)
            stretches = writer.write([prompts[row] for row in together], count, seed + number, of_these)
            written = dict(zip(left, self._drained(stretches), strict=False))
            poor = []
            for row in left:
                pieces, likely, silence = written[row], 0.0, 0.0
                if how.asks_the_model:
                    logs, first, _ = writer.read_again(prompts[row], pieces, some_of(source, [row]))
                    likely = float(logs.mean())
                    silence = 0.0 if self.first_moment is None else float(first[self.first_moment - 2])
                if how.is_silence(likely, silence):
                    found[row] = None
                    continue
                found[row] = pieces
                if how.is_poor(compression_ratio(pieces, self.config.vocab_size), likely):
                    poor.append(row)
            left = poor
            if not left:
                break
        return found

    def _fallback(self, sampler: Any, given: dict[str, Any]) -> Fallback:
        """What was asked for, and else what the checkpoint says."""
        if sampler is not None and given.get("temperature") is not None:
            raise ValueError("sampler and temperature exclude each other: a sampler has a temperature.")
        thresholds = ("compression_ratio_threshold", "logprob_threshold", "no_speech_threshold")
        known = {name: self.generation_config.get(name) for name in thresholds}
        return Fallback(**{**known, **{name: value for name, value in given.items() if value is not None}})

    @staticmethod
    def _samplers(sampler: Any, how: Fallback) -> list[Sampler]:
        """How pieces are drawn, each time that a text is written."""
        if how.temperature is None:
            return [sampler_of(sampler or "greedy")]
        return [sampler_of("random" if number else "greedy") for number in how.temperatures]

    def _listening_heads(self) -> tuple[tuple[int, int], ...]:
        """Those that look at the sound of the piece they write, by what the checkpoint says.

        Raises:
            ValueError: for a checkpoint that does not say, and for heads that it does not have.
        """
        if self.tokenizer is None:
            raise ValueError('timestamps="word" needs a tokenizer, which knows where words begin.')
        heads = tuple(map(tuple, self.generation_config.get("alignment_heads") or ()))
        blocks, each = self.config.decoder_layers, self.config.decoder_attention_heads
        right = all(len(head) == 2 and head[0] in range(blocks) and head[1] in range(each) for head in heads)
        if not heads or not right:
            raise ValueError(
                'timestamps="word" needs alignment_heads in generation_config.json: pairs [block, head] of heads that look at '
                f"the sound of the piece they write, of {blocks} blocks with {each} heads; got {list(heads)}."
            )
        return heads

    @property
    def _smoothing(self) -> int:
        """How many moments the median is taken of."""
        return self.config.inert.get("median_filter_width", 7)

    def _window(self, features: np.ndarray, start: int) -> np.ndarray:
        """What the model reads from a frame on; behind the end, there are zeros."""
        window = features[:, start : start + self.backbone.frames]
        return np.pad(window, ((0, 0), (0, self.backbone.frames - window.shape[1])))

    def _drained(self, stretches: Iterator[np.ndarray]) -> list[list[int]]:
        """All that is written, up to the end of each text."""
        written: list[list[int]] = []
        for pieces in stretches:
            written = written or [[] for _ in pieces]
            for row, new in enumerate(pieces):
                written[row] += self._until_end(written[row], new)
        return written

    def _without_end(self, pieces: list[int]) -> list[int]:
        return pieces[:-1] if self._has_ended(pieces) else pieces

    def _segment(self, part: tuple[int, int, list[int]], frame: int) -> dict[str, Any]:
        first, last, pieces = part
        begin = frame * SECONDS / 2
        return {
            "start": begin + first * SECONDS,
            "end": begin + last * SECONDS,
            "text": self._text(pieces),
            "tokens": pieces,
        }

    def _add_words(self, segments: list[dict[str, Any]], moments: np.ndarray, frame: int, language: str | None) -> None:
        """Tell the words of the parts of a window, one behind the other.

        A piece is said from the moment of the piece before it to its own.
        """
        assert self.tokenizer is not None
        first, begin = 0, frame * SECONDS / 2
        for segment in segments:
            pieces = segment["tokens"]
            texts = [number for number, piece in enumerate(pieces) if piece < self.end_ids[0]]
            words = words_of([pieces[n] for n in texts], self.tokenizer.decode, language not in WITHOUT_SPACES)
            segment["words"] = []
            for word in words:
                start, end = first + texts[word.first] - 1, first + texts[word.end - 1]
                times = (begin + (moments[place] if place >= 0 else 0) * SECONDS for place in (start, end))
                named = zip(("start", "end"), times, strict=True)
                segment["words"].append({"text": word.text, **{name: round(float(time), 2) for name, time in named}})
            first += len(pieces)

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

    def _speech_writer(self, sampler: Sampler, timestamps: bool) -> SpeechWriter:
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
        return self._writers[key]  # type: ignore[return-value]

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


def some_of(source: Any, rows: Sequence[int]) -> Any:
    """What some of several sounds are for a decoder; parts (1, ...) are common to all."""
    return tree.map_structure(lambda part: ops.take(part, rows, axis=0) if part.shape[0] > 1 else part, source)


def moments_of_pieces(looks: np.ndarray, width: int) -> np.ndarray:
    """The moment of each piece of a text (N,), of how much they look at each (heads, N, S).

    What the last one looks at is not asked: it is the end of the text, which is where the piece before it is.
    """
    if looks.shape[1] < 2:
        return np.zeros(looks.shape[1], int)
    return np.pad(moments_of(looks[:, :-1], width), (0, 1), mode="edge")


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
