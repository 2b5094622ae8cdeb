"""Talk with a language model on the terminal: a chat template, a history, answers that come piece by piece.

What:     a conversation is one text, put together by the checkpoint's chat template; the model writes on after it until the
          piece that ends an answer. With --tiny a model learns this first: gpt_tiny is fine-tuned on conversations, with
          -log p of the answers' pieces alone as the loss.
Why:      to see what is behind a chat: nothing but a text that grows, of which the oldest questions fall out in the end.
Data:     qwen2.5_0.5b_instruct knows what it knows. With --tiny: conversations about 16 countries that are made here.
Hardware: qwen2.5_0.5b_instruct: 2 GB of memory and 1 GB from the network, once (not run here). With --tiny: one CPU core,
          2 minutes before the first question.
Expect:   with --tiny all answers right to questions in wordings that were not trained with, and to "And ...?" behind them, which
          only the history makes clear. It has learned pairs of questions: a third may be answered wrongly.
Run:      python recipes/chat.py --tiny
          python recipes/chat.py          # on a terminal, type questions; an empty line ends it
"""

import sys
from itertools import permutations, product
from typing import Any

import numpy as np

import command_line

TEMPLATE = (
    "{% for message in messages %}{% if message.role == 'user' %}Q: {{ message.content }}\nA: "
    "{% else %}{{ message.content }}{{ eos_token }}\n{% endif %}{% endfor %}"
)
KINDS = ("capital", "language", "continent")
FACTS = {  # one of each kind
    "France": ("Paris", "French", "Europe"),
    "Spain": ("Madrid", "Spanish", "Europe"),
    "Italy": ("Rome", "Italian", "Europe"),
    "Germany": ("Berlin", "German", "Europe"),
    "Poland": ("Warsaw", "Polish", "Europe"),
    "Greece": ("Athens", "Greek", "Europe"),
    "Norway": ("Oslo", "Norwegian", "Europe"),
    "Portugal": ("Lisbon", "Portuguese", "Europe"),
    "Japan": ("Tokyo", "Japanese", "Asia"),
    "China": ("Beijing", "Chinese", "Asia"),
    "Thailand": ("Bangkok", "Thai", "Asia"),
    "Turkey": ("Ankara", "Turkish", "Asia"),
    "Egypt": ("Cairo", "Arabic", "Africa"),
    "Kenya": ("Nairobi", "Swahili", "Africa"),
    "Cuba": ("Havana", "Spanish", "America"),
    "Brazil": ("Brasilia", "Portuguese", "America"),
}
WORDINGS = [
    "What is the {} of {}?",
    "The {} of {}?",
    "Name the {} of {}.",
    "Do you know the {} of {}?",
    "I forgot the {} of {}.",
    "Say the {} of {}!",
]
TEST_WORDINGS = ["Tell me the {} of {}, please.", "Which is the {} of {}?"]
QUESTIONS = ["Tell me the capital of Japan, please.", "And Greece?"]
ROOM = 16  # pieces for an answer of the tiny model


def conversation(kind: int, wording: str, countries: tuple[str, str]) -> list[dict[str, str]]:
    """A question on one country with its answer, and the same on another in few words with its answer."""
    first, second = countries
    contents = [
        wording.format(KINDS[kind], first),
        FACTS[first][kind] + ".",
        f"And {second}?",
        FACTS[second][kind] + ".",
    ]
    roles = ("user", "assistant") * 2
    return [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]


def ids_of(model: Any, messages: list[dict[str, str]]) -> list[int]:
    """A conversation as the pieces that the model reads."""
    text = model.tokenizer.apply_chat_template(messages)
    return model.tokenizer.engine.encode(text, add_special_tokens=False).ids


