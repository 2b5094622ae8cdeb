"""Write down what is said in a sound, and when: Whisper, or a small one that learns to hear what was dialled.

What:     an encoder reads how much of each pitch there is at each moment (log-mel), a decoder writes pieces and looks at it
          all the while: loss = -log p(next piece | sound, pieces before) (Radford et al. 2022).
Why:      nothing says where in the sound a piece stands: the decoder's attention has to find it.
Data:     a sound of your own (--audio, a .wav file with 16,000 samples a second), or one recorded word. With --tiny: the
          tones of a telephone's keys, made here with many lengths and strengths, in noise.
Hardware: whisper_tiny: one CPU core and 150 MB from the network, once (not run here). With --tiny: one CPU core,
          1.5 minutes.
Expect:   with --tiny 1.4 % errors among the keys of numbers that were not trained with: insertions, deletions and
          exchanges over the keys that are right.
Run:      python recipes/speech_to_text.py --tiny
          python recipes/speech_to_text.py --audio speech.wav
"""

from pathlib import Path
from typing import Any

import numpy as np

import command_line

KEYS = "123456789*0#"  # three in a row of a telephone; the row gives one pitch, the column the other
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477)  # Hz (ITU-T Q.23)
RATE = 4000  # samples a second
SECONDS = 1
LONGEST = 4  # keys of a number


def dial(number: str, rng: np.random.Generator) -> np.ndarray:
    """The sound of a number, (N,): tones of many lengths and strengths with pauses between them, in noise."""
    parts = [np.zeros(rng.integers(RATE // 10))]
    for key in number:
        row, column = divmod(KEYS.index(key), 3)
        moments = np.arange(rng.uniform(0.1, 0.15) * RATE) / RATE
        tones = np.sin(2 * np.pi * ROWS[row] * moments) + np.sin(2 * np.pi * COLUMNS[column] * moments)
        parts += [rng.uniform(0.1, 0.4) * tones, np.zeros(rng.integers(RATE // 30, RATE // 14))]
    sound = np.concatenate(parts)
    return (sound + rng.normal(0, 0.1, len(sound))).astype("float32")


def build() -> Any:
    """A Whisper of 0.3 million parameters that writes digits."""
    from tokenizers import Tokenizer, decoders, models, processors

    import hornbook_hub as hub
    from hornbook_hub.audio import AudioSettings, SoundPreprocessor
    from hornbook_hub.models.whisper import WhisperBackbone, WhisperConfig

    pieces = [*KEYS, "<end>", "<start>"]
    engine = Tokenizer(models.BPE({piece: number for number, piece in enumerate(pieces)}, merges=[]))
    engine.decoder = decoders.Fuse()
    engine.add_special_tokens(pieces[12:])
    engine.post_processor = processors.TemplateProcessing(single="$A <end>", special_tokens=[("<end>", 12)])
    tokenizer = hub.Tokenizer(engine, {"pad_token": "<end>"}, names=("input_ids", "attention_mask"))
    settings = AudioSettings(feature_size=64, sampling_rate=RATE, hop_length=80, n_fft=256, chunk_length=SECONDS)
    special: dict[str, Any] = {"pad_token_id": 12, "bos_token_id": 12, "eos_token_id": 12, "decoder_start_token_id": 13}
    config = WhisperConfig(
        vocab_size=len(pieces),
        num_mel_bins=settings.feature_size,
        max_source_positions=settings.frames // 2,
        max_target_positions=LONGEST + 2,
        d_model=64,
        encoder_layers=2,
        encoder_attention_heads=4,
        encoder_ffn_dim=256,
        decoder_layers=2,
        decoder_attention_heads=4,
        decoder_ffn_dim=256,
        init_std=0.1,
        **special,
    )
    return hub.AudioToText(WhisperBackbone(config), SoundPreprocessor(settings, tokenizer))


def errors(found: str, wanted: str) -> int:
    """The fewest insertions, deletions and exchanges that make one text of the other (Levenshtein 1966)."""
    row = list(range(len(wanted) + 1))
    for i, letter in enumerate(found, 1):
        above, row = row, [i]
        for j, other in enumerate(wanted, 1):
            row.append(min(row[-1] + 1, above[j] + 1, above[j - 1] + (letter != other)))
    return row[-1]


def read_tones(arguments: Any) -> dict[str, Any]:
    """Train on some numbers, test on others."""
    import hornbook as keras

    rng = np.random.default_rng(arguments.seed)
    count, test_count = (2 * arguments.batch_size, 2) if arguments.smoke else (4000, 200)
    numbers = ["".join(rng.choice(list(KEYS), 1 + i % LONGEST)) for i in range(count)]
    test = ["".join(rng.choice(list(KEYS), LONGEST)) for _ in range(2 * test_count)]
    test = [number for number in test if number not in numbers][:test_count]
    model = build()
    features = model.encoded([dial(number, rng) for number in numbers])["input_features"]
    stages = [np.array([len(number) <= longest for number in numbers]) for longest in (2, LONGEST)]  # short ones first
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * sum(-(-int(chosen.sum()) // arguments.batch_size) for chosen in stages)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=2e-3, warmup_steps=max(steps // 10, 1))
    model.compile(keras.optimizers.AdamW(rate, global_clipnorm=1.0), model.loss, weighted_metrics=["accuracy"])
    history: dict[str, list[float]] = {}
    for chosen in stages:
        texts = [number for number, wanted in zip(numbers, chosen, strict=True) if wanted]
        given = {"input_features": features[chosen]}
        logs = model.fit(given, texts, batch_size=arguments.batch_size, epochs=epochs).history
        for name, values in logs.items():
            history.setdefault(name, []).extend(values)
    written = model.generate([dial(number, rng) for number in test])
    print(" ".join(f"{one}/{number}" for one, number in zip(written[:8], test, strict=False)), "(written/dialled)")
    if arguments.out is not None:
        model.save_to_preset(arguments.out / "speech_to_text")
    wrong = sum(errors(one, number) for one, number in zip(written, test, strict=True))
    return {"character_error_rate": wrong / sum(map(len, test)), "history": history}


def listen(path: Path | None) -> dict[str, Any]:
    """What Whisper hears in a file."""
    from hornbook_datasets import speech_commands_sample
    from hornbook_datasets.wav import read_wav

    if path is None:
        samples, rate = speech_commands_sample.load_example()
    else:
        samples, rate = read_wav(path.read_bytes(), str(path))
        samples = samples[:, 0]
    model = command_line.pretrained("whisper_tiny")
    found = model.transcribe(samples / np.float32(32768), sampling_rate=rate)
    for segment in found["segments"]:
        print(f"{segment['start']:6.2f} to {segment['end']:6.2f}  {segment['text']}")
    return {"language": found["language"], "text": found["text"]}


def main(arguments: Any) -> dict[str, Any]:
    """Learn what was dialled, or listen."""
    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    return read_tones(arguments) if arguments.tiny else listen(arguments.audio)


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=8, batch_size=32)
    options = command_line.tiny(options, "a small Whisper learns what was dialled")
    options.add_argument("--audio", type=Path, default=None, help="a .wav file of 16,000 samples a second")
    command_line.run(main, options, at_most={"character_error_rate": 0.05})
