"""Pretrain the tiny GPT that is in the wheel: it reads Shakespeare, one character after the other.

What:     a decoder of 4 layers, 128 wide, in GPT-2's format; its pieces are the 256 bytes, so it needs no vocabulary. The loss
          is -log p(next byte | those before it), in nats (Radford et al. 2019). The matrices follow Muon (Jordan et al. 2024),
          which gets to the same loss in about half the steps that AdamW takes.
Why:      so that examples of writing run without a network, on a model that has read something.
Data:     tiny_shakespeare, 1,115,394 characters (public domain), the last tenth held out.
Hardware: two CPU cores, 35 minutes of CPU time.
Expect:   at most 1.6 nats per held-out character (ln 256 = 5.5 at the start); measured: 1.47.
Run:      python recipes/pretrain_gpt_tiny.py --out hub/hornbook_hub/presets/gpt_tiny
"""

from typing import Any

import numpy as np

import command_line

LENGTH = 128  # bytes that the model looks back
END = "<|endoftext|>"
CARD = """# gpt_tiny

A GPT-2 of {layers} layers, {width} wide, {heads} heads, {parameters:,} parameters, whose pieces are bytes. Made by
`recipes/pretrain_gpt_tiny.py` so that examples and tests run without a network. It writes in the manner of a play, without
sense: it is good for learning and testing, not for work.

| | |
|---|---|
| Task | the next byte |
| Text | tiny_shakespeare, 1,003,854 bytes, {epochs} epochs; the other tenth held out |
| Held-out loss | {loss:.3f} nats per character |
| Time | {minutes:.0f} minutes of CPU time |
| Weights | float16, Apache-2.0; the text is in the public domain |
"""


def byte_pieces() -> Any:
    """A tokenizer whose pieces are the 256 bytes, and one that ends a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    engine = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    engine.decoder = decoders.ByteLevel()
    engine.add_special_tokens([END])
    return engine


def rows(ids: np.ndarray, start: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A text cut into rows of LENGTH pieces from `start` on, and what follows each piece: two arrays (N, LENGTH)."""
    count = (len(ids) - 1 - start) // LENGTH
    cut = ids[start : start + count * LENGTH + 1]
    return cut[:-1].reshape(count, LENGTH), cut[1:].reshape(count, LENGTH)


def build(seed: int) -> Any:
    """The model with its tokenizer, and the optimizer's settings left to `main`."""
    import hornbook as keras
    from hornbook_hub import CausalLM, Tokenizer
    from hornbook_hub.models.gpt2 import GPT2Backbone, GPT2Config

    keras.utils.set_random_seed(seed)
    engine = byte_pieces()
    end = engine.token_to_id(END)
    config = GPT2Config(
        vocab_size=engine.get_vocab_size(),
        n_embd=128,
        n_layer=4,
        n_head=4,
        n_positions=LENGTH,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        inert={"bos_token_id": end, "eos_token_id": end},
    )
    names = ("input_ids", "attention_mask")
    return CausalLM(GPT2Backbone(config), Tokenizer(engine, {"eos_token": END}, LENGTH, names))


def main(arguments: Any) -> dict[str, Any]:
    """Read, test, write a sample, and keep the preset folder."""
    import time

    from hornbook_datasets import tiny_shakespeare

    started = time.process_time()
    generator = np.random.default_rng(arguments.seed)
    text, held_out = tiny_shakespeare.load_data()

    import hornbook as keras

    model = build(arguments.seed)
    ids, test_ids = (np.array(model.tokenizer.engine.encode(part).ids, "int32") for part in (text, held_out))
    epochs = 1 if arguments.smoke else arguments.epochs
    if arguments.smoke:
        ids, test_ids = ids[: 2 * arguments.batch_size * LENGTH + 1], test_ids[: 8 * LENGTH + 1]
    steps = epochs * -(-len(ids) // (LENGTH * arguments.batch_size))
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=0.012, warmup_steps=max(steps // 20, 1))
    optimizer = keras.optimizers.Muon(
        rate, weight_decay=0.1, adam_weight_decay=0.0, adam_lr_ratio=0.5, global_clipnorm=1.0
    )
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history: dict[str, list[float]] = {}
    for epoch in range(epochs):  # each epoch cuts the text at other places
        x, y = rows(ids, 0 if arguments.smoke else int(generator.integers(LENGTH)))
        print(f"Epoch {epoch + 1} of {epochs}")
        logs = model.fit({"input_ids": x}, y, batch_size=arguments.batch_size).history
        for name, values in logs.items():
            history.setdefault(name, []).extend(values)
    x, y = rows(test_ids)
    loss = float(model.evaluate({"input_ids": x}, y, batch_size=32, verbose=0))
    sample = model.generate(
        "ROMEO:\n", max_new_tokens=4 if arguments.smoke else 200, temperature=0.8, seed=arguments.seed
    )
    print(sample)
    if arguments.out is not None:
        model.save_to_preset(arguments.out, dtype="float16")
        config = model.config
        card = CARD.format(
            layers=config.n_layer,
            width=config.n_embd,
            heads=config.n_head,
            parameters=model.count_params(),
            epochs=epochs,
            loss=loss,
            minutes=(time.process_time() - started) / 60,
        )
        (arguments.out / "README.md").write_text(card)
    return {"characters": len(ids), "held_out_nats_per_character": loss, "sample": sample, "history": history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=10, batch_size=32)
    command_line.run(main, options, at_most={"held_out_nats_per_character": 1.6})
