"""Teach a language model by a few of its weights: LoRA, kept as an adapter that PEFT opens.

What:     all weights stay as they are; beside each matrix W of attention and perceptron a product of two thin ones is trained:
          W + (alpha / rank) A B, A (inputs, rank), B (rank, outputs), which is zero at the start (Hu et al. 2021).
Why:      the optimizer keeps state for the thin matrices alone, and what was learned is a small file beside the checkpoint.
Data:     English and Spanish sentences of Tatoeba (CC BY 2.0 FR), a tenth of the sentences held out.
Hardware: gemma3_270m, which learns to translate: one GPU (not run here; Gemma's licence is to be accepted first). With --tiny,
          gpt_tiny, which has read Shakespeare alone, learns to write Spanish: one CPU core, 2 to 3 minutes.
Expect:   nats per character of held-out text. With --tiny from 5.28 to 1.99, by 7 % of the weights and a file of 270 kB;
          the adapter, loaded onto the checkpoint again, gives the same logits.
Run:      python recipes/lora_gemma.py --tiny
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import command_line

LONGEST = 120  # bytes of a text, so that it has a place in the 128 positions of gpt_tiny


def packed(lines: list[str]) -> list[str]:
    """Lines put together to texts of at most LONGEST bytes, so that little of a batch is padding."""
    texts = ["\n"]
    for line in lines:
        if len((texts[-1] + line).encode()) >= LONGEST:
            texts.append("\n")
        texts[-1] += line + "\n"
    return texts


def nats_per_character(model: Any, texts: list[str]) -> float:
    """-log p of texts, without their first character, before which there is nothing."""
    scores = [row for i in range(0, len(texts), 10) for row in model.score(texts[i : i + 10])]
    nats = -sum(float(row.sum()) for row in scores)
    return nats / sum(len(text) - 1 for text in texts)


def main(arguments: Any) -> dict[str, Any]:
    """Put corrections on the model, train them, keep them, and load them again."""
    from hornbook_datasets import spa_eng

    (english, spanish), (test_english, test_spanish) = spa_eng.load_data(test_split=0.1)
    if arguments.tiny:  # in Spanish alone
        lines, test_lines = list(spanish), list(test_spanish)
    else:
        lines, test_lines = (
            [f"{one} = {other}" for one, other in zip(*both, strict=True)]
            for both in ((english, spanish), (test_english, test_spanish))
        )
    short = [line for line in lines if len(line.encode()) < LONGEST - 1]
    test = [line for line in test_lines if len(line.encode()) < LONGEST - 1]
    texts = packed(short)[: 2 * arguments.batch_size if arguments.smoke else 3000]
    test_texts = packed(test)[: 4 if arguments.smoke else 100]

    import hornbook as keras
    import hornbook_hub as hub

    keras.utils.set_random_seed(arguments.seed)
    name = "gpt_tiny" if arguments.tiny else "gemma3_270m"
    model = command_line.pretrained(name)
    before = nats_per_character(model, test_texts)
    model.enable_lora(arguments.rank)
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(texts) // arguments.batch_size)
    peak = 1e-2 if arguments.tiny else 2e-4
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=peak, warmup_steps=max(steps // 20, 1))
    model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), model.loss)
    history = model.fit(texts, batch_size=arguments.batch_size, epochs=epochs).history
    after = nats_per_character(model, test_texts)
    prompt = "\nNo " if arguments.tiny else "\nWhere is the station? ="
    written = model.generate(prompt, max_new_tokens=8 if arguments.smoke else 60, temperature=0.7, seed=arguments.seed)
    print(written)

    with tempfile.TemporaryDirectory() as folder:
        adapter = Path(arguments.out or folder) / "adapter"
        model.save_adapter(adapter)
        again = hub.load(name)
        again.load_adapter(adapter)
        arrays = model.encoded(test_texts[:1])
        difference = float(np.abs(model.predict(arrays, verbose=0) - again.predict(arrays, verbose=0)).max())
        kilobytes = sum(file.stat().st_size for file in adapter.iterdir()) / 1000
    return {
        "nats_per_character_before": before,
        "nats_per_character_after": after,
        "share_of_weights_trained": trained / model.count_params(),
        "kilobytes_of_the_adapter": kilobytes,
        "largest_difference_of_reloaded_logits": difference,
        "sample": written,
        "history": history,
    }


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=1, batch_size=16)
    options.add_argument("--rank", type=int, default=8, help="columns of A and rows of B (default 8)")
    options = command_line.tiny(options, "gpt_tiny learns to write Spanish")
    bounds = {"nats_per_character_after": 2.1, "largest_difference_of_reloaded_logits": 1e-3}
    command_line.run(main, options, at_most=bounds)
