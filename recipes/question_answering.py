"""Find the answer to a question in a text.

What:     a BERT reads question and text together and says for each piece how likely the answer begins there, and ends there:
          loss = -log p(begin) - log p(end) (Devlin et al. 2018, section 4.2).
Why:      the answer is a part of the text, so it can be checked.
Data:     XQuAD, 925 questions to learn from, 265 on other articles to test on (CC BY-SA 4.0).
Hardware: bert_base: one GPU (not timed). With --tiny, which takes bert_tiny and, in place of a paragraph, the sentence
          that holds the answer: two CPU cores, about 2 minutes.
Expect:   F1 is the share of words that prediction and answer have in common, EM how often they are the same.
          With --tiny F1 0.23 and EM 7 %: no more F1 than the whole sentence has as an answer (0.24), for bert_tiny has read too
          little. BERT-base has F1 88 with the 88,000 questions of SQuAD to learn from (the paper); it was not run here.
Run:      python recipes/question_answering.py --tiny
"""

import collections
import re
from typing import Any

import numpy as np

import command_line


def sentence_of(text: str, start: int, end: int) -> tuple[str, int, int]:
    """The sentence (or sentences) of a text that hold a part of it, and where the part is in it."""
    breaks = [0, *(match.end() for match in re.finditer(r"[.!?]\s+(?=[A-Z])", text)), len(text)]
    first = max(place for place in breaks if place <= start)
    last = min(place for place in breaks if place >= end)
    return text[first:last], start - first, end - first


def words(text: str) -> list[str]:
    """Lower-case words without punctuation and articles, as SQuAD counts them."""
    return [word for word in re.findall(r"\w+", text.lower()) if word not in ("a", "an", "the")]


def f1(found: str, wanted: str) -> float:
    """2 P R / (P + R) of the words: P the share of the found that is wanted, R of the wanted that is found."""
    a, b = words(found), words(wanted)
    common = sum((collections.Counter(a) & collections.Counter(b)).values())
    return 2 * common / (len(a) + len(b)) if common else float(a == b)


def measure(model: Any, questions: Any, texts: Any, wanted: list[str]) -> dict[str, float]:
    """F1 and EM of a model's answers."""
    answers = [model.answer(question, text)["text"] for question, text in zip(questions, texts, strict=True)]
    scores = [f1(found, right) for found, right in zip(answers, wanted, strict=True)]
    same = [words(found) == words(right) for found, right in zip(answers, wanted, strict=True)]
    return {"f1": float(np.mean(scores)), "exact_match": float(np.mean(same))}


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went."""
    from hornbook_datasets import xquad

    parts = []
    for (questions, texts), places in xquad.load_data():
        if arguments.tiny:
            cut = [sentence_of(text, *place) for text, place in zip(texts, places, strict=True)]
            texts, places = np.array([row[0] for row in cut], dtype=object), np.array([row[1:] for row in cut])
        if arguments.smoke:
            questions, texts, places = (part[:8] for part in (questions, texts, places))
        wanted = [text[start:end] for text, (start, end) in zip(texts, places, strict=True)]
        parts.append((questions, texts, places, wanted))

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    model = command_line.pretrained("bert_tiny" if arguments.tiny else "bert_base", task="question_answering")
    (questions, texts, places, _), (test_questions, test_texts, _, wanted) = parts
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(questions) // arguments.batch_size)
    peak = 1e-3 if arguments.tiny else 3e-5
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=peak, warmup_steps=max(steps // 10, 1))
    model.compile(keras.optimizers.AdamW(rate), model.loss, metrics=[])
    targets = model.places(questions, texts, places)
    history = model.fit((questions, texts), targets, batch_size=arguments.batch_size, epochs=epochs)

    found = measure(model, test_questions, test_texts, wanted)
    whole = float(np.mean([f1(text, right) for text, right in zip(test_texts, wanted, strict=True)]))
    example = model.answer(test_questions[0], test_texts[0])["text"]
    print(f"{test_questions[0]}\n    {example}   (right: {wanted[0]})")
    if arguments.out is not None:
        model.save_to_preset(arguments.out / "question_answering")
    return {**found, "f1_of_the_whole_text": whole, "history": history.history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=3, batch_size=16)
    options = command_line.tiny(options, "bert_tiny, on sentences instead of paragraphs")
    command_line.run(main, options, at_least={"f1": 0.2})
