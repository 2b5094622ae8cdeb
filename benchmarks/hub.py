"""The hub beside transformers and KerasHub: loading, reading prompts, writing, tokenizing, in fresh processes taken in turn.

    python benchmarks/hub.py [--rounds 3] [--models gpt2 llama] [--batches 1 8] [--prompts 32 512] [--new 64]
                             [--only load write tokenize] [--tiny] [--write benchmarks/hub.md]

Models of the shapes of GPT-2-small (124M) and of a Llama of 110M, their weights at random, are written once to a temporary
folder in Hugging Face's layout, and every library opens these files in float32. A library that is not installed is left out.
Beside each decoding speed stands its share of the bound set by reading the weights once for a step, at the bandwidth that
summing a large array a hundred times has on average: a process of its own that takes turns with the libraries, as a shared
machine's memory is twice as fast in one minute as in another. `--tiny` is for trying the program; `--write` keeps the tables
for the site.
"""

import argparse
import datetime
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GPT2 = {"vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12}
LLAMA = {"vocab_size": 32000, "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12}
LLAMA |= {"num_attention_heads": 12, "num_key_value_heads": 4, "max_position_embeddings": 2048}
TINY_GPT2 = {"vocab_size": 500, "n_positions": 1024, "n_embd": 32, "n_layer": 2, "n_head": 2}
TINY_LLAMA = {"vocab_size": 500, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
TINY_LLAMA |= {"num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 2048}
LIBRARIES = {  # what is in the table -> the package it needs
    "Hornbook": "hornbook_hub",
    "Hornbook, int8": "hornbook_hub",
    "transformers": "transformers",
    "KerasHub": "keras_hub",
}

SAVE = """
import numpy as np, hornbook_hub as hub
from hornbook_hub.models import gpt2, llama
rng = np.random.default_rng(0)
for name, backbone in (("gpt2", gpt2.GPT2Backbone(gpt2.GPT2Config(**{gpt2}))),
                       ("llama", llama.LlamaBackbone(llama.LlamaConfig(**{llama})))):
    model = hub.CausalLM(backbone)
    print(name, sum(int(np.prod(w.shape)) for w in model.weights))
    model.save_to_preset("{folder}/" + name)
"""
START = """
import json, os, resource, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
import numpy as np
library, folder = {library!r}, {folder!r}
def clock():
    return time.perf_counter(), time.process_time()
def since(begin):
    return [now - then for now, then in zip(clock(), begin)]
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def opened():
    if library.startswith("Hornbook"):
        import hornbook as keras, hornbook_hub as hub
        from hornbook_hub import CausalLM, load  # imported now, not while loading
        begin, before = clock(), peak()
        model = load(folder)
        if library.endswith("int8"):
            model.quantize(config=keras.quantizers.Int8QuantizationConfig(activation_quantizer=None))
        for place in (model.generation_config, model.config.inert):
            place.pop("eos_token_id", None)
    elif library == "transformers":
        import torch, transformers
        torch.set_num_threads(os.cpu_count())
        transformers.GPT2LMHeadModel, transformers.LlamaForCausalLM  # as above
        begin, before = clock(), peak()
        model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
        model.generation_config.eos_token_id = None
    else:
        import keras_hub
        begin, before = clock(), peak()
        model = keras_hub.models.CausalLM.from_preset(folder, preprocessor=None)
    return model, since(begin), peak() - before
def writing(model, prompts, count):
    prompts = np.array(prompts, "int32")
    if library.startswith("Hornbook"):
        return model.generate(prompts.tolist(), max_new_tokens=count)
    if library == "transformers":
        import torch
        ids = torch.tensor(prompts, dtype=torch.long)
        with torch.no_grad():
            return model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False,
                                  pad_token_id=0)
    padded = np.pad(prompts, ((0, 0), (0, count)))
    mask = np.pad(np.ones_like(prompts), ((0, 0), (0, count)))
    model.compile(sampler="greedy") if model.generate_function is None else None
    return model.generate({{"token_ids": padded, "padding_mask": mask}}, stop_token_ids=None)
"""
LOAD = """
begin = clock()
model, took, memory = opened()
print(json.dumps([*took, memory, *since(begin)]))
"""
WRITE = """
model, _, _ = opened()
prompts = np.random.default_rng(0).integers(5, {vocabulary}, ({batch}, {prompt})).tolist()
writing(model, prompts, 1), writing(model, prompts, {new})
begin = clock(); writing(model, prompts, 1); first = since(begin)
begin = clock(); writing(model, prompts, {new}); whole = since(begin)
print(json.dumps([first, [(b - a) / ({new} - 1) for a, b in zip(first, whole)]]))
"""
BANDWIDTH = """
import json, time
import tensorflow as tf
x = tf.random.normal((100_000_000,))
tf.reduce_sum(x).numpy()
times = []
for _ in range(100):
    begin = time.perf_counter()
    tf.reduce_sum(x).numpy()
    times.append(time.perf_counter() - begin)
print(json.dumps([0.4 * len(times) / sum(times), 0.4 / min(times)]))
"""
TOKENIZE = """
import json, time
texts = ["The quick brown fox, number %d, jumps over the lazy dog; nobody knows why." % i * 4 for i in range(4000)]
import hornbook_hub as hub
folder = {folder!r}
hub.load("bert_tiny").save_to_preset(folder)
if {library!r} == "Hornbook":
    tokenizer = hub.load(folder).tokenizer
    encode = lambda: tokenizer(texts)
else:
    import transformers
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(folder, pad_token="[PAD]")
    encode = lambda: tokenizer(texts, padding=True, return_tensors="np")
encode()
begin = time.perf_counter(), time.process_time()
encode()
print(json.dumps([time.perf_counter() - begin[0], time.process_time() - begin[1]]))
"""


def ran(program: str) -> str | None:
    """The last line that a program prints in a fresh process; None where it fails."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, cwd=ROOT)
    if done.returncode:
        print(done.stderr[-600:], file=sys.stderr)
        return None
    return done.stdout.strip().splitlines()[-1]


def measured(programs: dict[str, str], rounds: int) -> dict[str, list]:
    """Numbers of each program: the programs take turns, so that a busy moment meets all."""
    found: dict[str, list] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            line = ran(program)
            if line is not None:
                found[name].append(json.loads(line))
    return {name: values for name, values in found.items() if values}


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=["gpt2", "llama"], choices=["gpt2", "llama"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--prompts", nargs="+", type=int, default=[32, 512])
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--only", nargs="+", default=["load", "write", "tokenize"])
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--write", type=Path)
    settings = parser.parse_args()
    there = [name for name, package in LIBRARIES.items() if importlib.util.find_spec(package)]
    middle = statistics.median
    with tempfile.TemporaryDirectory() as folder:
        sizes = {"gpt2": TINY_GPT2 if settings.tiny else GPT2, "llama": TINY_LLAMA if settings.tiny else LLAMA}
        made = subprocess.run(
            [sys.executable, "-c", SAVE.format(folder=folder, **sizes)], capture_output=True, text=True, check=True
        )
        parameters = dict(line.split() for line in made.stdout.splitlines() if line.split()[0] in sizes)
        packages = ["tensorflow", *({LIBRARIES[name] for name in there} - {"hornbook_hub"})]
        versions = ", ".join(f"{package} {version(package.replace('_', '-'))}" for package in packages)
        texts = [
            f"Measured on {datetime.date.today()} on {os.cpu_count()} cores ({platform.machine()}), Python "
            f"{platform.python_version()}, {versions}; medians of {settings.rounds} rounds, float32, greedy, "
            f"{settings.new} new tokens, wall time (CPU time in brackets: the steadier of the two)."
        ]
        rows = []
        for name in settings.models if "load" in settings.only else []:
            programs = {
                library: START.format(library=library, folder=f"{folder}/{name}") + LOAD
                for library in there
                if library != "Hornbook, int8"
            }
            for library, values in measured(programs, settings.rounds).items():
                wall, cpu, memory, wall_imports, cpu_imports = (middle(v[i] for v in values) for i in range(5))
                size = int(parameters[name]) * 4 / 2**20
                times = [f"{wall:.2f} ({cpu:.2f})", f"{wall_imports:.1f} ({cpu_imports:.1f})"]
                rows.append([name, library, *times, f"{memory:.0f}", f"{memory / size:.2f}"])
        if rows:
            texts.append(
                table(["loading", "library", "s", "with imports, s", "peak memory more, MB", "times the weights"], rows)
            )
        rows, memory = [], []
        for name in settings.models if "write" in settings.only else []:
            for batch in settings.batches:
                for prompt in settings.prompts:
                    work = {"batch": batch, "prompt": prompt, "new": settings.new}
                    work["vocabulary"] = sizes[name]["vocab_size"]
                    programs = {
                        library: START.format(library=library, folder=f"{folder}/{name}") + WRITE.format(**work)
                        for library in there
                    }
                    found = measured({"memory": BANDWIDTH, **programs}, settings.rounds)
                    read = found.pop("memory")
                    memory += read
                    bound = middle(average for average, _ in read) * 1e9 / (4 * int(parameters[name]))
                    if "Hornbook" not in found:
                        continue
                    ours = middle(v[1][1] for v in found["Hornbook"])
                    for library, values in found.items():
                        first, first_cpu = (middle(v[0][i] for v in values) for i in range(2))
                        step, step_cpu = (middle(v[1][i] for v in values) for i in range(2))
                        rows.append(
                            [
                                f"{name}, batch {batch}, prompt {prompt}",
                                library,
                                f"{first:.2f} ({first_cpu:.2f})",
                                f"{batch / step:.1f} ({batch / step_cpu:.1f})",
                                f"{step_cpu / ours:.2f}",
                                f"{1 / step / bound:.0%}",
                            ]
                        )
                        print(rows[-1], flush=True)
        if rows:
            head = [
                "writing",
                "library",
                "s to the first token",
                "tokens/s",
                "CPU time, Hornbook's = 1",
                "of the bound",
            ]
            averages = [average for average, _ in memory]
            texts.append(
                f"Between the rows below, summing an array read {min(averages):.0f} to {max(averages):.0f} GB/s on average, "
                f"{max(best for _, best in memory):.0f} at best."
            )
            texts.append(table(head, rows))
        if "tokenize" in settings.only:
            programs = {
                library: TOKENIZE.format(library=library, folder=f"{folder}/tokenizer")
                for library in there
                if library in ("Hornbook", "transformers")
            }
            rows = []
            for library, values in measured(programs, settings.rounds).items():
                wall, cpu = (middle(v[i] for v in values) for i in range(2))
                rows.append([library, f"{4000 / wall:.0f} ({4000 / cpu:.0f})"])
            texts.append(table(["WordPiece, texts of 300 characters, padded", "texts/s"], rows))
    text = "\n\n".join(texts) + "\n"
    print(text)
    if settings.write:
        settings.write.write_text(text)


if __name__ == "__main__":
    main()
