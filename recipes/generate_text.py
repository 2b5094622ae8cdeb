"""The ways of writing on, side by side: what the same model writes by each, how likely it is, and how much it repeats.

What:     a language model gives p(next piece | pieces before); a way of writing says what is taken: the likeliest (greedy),
          draws from all or from a part, the likeliest text as a whole (beams), what is likely and unlike the text so far
          (contrastive; Su et al. 2022), or only what a pattern allows.
Why:      likely is not good: the likeliest texts repeat themselves, draws do not (Holtzman et al. 2019).
Data:     none; the prompts are names of a play.
Hardware: gpt2: one CPU core and 550 MB from the network, once (not run here). With --tiny, gpt_tiny: one CPU core,
          one minute.
Expect:   nats per character, of the model itself, and the share of stretches of eight characters that were there before. With
          --tiny: beams 0.44 and 31 %, greedy 0.69 and 9 %; contrastive 0.71, draws from the likeliest 90 % (top_p) 1.01, from
          all 1.18, and nothing repeated.
Run:      python recipes/generate_text.py --tiny
"""

import re
from typing import Any

import numpy as np

import command_line

PROMPTS = ["ROMEO:\n", "KING HENRY:\n", "First Citizen:\n", "JULIET:\n"]
PATTERN = r"(My|Thy|Our) [a-z]{3,8}(, [a-z]{2,8}){2,4}[.!]"
REACH = 8  # characters that are looked for in the text before


def ways() -> dict[str, dict[str, Any]]:
    """The settings of `generate` for each way of writing."""
    import hornbook_hub as hub

    return {
        "greedy": {"sampler": "greedy"},
        "beams": {"sampler": hub.Beams(num_beams=4)},
        "contrastive": {"sampler": hub.Contrastive(penalty_alpha=0.6, top_k=4)},
        "draws": {"temperature": 1.0},
        "cool_draws": {"temperature": 0.6},
        "top_p": {"top_p": 0.9},
        "pattern": {"temperature": 0.8, "constraint": PATTERN},
    }


def repeated(text: str) -> float:
    """The share of stretches of REACH characters that were in the text before."""
    parts = [text[i : i + REACH] for i in range(max(len(text) - REACH + 1, 1))]
    return 1 - len(set(parts)) / len(parts)


def main(arguments: Any) -> dict[str, Any]:
    """Write in each way, and measure what was written."""
    model = command_line.pretrained("gpt_tiny" if arguments.tiny else "gpt2")
    prompts = PROMPTS[:1] if arguments.smoke else PROMPTS
    options = {"max_new_tokens": 8 if arguments.smoke else 100, "seed": arguments.seed}
    result: dict[str, Any] = {}
    for name, settings in ways().items():
        if arguments.smoke and name not in ("greedy", "top_p"):
            continue
        texts = model.generate(prompts, strip_prompt=True, **settings, **options)
        places = [len(model.tokenizer.encode(prompt).ids) - 1 for prompt in prompts]
        scores = model.score([prompt + text for prompt, text in zip(prompts, texts, strict=True)])
        nats = -sum(float(row[place:].sum()) for row, place in zip(scores, places, strict=True))
        result[f"nats_{name}"] = nats / sum(map(len, texts))
        result[f"repeated_{name}"] = float(np.mean([repeated(text) for text in texts]))
        print(f"--- {name}: {result[f'nats_{name}']:.2f} nats per character\n{prompts[0]}{texts[0]}\n")
        if name == "pattern":
            result["share_that_follows_the_pattern"] = float(
                np.mean([re.fullmatch(PATTERN, text) is not None for text in texts])
            )
    streamed = "".join(model.stream(prompts[0], sampler="greedy", **options))
    result["stream_is_what_generate_gives"] = float(
        streamed == model.generate(prompts[0], sampler="greedy", strip_prompt=True, **options)
    )
    return result


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=1, batch_size=4)
    options = command_line.tiny(options, "gpt_tiny, which has read Shakespeare")
    at_least = {"repeated_beams": 0.2, "share_that_follows_the_pattern": 1.0, "stream_is_what_generate_gives": 1.0}
    command_line.run(main, options, at_least=at_least, at_most={"nats_beams": 0.55, "repeated_draws": 0.1})
