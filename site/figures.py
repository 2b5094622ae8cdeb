"""Figures, drawn by the code of a page: kept in `figures/` as SVG, they stand in the page itself, in the colours of its text.

A block of code that ends in `figure.savefig("name.svg")` draws one, and `![what it shows](figures/name.svg)` shows it.
`tests/test_docs.py` runs the block and compares; where the file is not there, it is written.
"""

import html
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "figures"
IMAGE = re.compile(r'<p><img alt="([^"]*)" src="(?:\.\./)*figures/([\w-]+)\.svg" ?/?></p>')


def inlined(found: re.Match) -> str:
    """A figure and the words below it. Its numbers are nothing to search for."""
    caption, name = html.unescape(found[1]), found[2]
    svg = (FOLDER / f"{name}.svg").read_text().replace("<svg ", '<svg role="img" data-search-exclude="" ', 1)
    return f'<figure class="drawn">{svg}<figcaption>{html.escape(caption)}</figcaption></figure>'


def on_page_content(content: str, **kwargs: Any) -> str:
    """The page's images of figures become these themselves."""
    return IMAGE.sub(inlined, content)
