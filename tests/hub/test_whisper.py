"""Speech to text: the same features, pieces and moments as transformers."""

import json

import numpy as np
import pytest
from tests.hub.test_exact import made

import hornbook_hub as hub
from hornbook import tree
from hornbook_hub.alignment import WITHOUT_SPACES, median_filter, warped, words_of
from hornbook_hub.audio import AudioSettings, SoundPreprocessor, log_mel, mel_filters
from hornbook_hub.models.whisper import WhisperBackbone, WhisperConfig
from hornbook_hub.sampling import LOWEST, sampler_of
from hornbook_hub.tasks.audio_to_text import SpeechWriter, compression_ratio, split_by_moments

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
transformers = pytest.importorskip("transformers", reason="transformers is the reference")
pytestmark = pytest.mark.parity

# 0-39 text, 40 the end, 41 the start, languages, tasks, 47 no moments, 48-68 the moments of a window of 40 frames.
SPECIAL = {"pad_token_id": 40, "bos_token_id": 40, "eos_token_id": 40, "decoder_start_token_id": 41}
WRITING = {
    **SPECIAL,
    "lang_to_id": {"<|en|>": 42, "<|de|>": 43},
    "task_to_id": {"translate": 44, "transcribe": 45},
    "is_multilingual": True,
    "no_timestamps_token_id": 47,
    "suppress_tokens": [3, 4, 41, 42, 43, 44, 45, 46],
    "begin_suppress_tokens": [5, 40],
    "max_initial_timestamp_index": 5,
    "max_length": 60,
}


def twin(folder, seed=0, spread=0.3, **settings):
    """A small model that writes texts and moments."""
    model = made("whisper", "audio_to_text", vocab_size=69, begin_suppress_tokens=None, **SPECIAL)
    torch.manual_seed(seed)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=spread)
    model.generation_config = transformers.GenerationConfig(**{**WRITING, **settings})
    model.save_pretrained(folder)
    return model, hub.load(folder)


def sound(frames, seed=0):
    return np.random.default_rng(seed).normal(size=(8, frames)).astype("float32")


def theirs(model, features, **settings):
    with torch.no_grad():
        return model.generate(torch.tensor(features[None]), **settings)