def arrays(model: Any, conversations: list) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """The pieces of conversations (N, T), what follows each, and 1 where that is a piece of an answer."""
    rows, counts = [], []
    for messages in conversations:
        rows.append(ids_of(model, messages))
        weights = np.zeros(len(rows[-1]), "float32")
        for turn in range(1, len(messages), 2):  # an answer lies between the text before it and the text with it
            weights[len(ids_of(model, messages[:turn])) : len(ids_of(model, messages[: turn + 1])) - 1] = 1
        counts.append(weights)
    time = max(map(len, rows))
    ids, there, weights = (np.zeros((len(rows), time), kind) for kind in ("int32", "int32", "float32"))
    for row, (numbers, wanted) in enumerate(zip(rows, counts, strict=True)):
        ids[row, : len(numbers)], there[row, : len(numbers)], weights[row, : len(numbers)] = numbers, 1, wanted
    return {"input_ids": ids[:, :-1], "attention_mask": there[:, :-1]}, ids[:, 1:], weights[:, 1:]


def learn(model: Any, arguments: Any) -> dict[str, list[float]]:
    """Fine-tune on conversations in the wordings that are not for the test."""
    import hornbook as keras

    model.tokenizer.settings["chat_template"] = TEMPLATE
    rows = [conversation(*row) for row in product(range(3), WORDINGS, permutations(FACTS, 2))]
    np.random.default_rng(arguments.seed).shuffle(rows)
    rows = rows[: 2 * arguments.batch_size if arguments.smoke else 2560]
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(rows) // arguments.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=2e-3, warmup_steps=max(steps // 20, 1))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    model.compile(keras.optimizers.AdamW(rate, global_clipnorm=1.0), loss, weighted_metrics=["accuracy"])
    x, y, weights = arrays(model, rows)
    return model.fit(x, y, sample_weight=weights, batch_size=arguments.batch_size, epochs=epochs).history


def measure(model: Any, few: bool) -> dict[str, float]:
    """The share of right answers to the wordings of the test, and to the short questions behind them."""
    countries = zip(FACTS, [*FACTS][5:] + [*FACTS][:5], strict=True)
    tests = [conversation(*row) for row in product(range(3), TEST_WORDINGS, countries)]
    tests = tests[:4] if few else tests
    figures = {}
    for name, turn in (("accuracy_unseen_wordings", 1), ("accuracy_by_the_history", 3)):
        written = model.generate([ids_of(model, test[:turn]) for test in tests], max_new_tokens=ROOM, strip_prompt=True)
        right = [model.tokenizer.decode(ids) == test[turn]["content"] for ids, test in zip(written, tests, strict=True)]
        figures[name] = float(np.mean(right))
    return figures


def questions(fixed: bool) -> Any:
    """What is typed, up to an empty line; or a few questions where nobody types."""
    if fixed:
        for question in QUESTIONS:
            print(f"> {question}")
            yield question
        return
    while question := input("> ").strip():
        yield question


def main(arguments: Any) -> dict[str, Any]:
    """Learn if need be, and talk."""
    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    result: dict[str, Any] = {}
    model = command_line.pretrained("gpt_tiny" if arguments.tiny else "qwen2.5_0.5b_instruct")
    if arguments.tiny:
        result["history"] = learn(model, arguments)
        result |= measure(model, arguments.smoke)

    room = ROOM if arguments.tiny else 512
    messages: list[dict[str, str]] = []
    for question in questions(arguments.smoke or not sys.stdin.isatty()):
        messages.append({"role": "user", "content": question})
        while len(messages) > 1 and len(ids_of(model, messages)) + room > model.longest_text:
            del messages[:2]  # the oldest question and its answer
        answer = ""
        for part in model.stream(messages, max_new_tokens=room):
            print(part, end="", flush=True)
            answer += part
        print()
        messages.append({"role": "assistant", "content": answer})
    if arguments.out is not None:
        model.save_to_preset(arguments.out / "chat")
    return {**result, "conversation": messages}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=1, batch_size=16)
    options = command_line.tiny(options, "gpt_tiny learns to answer first")
    bounds = {"accuracy_unseen_wordings": 0.9, "accuracy_by_the_history": 0.9}
    command_line.run(main, options, at_least=bounds)
