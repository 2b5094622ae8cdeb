"""The manner of all recipes: one small command line, one result as JSON and as a picture, one sentence when data are missing."""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def parser(document: str, epochs: int, batch_size: int) -> argparse.ArgumentParser:
    """The options every recipe has; a recipe may add its own."""
    parser = argparse.ArgumentParser(
        description=document, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--epochs", type=int, default=epochs, help=f"passes over the training data (default {epochs})")
    parser.add_argument("--batch-size", type=int, default=batch_size, help=f"rows in a step (default {batch_size})")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of weights, dropout and the order of data (default 0)"
    )
    parser.add_argument(
        "--out", type=Path, default=None, help="folder for the result (JSON), the curve (PNG), the model"
    )
    parser.add_argument("--smoke", action="store_true", help="two steps only, to see that it runs")
    return parser


def tiny(parser: argparse.ArgumentParser, what: str) -> argparse.ArgumentParser:
    """The option of recipes with pretrained models: a model that is in the package, so that no network is needed."""
    parser.add_argument("--tiny", action="store_true", help=f"without a network and in minutes: {what}")
    return parser


def pretrained(name: str, **options: Any) -> Any:
    """A model of the hub, by `hornbook_hub.load`; where it cannot be had, that is said as of missing data."""
    import hornbook_hub as hub
    from hornbook_datasets import DataUnavailable

    try:
        return hub.load(name, **options)
    except OSError as error:
        raise DataUnavailable(str(error)) from None


def run(
    main: Callable[[argparse.Namespace], dict[str, Any]],
    options: argparse.ArgumentParser,
    at_least: dict[str, float] | None = None,
    at_most: dict[str, float] | None = None,
) -> None:
    """Run a recipe's `main`; print and keep its result.

    Args:
        main: gives figures by name, and "history" for the picture.
        options: the recipe's command line.
        at_least, at_most: what its figures are held to in a run with the default settings, of `--tiny` where there is one.

    The exit code is 0, 1 where a figure is not what is expected, or 2 where the data cannot be had.
    """
    from hornbook_datasets import DataUnavailable

    arguments = options.parse_args()
    started = time.perf_counter()
    try:
        result = main(arguments)
    except DataUnavailable as error:
        without = " With --tiny it runs without a network."
        print(f"{error}{'' if getattr(arguments, 'tiny', True) else without}", file=sys.stderr)
        raise SystemExit(2) from None
    history = result.pop("history", None)
    result["seconds"] = round(time.perf_counter() - started, 1)
    is_full = all(getattr(arguments, name) == options.get_default(name) for name in ("epochs", "batch_size", "smoke"))
    if is_full and getattr(arguments, "tiny", True):
        result["expected"] = compared(result, at_least or {}, at_most or {})
    print(json.dumps(result, indent=2))
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        name = Path(sys.argv[0]).stem
        (arguments.out / f"{name}.json").write_text(json.dumps({**result, "history": history}, indent=2) + "\n")
        if history:
            plot(history, arguments.out / f"{name}.png")
    missed = [name for name, row in result.get("expected", {}).items() if not row["reached"]]
    if missed:
        print(f"Not as expected: {', '.join(missed)}.", file=sys.stderr)
        raise SystemExit(1)


def compared(
    result: dict[str, Any], at_least: dict[str, float], at_most: dict[str, float]
) -> dict[str, dict[str, float | bool]]:
    """For each figure that is held to something: what to, what it is, and whether it is reached."""
    rows = {name: {"at_least": bound, "measured": result[name]} for name, bound in at_least.items()}
    rows |= {name: {"at_most": bound, "measured": result[name]} for name, bound in at_most.items()}
    for row in rows.values():
        row["reached"] = bool(row.get("at_least", -math.inf) <= row["measured"] <= row.get("at_most", math.inf))
    return rows


def plot(history: dict[str, list[float]], path: Path) -> None:
    """The curves of a History as a picture, where matplotlib is installed."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        print("matplotlib is not installed, so there is no picture; pip install matplotlib makes one.", file=sys.stderr)
        return
    figure, axes = pyplot.subplots(figsize=(6, 4))
    for name, values in sorted(history.items()):
        axes.plot(range(1, len(values) + 1), values, label=name, marker="o")
    axes.set_xlabel("epoch")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
