"""The command `hornbook`, also `python -m hornbook_hub`. Nothing that it imports at its start takes TensorFlow along.

hornbook presets [--family F] [--task T] [--cached]
hornbook download NAME
hornbook info NAME
hornbook recipes [--all [NAME ...] [--out FOLDER]]
hornbook run NAME [what the recipe is to be told ...]
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from hornbook_hub import recipes
from hornbook_hub.files import download, find, presets


def list_presets(arguments: argparse.Namespace) -> None:
    """The presets, one a line."""
    rows = [
        (row["name"], row["family"], row["task"], sized(row["parameters"], ""), sized(row["bytes"], "B"))
        + (row["licence"], "yes" if row["cached"] else "")
        for row in presets()
        if arguments.family in (None, row["family"])
        and arguments.task in (None, row["task"])
        and (row["cached"] or not arguments.cached)
    ]
    print_table(("name", "family", "task", "parameters", "size", "licence", "cached"), rows)


def fetch(arguments: argparse.Namespace) -> None:
    """Download a model's files and print the folder they are in."""
    print(download(arguments.name))


def inform(arguments: argparse.Namespace) -> None:
    """What is known of a model: its preset row, and the contents of its config.json."""
    files = find(arguments.name)
    for row in presets():
        if row["name"] == files.preset:
            for key, value in row.items():
                print(f"{key}: {', '.join(value) if isinstance(value, tuple) else value}")
    print(f"files: {files}")
    print(printable(files.contents("config.json").decode("utf-8", errors="replace")))


def list_recipes(arguments: argparse.Namespace) -> int:
    """The recipes, one a line; or all of them, run in full."""
    if arguments.all is None:
        print_table(("name", "what it does"), list(recipes.recipes().items()))
        return 0
    rows = recipes.run_all(arguments.out, arguments.all)
    print(recipes.table(rows))
    return max((row["status"] != 0 for row in rows), default=0)


def run_recipe(arguments: argparse.Namespace) -> int:
    """Run one recipe."""
    return recipes.run(arguments.name, arguments.words)


NAME = ("name", {"help": "a preset, hf://org/name, or a folder"})
COMMANDS: dict[
    str, tuple[Callable, str, list[tuple[str, dict[str, Any]]]]
] = {  # name -> what it does, in words, arguments
    "presets": (
        list_presets,
        "list the presets",
        [
            ("--family", {"help": "only those of this family, such as bert"}),
            ("--task", {"help": "only those of this task, such as causal_lm"}),
            ("--cached", {"action": "store_true", "help": "only those that need no download"}),
        ],
    ),
    "download": (fetch, "download a model's files into the cache", [NAME]),
    "info": (inform, "show a model's preset and config", [NAME]),
    "recipes": (
        list_recipes,
        "list the recipes, or run them all",
        [
            (
                "--all",
                {"nargs": "*", "metavar": "NAME", "help": "run all, or these, in full, and write a table of results"},
            ),
            (
                "--out",
                {"default": "build/recipes", "help": "folder for the table and the results (default build/recipes)"},
            ),
        ],
    ),
    "run": (
        run_recipe,
        "run a recipe",
        [
            ("name", {"help": "as `hornbook recipes` lists it"}),
            ("words", {"nargs": argparse.REMAINDER, "help": "options of the recipe, such as --smoke or --help"}),
        ],
    ),
}


def printable(text: str) -> str:
    """A stranger's text for a terminal, which obeys control characters: they are written out.

    >>> printable("\\x1b[2J")
    '\\\\x1b[2J'
    """
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def sized(count: int, unit: str) -> str:
    """A large number in three digits: 109.5M, 438MB."""
    for step, letter in ((10**12, "T"), (10**9, "G" if unit else "B"), (10**6, "M"), (10**3, "k")):
        if count >= step:
            return f"{count / step:.3g}{letter}{unit}"
    return f"{count}{unit}"


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what they hold."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def main(words: Sequence[str] | None = None) -> int:
    """Run the command with these words, those of the command line if None; gives the exit status."""
    parser = argparse.ArgumentParser("hornbook", description="Pretrained models and recipes of Hornbook.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, words_for_it, arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=words_for_it, description=words_for_it)
        for argument, settings in arguments:
            command.add_argument(argument, **settings)
    chosen = parser.parse_args(words)
    try:
        status = COMMANDS[chosen.command][0](chosen) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # who reads, `head` for one, has enough
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # for what Python still wants to write at its end
        return 1
    except (ValueError, OSError) as error:
        print(f"hornbook: {error}", file=sys.stderr)
        return 1