# ------------------------------------------------------------------------------------------------------------ features
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"feature_size": 128},
        {
            "feature_size": 24,
            "sampling_rate": 32000,
            "hop_length": 100,
            "n_fft": 512,
            "chunk_length": 5,
            "padding_value": 0.1,
        },
    ],
)
def test_features_are_those_of_transformers(settings):
    reference = transformers.WhisperFeatureExtractor(**settings)
    ours = SoundPreprocessor(AudioSettings(**settings))
    rate, seconds = reference.sampling_rate, reference.chunk_length
    times = np.arange(int(rate * seconds * 1.3)) / rate
    rng = np.random.default_rng(0)
    long = (0.3 * np.sin(2000 * times * (1 + times / 9)) + 0.02 * rng.normal(size=len(times))).astype("float32")
    given = [long, long[: rate // 2], np.zeros(10, "float32")]
    wanted = reference(given, sampling_rate=rate, return_tensors="np")["input_features"]
    found = ours(given)["input_features"]
    assert found.shape == wanted.shape and found.dtype == np.float32
    assert np.abs(found - wanted).max() < 5e-5  # PyTorch's transform, in float32
    exact = reference._np_extract_fbank_features([long[: rate * seconds]], "cpu")  # NumPy's, in float64
    assert np.abs(found[0] - exact[0]).max() < 1e-6
    whole = reference(long, sampling_rate=rate, padding="longest", truncation=False, return_tensors="np")[
        "input_features"
    ]
    assert np.abs(ours.features(long) - whole[0]).max() < 1e-4
    np.testing.assert_allclose(ours.filters, reference.mel_filters, atol=1e-9)


def test_settings_of_sounds(tmp_path):
    transformers.WhisperFeatureExtractor(feature_size=16, chunk_length=2).save_pretrained(tmp_path)
    given = json.loads((tmp_path / "preprocessor_config.json").read_text())
    ours = SoundPreprocessor(AudioSettings.from_dict(given))
    assert (ours.settings.feature_size, ours.settings.frames) == (16, 200)
    again = tmp_path / "again"
    again.mkdir()
    (again / "preprocessor_config.json").write_text(ours.files()["preprocessor_config.json"])
    reread = transformers.WhisperFeatureExtractor.from_pretrained(again).to_dict()
    for key, value in given.items():
        assert reread[key] == value, key
    with pytest.raises(ValueError, match="not understood: \\['loudness'\\]"):
        AudioSettings.from_dict({**given, "loudness": 3})
    with pytest.raises(ValueError, match="dither=0.1"):
        AudioSettings.from_dict({**given, "dither": 0.1})
    with pytest.raises(ValueError, match="n_fft must be an integer from 1"):
        AudioSettings(n_fft=10**9)
    with pytest.raises(ValueError, match="30,000,000 samples"):
        AudioSettings(sampling_rate=1_000_000, chunk_length=3600)


def test_a_long_sound_is_computed_in_stretches():
    settings = AudioSettings(feature_size=4, sampling_rate=16000, hop_length=2, n_fft=64, chunk_length=1)
    samples = np.random.default_rng(0).normal(size=10_000)
    whole = log_mel(samples, settings, mel_filters(4, 64, 16000))
    assert whole.shape == (4, 5000)
    tail = log_mel(samples[4000:], settings)
    np.testing.assert_allclose(whole[:, 2020:], tail[:, 20:], atol=1e-6)


# ------------------------------------------------------------------------------------------------------------- writing
@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", [0, 1])
def test_pieces_are_those_of_transformers_to_the_last_position(seed, tmp_path):
    model, ours = twin(tmp_path, seed, suppress_tokens=[3, 40])  # a text that does not end
    features, options = sound(40, seed), {"language": "de", "task": "translate"}
    found = ours.transcribe({"input_features": features[None]}, timestamps=False, **options)[0]
    wanted = theirs(model, features, return_timestamps=False, **options)[0].tolist()
    assert found["language"] == "de" and len(found["segments"]) == 1
    assert found["segments"][0]["tokens"] == wanted and len(wanted) == 56  # of 60 positions, behind four


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_a_long_sound_is_read_in_windows(seed, tmp_path):
    model, ours = twin(tmp_path, seed, spread=0.2 + 0.03 * seed)
    given = [sound(150, seed), sound(97, seed + 50), sound(40, seed + 90)]
    found = ours.transcribe({"input_features": given}, language="en")
    for row, features in zip(found, given, strict=True):
        reference = theirs(model, features, return_timestamps=True, return_segments=True, language="en")
        same_segments(row["segments"], reference)
    assert len(found[0]["segments"]) > 1


def same_segments(found, reference):
    wanted = reference["segments"][0]
    assert [segment["tokens"] for segment in found] == [segment["tokens"].tolist() for segment in wanted]
    for ours, theirs_ in zip(found, wanted, strict=True):
        assert ours["start"] == pytest.approx(float(theirs_["start"]))
        assert ours["end"] == pytest.approx(float(theirs_["end"]))


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({}, {}),  # the language is heard
        pytest.param({}, {"task": "translate"}, marks=pytest.mark.exhaustive),
        pytest.param({}, {"language": "en"}, marks=pytest.mark.exhaustive),
        ({"forced_decoder_ids": [[1, None], [2, 45]]}, {}),
        pytest.param({"forced_decoder_ids": [[1, 43], [2, 44]]}, {}, marks=pytest.mark.exhaustive),
        pytest.param({"forced_decoder_ids": [[1, 43], [2, 44]]}, {"language": "en"}, marks=pytest.mark.exhaustive),
        pytest.param({"language": "de", "task": "transcribe"}, {}, marks=pytest.mark.exhaustive),
        pytest.param(
            {"lang_to_id": None, "task_to_id": None, "is_multilingual": False}, {}, marks=pytest.mark.exhaustive
        ),
    ],
)
@pytest.mark.parametrize("timestamps", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
def test_targets_begin_as_transformers_begins_them(settings, options, timestamps, tmp_path):
    settings = {key: value for key, value in {**WRITING, **settings}.items() if value is not None}
    model = made("whisper", "audio_to_text", vocab_size=69, begin_suppress_tokens=None, **SPECIAL)
    model.generation_config = transformers.GenerationConfig(**settings)
    model.save_pretrained(tmp_path)
    ours, features = hub.load(tmp_path), sound(40, 7)
    found = ours._prompts([features], options.get("language"), options.get("task"), timestamps)
    config = transformers.GenerationConfig(**{**settings, **options}, return_timestamps=timestamps)
    inputs = torch.tensor(features[None])
    with torch.no_grad():
        wanted = model._retrieve_init_tokens(inputs, 1, config, model.config, 40, {})
    assert found == wanted.tolist()


def test_the_rules_of_moments_are_those_of_transformers():
    from transformers.generation.logits_process import WhisperTimeStampLogitsProcessor

    backbone = WhisperBackbone(small())
    writer = SpeechWriter(hub.AudioToText(backbone), None, (40,), 40, (), (), 48, 5)
    reference = WhisperTimeStampLogitsProcessor(transformers.GenerationConfig(**WRITING), begin_index=2)
    rng = np.random.default_rng(0)
    for length in (0, 1, 2, 5):
        for _ in range(40):
            row = [int(rng.choice([rng.integers(0, 40), rng.integers(48, 69)])) for _ in range(length)]
            logits = rng.normal(size=(1, 69)).astype("float32") * 2
            with torch.no_grad():
                wanted = reference(torch.tensor([[41, 42, *row]]), torch.tensor(logits)).numpy()
            moments = [number for number in row if number >= 48]
            last, before = ([-1, -1, *row][-1], [-1, -1, *row][-2])
            state = np.array([[length, last, before, moments[-1] if moments else -1]], "int32")
            found = np.asarray(writer.allowed(logits, state))
            assert ((found > -1e8) == np.isfinite(wanted)).all(), row
            np.testing.assert_array_equal(found[found > -1e8], wanted[np.isfinite(wanted)])


def small(**settings):
    sizes = {"d_model": 8, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_source_positions": 20}
    layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8}
    numbers = {"vocab_size": 69, "num_mel_bins": 8, "max_target_positions": 60, **SPECIAL}
    return WhisperConfig(**{**sizes, **layers, **numbers, **settings})


@pytest.mark.parametrize(
    ("pieces", "wanted"),
    [
        ([], ([(0, 20, [])], 40)),
        ([7, 8], ([(0, 20, [7, 8])], 40)),
        ([48, 7, 8], ([(0, 20, [48, 7, 8])], 40)),
        ([48, 7, 53], ([(0, 5, [48, 7, 53])], 40)),
        ([48, 7, 53, 53, 8], ([(0, 5, [48, 7, 53, 53])], 10)),
        ([48, 7, 53, 53, 8, 60], ([(0, 5, [48, 7, 53]), (5, 12, [53, 8, 60])], 40)),
        ([48, 7, 53, 54, 8, 60, 60], ([(0, 5, [48, 7, 53]), (6, 12, [54, 8, 60, 60])], 24)),
    ],
)
def test_a_window_is_cut_where_two_moments_meet(pieces, wanted):
    assert split_by_moments(pieces, 48, 40) == wanted


# ------------------------------------------------------------------------------------------------------ written anew
class Halted(Exception):
    """Stops the reference after its first text."""


def thoughts(model, features, monkeypatch):
    """What the reference finds of the first window: the pieces, their compression, mean log probability, silence."""
    found = []

    def need_fallback(sequence, outputs, index, processors, config, size, temperature):
        detector = next(p for p in processors if type(p).__name__ == "WhisperNoSpeechDetection")
        found.append(sequence.tolist())
        found.append(model._retrieve_compression_ratio(sequence, size))
        found.append(float(model._retrieve_avg_logprobs(outputs[index]["scores"], sequence, temperature)))
        found.append(float(detector.no_speech_prob[index]))
        raise Halted

    with monkeypatch.context() as context, pytest.raises(Halted):
        context.setattr(model, "_need_fallback", need_fallback)
        rules = {"logprob_threshold": 0.0, "no_speech_threshold": 0.5, "compression_ratio_threshold": 1.0}
        theirs(model, features, return_timestamps=True, language="en", temperature=(0.0,), **rules)
    return found


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", [2, 3])
def test_what_the_model_thought_of_its_text(seed, tmp_path, monkeypatch):
    model, ours = twin(tmp_path, seed)
    features = sound(40, seed)
    pieces, compression, likely, silence = thoughts(model, features, monkeypatch)
    writer = ours._speech_writer(sampler_of("greedy"), True)
    source = ours._source({"input_features": features[None]})
    prompt = ours._prompts([features], "en", None, True)[0]
    assert ours._drained(writer.write([prompt], 57, 0, source)) == [pieces]
    logs, first, looks = writer.read_again(prompt, pieces, source)
    assert looks is None and logs.shape == (len(pieces),)
    assert logs.mean() == pytest.approx(likely, rel=1e-5)
    assert first[46] == pytest.approx(silence, rel=1e-4) and first.sum() == pytest.approx(1, rel=1e-5)
    assert compression_ratio(pieces, 69) == pytest.approx(compression)

    # Decisions on both sides of each figure, and what follows from them.
    tried = []
    monkeypatch.setattr(type(writer), "write", lambda self, *rest: tried.append(self.temperature) or iter([[pieces]]))
    for rules, wanted in (
        ({}, 1),
        ({"compression_ratio_threshold": compression - 0.01}, 3),
        ({"compression_ratio_threshold": compression + 0.01}, 1),
        ({"logprob_threshold": likely + 0.01}, 3),
        ({"logprob_threshold": likely - 0.01}, 1),
        ({"logprob_threshold": likely + 0.01, "no_speech_threshold": silence * 0.9}, 0),
        ({"logprob_threshold": likely + 0.01, "no_speech_threshold": silence * 1.1}, 3),
        ({"logprob_threshold": likely - 0.01, "no_speech_threshold": silence * 0.9}, 1),
    ):
        tried.clear()
        at_once = len(rules) != 1  # else the checkpoint says it
        ours.generation_config = WRITING if at_once else {**WRITING, **rules}
        how = ours._fallback(None, {"temperature": (0.0, 0.2, 0.4), **(rules if at_once else {})})
        found = ours._written([writer] * 3, how, [prompt], [0], 57, 0, source)
        assert found == {0: pieces if wanted else None} and tried == [1.0, 0.2, 0.4][: wanted or 1], rules


def test_only_poor_texts_are_written_anew(tmp_path, monkeypatch):
    _, ours = twin(tmp_path, 2)
    features = [sound(40, seed) for seed in range(5)]
    source = ours._source({"input_features": np.stack(features)})
    prompts = [[*prompt, row] for row, prompt in enumerate(ours._prompts(features, "en", None, True))]
    writer = ours._speech_writer(sampler_of("greedy"), True)
    good, poor = list(range(3, 39)), [5] * 36
    texts = {0: [good], 1: [poor, poor, good], 3: [poor, poor, poor], 4: [poor, good]}
    whole, calls = tree.flatten(source), []

    def write(self, prompts, count, seed, source):
        rows = [prompt[-1] for prompt in prompts]
        for part, every in zip(tree.flatten(source), whole, strict=True):
            np.testing.assert_array_equal(part, np.asarray(every)[rows] if len(every) > 1 else every)
        calls.append(rows)
        once = list(dict.fromkeys(rows))
        return iter([[texts[row].pop(0) for row in once] + [good] * (len(rows) - len(once))])

    monkeypatch.setattr(type(writer), "write", write)
    how = ours._fallback(None, {"temperature": (0.0, 0.2, 0.4), "compression_ratio_threshold": 2.0})
    found = ours._written([writer] * 3, how, prompts, [0, 1, 3, 4], 57, 0, source)
    assert found == {0: good, 1: good, 3: poor, 4: good}
    assert calls == [[0, 1, 3, 4], [1, 3, 4, 1], [1, 3]]  # the third has ended; three are filled up to four


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", [4, 6])
def test_windows_without_speech_are_left_out(seed, tmp_path):
    model, ours = twin(tmp_path, seed, spread=0.2 + 0.03 * seed)
    features = np.concatenate([sound(150, seed), np.zeros((8, 60), "float32"), sound(40, seed + 7)], axis=1)
    seen = set()
    for silence in (0.0, 0.005, 0.01, 0.02, 0.05, 1.0):
        rules = {"logprob_threshold": 0.0, "no_speech_threshold": silence}
        reference = theirs(
            model, features, return_timestamps=True, return_segments=True, language="en", temperature=(0.0,), **rules
        )
        found = ours.transcribe({"input_features": [features]}, language="en", temperature=(0.0,), **rules)[0]
        same_segments(found["segments"], reference)
        seen.add(len(found["segments"]))
    assert 0 in seen and len(seen) > 2


@pytest.mark.exhaustive
def test_draws_have_their_temperature(tmp_path):
    _, ours = twin(tmp_path, 2)
    heard = {"input_features": sound(40, 2)[None]}
    written = {}
    for temperature in (0.0, 1e-4, (0.0, 1.5), 1.5):
        settings = {"logprob_threshold": 1.0, "seed": 8 if temperature == (0.0, 1.5) else 9}
        found = ours.transcribe(heard, language="en", temperature=temperature, **settings)[0]["segments"]
        written[temperature] = [segment["tokens"] for segment in found]
    assert written[0.0] == written[1e-4] != written[1.5]
    assert written[(0.0, 1.5)] == written[1.5]  # the second time draws with the next seed
    again = ours.transcribe(heard, language="en", sampler=hub.Sampler(temperature=1.5), seed=9)[0]["segments"]
    assert written[1.5] == [segment["tokens"] for segment in again]
    for settings, words in (
        ({"temperature": -1.0}, "temperature must be 0 or more"),
        ({"temperature": ()}, "temperature must be 0 or more"),
        ({"temperature": 0.5, "sampler": "random"}, "exclude each other"),
        ({"no_speech_threshold": 0.5}, "needs logprob_threshold"),
    ):
        with pytest.raises(ValueError, match=words):
            ours.transcribe(heard, language="en", **settings)


# --------------------------------------------------------------------------------------------------- moments of words
def test_paths_and_medians_are_those_of_transformers():
    from transformers.models.whisper.generation_whisper import _dynamic_time_warping, _median_filter

    rng = np.random.default_rng(0)
    for rows, columns in ((1, 1), (1, 9), (5, 5), (9, 4), (30, 200)):
        for costs in (rng.normal(size=(rows, columns)), rng.integers(0, 3, (rows, columns)).astype(float)):  # with ties
            texts, times = _dynamic_time_warping(costs)
            wanted = times[np.pad(np.diff(texts), (1, 0), constant_values=1).astype(bool)]
            np.testing.assert_array_equal(warped(costs), wanted)
    for width, size in ((7, 40), (3, 5), (7, 3), (1, 6)):
        x = rng.normal(size=(2, 3, size)).astype("float32")
        np.testing.assert_array_equal(median_filter(x, width), _median_filter(torch.tensor(x), width).numpy())
    with pytest.raises(ValueError, match="odd number, got 4"):
        median_filter(np.zeros(9), 4)


WRITTEN = [" a", " b", "c", " (", ")", ",", ".", " ", "-", " 'tis", ' "', "!", "日", "本"]
BYTES = ["é".encode(), "🙂".encode()]  # each byte of these is a piece


def engine_of_bytes(size):
    """A tokenizer whose pieces are those of `WRITTEN`, single bytes, and further letters, each second one behind a space."""
    from tokenizers import Tokenizer as Engine
    from tokenizers import decoders, models
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    table = bytes_to_unicode()
    parts = [part.encode() for part in WRITTEN] + [bytes([byte]) for part in BYTES for byte in part] + [b"\xff"]
    parts += [b" " * (number % 2) + bytes([ord("A") + number]) for number in range(size - len(parts))]
    names = ["".join(table[byte] for byte in part) for part in parts]
    engine = Engine(models.BPE({name: number for number, name in enumerate(names)}, []))
    engine.decoder = decoders.ByteLevel()
    return engine


@pytest.mark.parametrize(("language", "code"), [("english", "en"), ("japanese", "ja")])
def test_words_are_those_of_transformers(language, code):
    from transformers.models.whisper.tokenization_whisper import _combine_tokens_into_words

    engine = engine_of_bytes(40)

    class Reference:
        eos_token_id = 40

        def decode(self, pieces, decode_with_timestamps):
            return engine.decode(pieces)

    rng, several = np.random.default_rng(0), 0
    for length in [0, 1, 2, 3] + [12] * 150:
        pieces = rng.integers(0, 40, length).tolist()
        words, ids, _ = _combine_tokens_into_words(Reference(), pieces, language)
        found = words_of(pieces, engine.decode, code not in WITHOUT_SPACES)
        assert [word.text for word in found] == words
        assert [pieces[word.first : word.end] for word in found] == ids
        several += any(len(part) > 2 for part in ids)
    assert several > 20


def test_pieces_look_where_those_of_transformers_do(tmp_path):
    model, ours = twin(tmp_path, 6)
    features, heads = sound(40, 6), [(0, 1), (1, 0), (1, 1)]
    prompt, pieces = [41, 42, 45], [48, 7, 9, 1, 55, 55, 2, 40]
    ids = torch.tensor([[*prompt, *pieces]])
    model.set_attn_implementation("eager")
    with torch.no_grad():
        wanted = model(torch.tensor(features[None]), decoder_input_ids=ids, output_attentions=True)
    source = ours._source({"input_features": features[None]})
    logs, first, looks = ours._speech_writer(sampler_of("greedy"), True).read_again(prompt, pieces, source, heads)
    reference = torch.stack([wanted.cross_attentions[block][0, head] for block, head in heads])[:, len(prompt) :]
    np.testing.assert_allclose(looks, reference.numpy(), atol=1e-5)
    np.testing.assert_allclose(first, torch.softmax(wanted.logits[0, 0], -1).numpy(), atol=1e-6)
    likely = torch.log_softmax(wanted.logits[0, len(prompt) - 1 : -1], -1).gather(1, ids[0, len(prompt) :, None])[:, 0]
    allowed = logs > LOWEST
    assert list(np.flatnonzero(~allowed)) == [2, 3, 7]  # where all moments together are likelier
    assert (logs >= likely.numpy() - 1e-4)[allowed].all()  # the others share what these do not get


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_the_moments_of_words_are_those_of_transformers(seed, tmp_path):
    from transformers.models.whisper.tokenization_whisper import _combine_tokens_into_words

    model, ours = twin(tmp_path, seed, spread=0.2 + 0.03 * seed, alignment_heads=[[0, 1], [1, 0], [1, 1]])
    engine = engine_of_bytes(40)
    ours.preprocessor = SoundPreprocessor(
        AudioSettings(feature_size=8), hub.Tokenizer(engine, {}, names=("input_ids", "attention_mask"))
    )
    count = 0
    for frames in (150, 40):
        features = sound(frames, seed)
        settings = {"return_timestamps": True, "return_segments": True, "return_token_timestamps": True}
        there = torch.ones(1, frames, dtype=torch.long)
        reference = theirs(model, features, language="en", attention_mask=there, **settings)
        found = ours.transcribe({"input_features": [features]}, language="en", timestamps="word")[0]["segments"]
        same_segments(found, reference)
        for ours_, theirs_ in zip(found, reference["segments"][0], strict=True):
            pieces, moments = theirs_["tokens"].tolist(), theirs_["token_timestamps"].tolist()
            texts = [place for place, piece in enumerate(pieces) if piece < 40]
            stub = type("Stub", (), {"eos_token_id": 40, "decode": lambda _, ids, **rest: engine.decode(ids)})()
            words, _, places = _combine_tokens_into_words(stub, [pieces[place] for place in texts], "english")
            assert [word["text"] for word in ours_["words"]] == words
            for word, own in zip(ours_["words"], places, strict=True):
                assert word["start"] == pytest.approx(moments[texts[own[0]] - 1], abs=0.006)
                assert word["end"] == pytest.approx(moments[texts[own[-1]]], abs=0.006)
            count += len(words)
    assert count > 5
    assert ours.transcribe({"input_features": [features]}, language="en")[0]["segments"][0].keys() == {
        *("start", "end", "text", "tokens")
    }


# ---------------------------------------------------------------------------------------------------------- on sounds
SOUNDS = AudioSettings(feature_size=8, sampling_rate=1000, hop_length=10, n_fft=64, chunk_length=1)


def hearing(**settings):
    """A model that hears a second at once and writes words."""
    from tokenizers import Tokenizer as Engine
    from tokenizers import models, pre_tokenizers

    words = [f"w{i}" for i in range(40)] + ["<end>", "<start>", "<|en|>", "<|de|>", "<tr>", "<say>", "<s>", "<no>"]
    words += [f"<|{i / 50:.2f}|>" for i in range(51)]
    engine = Engine(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="w0"))
    engine.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    engine.add_special_tokens(words[40:48])
    tokenizer = hub.Tokenizer(engine, {"pad_token": "<end>"}, names=("input_ids", "attention_mask"))
    config = small(vocab_size=len(words), max_source_positions=50, **settings)
    model = hub.AudioToText(WhisperBackbone(config), SoundPreprocessor(SOUNDS, tokenizer))
    model.generation_config = dict(WRITING)
    return model


