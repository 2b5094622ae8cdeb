"""Find the names of people, places and organisations in a text.

What:     a BERT says of each piece whether it begins a name, goes on with one, or neither (B-, I-, O); the loss is the
          cross-entropy over the pieces (Devlin et al. 2018, section 5.3).
Why:      a class for each piece is the base of all extraction; `find` puts the pieces together to parts of the text.
Data:     sentences that are made here from patterns: the test has patterns and names that training has not.
Hardware: bert_base: one GPU (not timed). With --tiny, bert_tiny: two CPU cores, about 3 minutes.
Expect:   F1 of whole names (label and both ends right).
          With --tiny 0.35: the names and patterns of the test are new.
Run:      python recipes/named_entities.py --tiny
"""

from typing import Any

import numpy as np

import command_line

LABELS = ["O", "B-PERSON", "I-PERSON", "B-PLACE", "I-PLACE", "B-ORGANISATION", "I-ORGANISATION"]
FIRST = "Anna Boris Clara David Emma Felix Greta Hugo Ines Jonas Karin Leo Marta Nils Olga Paul Rosa Simon Tessa Viktor".split()
LAST = "Abbot Baker Carter Dyer Fisher Gardner Hunter Keller Mason Palmer Porter Sawyer Shepherd Taylor Weaver Wright".split()
PLACES = (
    "Lisbon Oslo Vienna Prague Dublin Warsaw Helsinki Geneva Naples Bergen Porto Leeds Cork Malmo Ghent Basel "
    "New York,San Marino,Cape Town,Hong Kong,Los Angeles,Tel Aviv,Buenos Aires,Sao Paulo"
)
KINDS = "Bank Airlines Motors Foods Energy Press Insurance Railways Systems Brewery".split()
MAKERS = "Northern Golden United Atlantic Royal Silver Modern General Alpine Eastern Central Pacific".split()
PATTERNS = [
    "{person} moved to {place} last year.",
    "{organisation} opened an office in {place}.",
    "{person} has worked for {organisation} since the summer.",
    "The head of {organisation}, {person}, lives in {place}.",
    "In {place} it rained all day.",
    "Yesterday {person} met {person} at a cafe in {place}.",
    "Shares of {organisation} fell after the report.",
    "{person} said that {organisation} would leave {place}.",
    "We saw a film, had dinner and went home.",
    "From {place} to {place} the train takes two hours.",
    "Nobody at {organisation} had heard of {person}.",
    "{person}, who was born in {place}, writes novels.",
    "A letter from {person} arrived this morning.",
    "{organisation} and {organisation} signed a contract.",
    "The weather will be fine tomorrow.",
    "The museum of {place} is closed on Mondays.",
]


def names(kind: str, test: bool) -> list[str]:
    """The names of a kind; a third of the parts that they are made of is for the test alone."""

    def part(several: list[str]) -> list[str]:
        return [one for number, one in enumerate(several) if (number % 3 == 0) == test]

    if kind == "person":
        return [f"{first} {last}" for first in part(FIRST) for last in part(LAST)] + part(FIRST)
    if kind == "organisation":
        return [f"{maker} {what}" for maker in part(MAKERS) for what in KINDS]
    short, _, long = PLACES.rpartition(" New")
    return part(short.split()) + part(f"New{long}".split(","))


def sentences(count: int, generator: np.random.Generator, test: bool) -> list[tuple[str, list[tuple[int, int, str]]]]:
    """Sentences, each with its names: (start, end, kind) in characters. Every fourth pattern is for the test alone."""
    patterns = [pattern for number, pattern in enumerate(PATTERNS) if (number % 4 == 3) == test]
    known = {kind: names(kind, test) for kind in ("person", "place", "organisation")}
    found = []
    for _ in range(count):
        rest, text, spans = str(generator.choice(patterns)), "", []
        while "{" in rest:
            before, _, rest = rest.partition("{")
            kind, _, rest = rest.partition("}")
            name = str(generator.choice(known[kind]))
            text += before
            spans.append((len(text), len(text) + len(name), kind.upper()))
            text += name
        found.append((text + rest, spans))
    return found


def arrays(model: Any, rows: list) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """The inputs of sentences, the class of each piece, and 1 where there is a piece of the text."""
    inputs = model.tokenizer([text for text, _ in rows])
    classes = np.zeros(inputs["input_ids"].shape, "int32")
    weights = np.zeros(classes.shape, "float32")
    for row, (text, spans) in enumerate(rows):
        encoding = model.tokenizer.encode(text)
        for place, ((first, last), special) in enumerate(
            zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
        ):
            weights[row, place] = not special
            for start, end, kind in spans:
                if start <= first and last <= end and not special:
                    classes[row, place] = LABELS.index(("B-" if first == start else "I-") + kind)
    return inputs, classes, weights


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went."""
    import hornbook as keras

    generator = np.random.default_rng(arguments.seed)
    keras.utils.set_random_seed(arguments.seed)
    count = 2 * arguments.batch_size if arguments.smoke else 2000
    training, test = (
        sentences(count, generator, False),
        sentences(8 if arguments.smoke else count // 10, generator, True),
    )
    labels = {str(number): label for number, label in enumerate(LABELS)}
    model = command_line.pretrained(
        "bert_tiny" if arguments.tiny else "bert_base_cased",
        task="token_classifier",
        num_classes=len(LABELS),
        id2label=labels,
        label2id={label: int(number) for number, label in labels.items()},
    )
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(training) // arguments.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(1e-3 if arguments.tiny else 5e-5, steps)
    model.compile(keras.optimizers.AdamW(rate), model.loss, weighted_metrics=["accuracy"])
    inputs, classes, weights = arrays(model, training)
    history = model.fit(inputs, classes, sample_weight=weights, batch_size=arguments.batch_size, epochs=epochs)

    right = told = wanted = 0
    for text, spans in test:
        found = {(part["start"], part["end"], part["label"]) for part in model.find(text)}
        right, told, wanted = right + len(found & set(spans)), told + len(found), wanted + len(spans)
    print(test[0][0], [(part["text"], part["label"]) for part in model.find(test[0][0])])
    if arguments.out is not None:
        model.save_to_preset(arguments.out / "named_entities")
    return {"f1": 2 * right / max(told + wanted, 1), "history": history.history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=3, batch_size=32)
    command_line.run(main, command_line.tiny(options, "bert_tiny"), at_least={"f1": 0.3})
