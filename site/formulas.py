r"""Formulas, written \( in a line \) or \[ apart \], become MathML when the site is built: browsers draw it without a script."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.S)


def drawn(found: re.Match) -> str:
    """A formula as MathML."""
    if found[2] == "[":
        return f'<div class="formula">{convert(html.unescape(found[3]).strip(), display="block")}</div>'
    return convert(html.unescape(found[3]).strip())


def on_page_content(content: str, **kwargs: Any) -> str:
    """The page's formulas, drawn."""
    return FORMULA.sub(drawn, content)
