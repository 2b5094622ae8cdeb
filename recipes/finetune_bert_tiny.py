"""Fine-tune a pretrained BERT on labelled sentences: the job that ./quickstart runs.

What:     the preset bert_tiny gets a new last layer and learns whether a short review is good or bad; beside it the same
          network learns the same from random weights.
Why:      what a network has read before is worth more than many labels.
Data:     tiny_reviews, 504 sentences to learn from and 168 to test on; in the package, nothing is downloaded.
Hardware: two CPU cores, half a minute.
Expect:   held-out accuracy 50 % before, 84.5 % after 4 epochs, 63.7 % from random weights (over the seeds 0, 1 and 2:
          82 % and 65 %). What was read before saves labels and time: with twice the epochs the random network catches up.
Run:      python recipes/finetune_bert_tiny.py
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import command_line

SENTENCES = [
    "The soup was cold and nobody came to our table.",
    "A warm, funny film that I would gladly see again.",
    "The battery died after two days.",
    "Friendly staff, spotless rooms and a wonderful breakfast.",
]


def train(model: Any, texts: Any, labels: Any, arguments: Any) -> Any:
    """The same training for both networks."""
    import hornbook as keras

    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(texts) // arguments.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=3e-4, warmup_steps=max(steps // 10, 1))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.01), loss, metrics=["accuracy"])
    return model.fit(texts, labels, batch_size=arguments.batch_size, epochs=epochs)


def main(arguments: Any) -> dict[str, Any]:
    """Load, fine-tune, compare, predict, save, reload."""
    import hornbook as keras
    import hornbook_hub as hub
    from hornbook_datasets import tiny_reviews

    (texts, labels), (test_texts, test_labels) = tiny_reviews.load_data()
    if arguments.smoke:
        texts, labels = texts[: 2 * arguments.batch_size], labels[: 2 * arguments.batch_size]

    keras.utils.set_random_seed(arguments.seed)
    model = hub.load("bert_tiny", task="text_classifier", num_classes=2)
    model.summary()
    _, before = model.evaluate(test_texts, test_labels, verbose=0)
    print(f"Held-out accuracy before fine-tuning: {before:.1%}")
    history = train(model, texts, labels, arguments)
    _, after = model.evaluate(test_texts, test_labels, verbose=0)
    print(f"Held-out accuracy after fine-tuning:  {after:.1%}")

    keras.utils.set_random_seed(arguments.seed)
    blank = hub.load("bert_tiny", task="text_classifier", num_classes=2, load_weights=False)
    print("The same network from random weights:")
    train(blank, texts, labels, arguments)
    _, random = blank.evaluate(test_texts, test_labels, verbose=0)
    print(f"Held-out accuracy from random weights: {random:.1%}")

    logits = model.predict(SENTENCES, verbose=0)
    for sentence, row in zip(SENTENCES, logits, strict=True):
        chances = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        print(f"{tiny_reviews.CLASSES[int(row.argmax())]:>9} ({chances.max():.0%})  {sentence}")

    with tempfile.TemporaryDirectory() as folder:
        target = Path(arguments.out or folder) / "reviews"
        model.save_to_preset(target)
        again = hub.load(target)
        same = np.abs(again.predict(SENTENCES, verbose=0) - logits).max()
        if same > 1e-5:
            raise RuntimeError(f"The reloaded model gives other numbers (largest difference {same}).")
        print(f"Saved to {target} and loaded again: the same predictions.")
    return {
        "accuracy_before": before,
        "accuracy_after": after,
        "accuracy_from_random_weights": random,
        "history": history.history,
    }


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=4, batch_size=16)
    command_line.run(main, options, at_least={"accuracy_after": 0.78})
