"""The figures of the site's pages: how they are drawn, what is kept of them, and when two are the same."""

import base64
import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

KEPT = Path(__file__).resolve().parent.parent / "site" / "figures"
COLOURS = ["#3b82c4", "#d9622b", "#2a9d6f", "#a06cc8", "#b58900"]  # to be seen on white and on black
SETTINGS = {
    "figure.constrained_layout.use": True,
    "figure.figsize": (6, 3),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "font.size": 12,  # ten on a telephone
    "image.interpolation": "none",  # pixels as they are
    "legend.fontsize": "small",
    "legend.frameon": False,
    "path.simplify": False,
    "savefig.transparent": True,
    "svg.fonttype": "none",  # words as words, in the page's letters
}
TAG = re.compile(r"<[^>]*>")
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
PIXELS = re.compile(r"data:image/png;base64,([^\"]*)")


@contextlib.contextmanager
def drawn_for_the_site() -> Iterator[None]:
    """What is drawn here with matplotlib is drawn as the site wants it."""
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib draws the figures")
    with pyplot.rc_context({**SETTINGS, "axes.prop_cycle": pyplot.cycler(color=COLOURS)}):
        yield
        pyplot.close("all")


def tidy(svg: str, name: str) -> str:
    """An SVG of matplotlib's as it is kept: short numbers, ids that no other figure has, black in the page's colour."""
    import matplotlib

    svg = svg[svg.index("<svg") :]
    for superfluous in (r"<metadata>.*?</metadata>", r"<style.*?</style>", r"<!--.*?-->", r"<defs>\s*</defs>"):
        svg = re.sub(superfluous, "", svg, flags=re.S)
    drawn_by = f'<svg data-drawn-by="matplotlib {matplotlib.__version__}" '
    svg = re.sub(r"<svg ", drawn_by, re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2), count=1)
    used = dict.fromkeys(re.findall(r'(?:url\(#|href="#)([\w-]+)', svg))
    ids = {old: f"{name}-{number}" for number, old in enumerate(used, start=1)}
    svg = re.sub(r' id="([\w-]+)"', lambda found: f' id="{ids[found[1]]}"' if found[1] in ids else "", svg)
    svg = re.sub(r'(url\(#|href="#)([\w-]+)', lambda found: found[1] + ids[found[2]], svg)
    svg = TAG.sub(lambda tag: re.sub(r"-?\d+\.\d+(?:e-?\d+)?", lambda number: _short(number[0]), tag[0]), svg)
    return re.sub(r"\s*\n\s*", "\n", svg.replace("#000000", "currentColor")).strip() + "\n"


def _short(number: str) -> str:
    value = float(number)
    return f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}".rstrip("0").rstrip(".")


def compare(svgs: dict[str, str]) -> None:
    """Hold the figures of a page against those that are kept; keep those that are new and fail, so that somebody looks.

    Words must be equal, lines within half a point and pixels within 3 of 255, on the average: other processors compute a
    little otherwise. Another version of matplotlib lays figures out otherwise, so then the words alone are compared.
    """
    found = {name: tidy(svg, name) for name, svg in svgs.items()}
    new = [name for name in found if not (KEPT / f"{name}.svg").exists()]
    for name in new:
        (KEPT / f"{name}.svg").write_text(found[name])
    assert not new, f"New in {KEPT}: {new}. Look at them, and add them."
    for name, figure in found.items():
        kept = (KEPT / f"{name}.svg").read_text()
        again = f"If the figure {name!r} is right, remove the one that is kept in {KEPT}, and run this test again."
        assert _words(figure) == _words(kept), again
        if _drawn_by(figure) == _drawn_by(kept):
            assert _distance(_lines(figure), _lines(kept)) < 0.5, again
            assert _distance(_pixels(figure), _pixels(kept)) < 3, again


def _words(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>(.*?)</text>", svg, re.S)


def _drawn_by(svg: str) -> list[str]:
    return re.findall(r'data-drawn-by="(.*?)"', svg)


def _lines(svg: str) -> np.ndarray:
    bare = re.sub(r"#[0-9a-f]{6}|data-drawn-by=\"[^\"]*\"", "", PIXELS.sub("", svg))
    return np.array([float(number) for tag in TAG.findall(bare) for number in NUMBER.findall(tag)])


def _pixels(svg: str) -> np.ndarray:
    images = [Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA") for text in PIXELS.findall(svg)]
    return np.concatenate([np.asarray(image, "float64").ravel() for image in images] or [np.zeros(1)])


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean()) if one.shape == other.shape else np.inf