def test_sounds_become_texts(tmp_path):
    model = hearing()
    samples = np.random.default_rng(0).normal(size=2500).astype("float32") * 0.1
    said = model.transcribe(samples, language="de", sampling_rate=1000)
    assert said["language"] == "de" and said["segments"][0]["start"] < said["segments"][-1]["end"] <= 3.0
    assert "|" not in said["text"] and set(said["text"].split()) <= {f"w{i}" for i in range(40)}
    assert list(model.stream(samples, language="de")) == [part["text"] for part in said["segments"]]
    assert model.generate(samples, language="de") == said["text"]
    model.save_to_preset(tmp_path)
    again = hub.load(tmp_path)
    assert again.task == "audio_to_text" and again.preprocessor.settings == SOUNDS
    assert again.generation_config == model.generation_config
    found, before = (
        again.score([samples, samples[:900]], ["w1 w2", "w3"]),
        model.score([samples, samples[:900]], ["w1 w2", "w3"]),
    )
    for one, other in zip(found, before, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_it_learns_from_sounds_and_texts():
    model = hearing()
    sounds = [np.sin(np.arange(800) * pitch) for pitch in (0.1, 0.9)]
    first = model.evaluate(sounds, ["w1 w2 <end>", "w3 <end>"], verbose=0)[0]
    model.fit(sounds, ["w1 w2 <end>", "w3 <end>"], epochs=5, batch_size=2, verbose=0)
    assert model.evaluate(sounds, ["w1 w2 <end>", "w3 <end>"], verbose=0)[0] < first


def test_what_cannot_be_heard():
    model, samples = hearing(), np.zeros(2500, "float32")
    for options, words in (
        ({"language": "xx"}, "language must be one of \\['de', 'en'\\], got 'xx'"),
        ({"task": "sing"}, "task must be one of"),
        ({"sampling_rate": 8000}, "hears 1000 samples a second, got 8000"),
        ({"timestamps": False}, "a longer one is read in windows"),
        ({"max_new_tokens": 0}, "no room to write"),
    ):
        with pytest.raises(ValueError, match=words):
            model.transcribe(samples, **{"language": "en", **options})
    with pytest.raises(ValueError, match="audio must be samples"):
        model.transcribe("speech.wav")
    model.generation_config = {**WRITING, "is_multilingual": False}
    with pytest.raises(ValueError, match="English alone"):
        model.transcribe(samples, language="en")
    model.generation_config = SPECIAL
    with pytest.raises(ValueError, match="writes no moments"):
        model.transcribe(samples)
    with pytest.raises(ValueError, match="input_features must be"):
        model({"input_features": np.zeros((1, 8, 90)), "decoder_input_ids": np.array([[41]])})
