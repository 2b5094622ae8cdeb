"""How the site shows docstrings: an example, a paragraph that begins with `>>>`, is a block of code."""

import re
from typing import Any

import griffe


class ExamplesAsCode(griffe.Extension):
    """Fences examples; the parser of docstrings only knows those under a heading of their own."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for each module, class, function and attribute.

        Args:
            obj: what was read from the source.
            **kwargs: of no use here.
        """
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(docstring: str) -> str:
    """The docstring with each example between fences."""
    paragraphs = re.split(r"\n\s*\n", docstring)
    return "\n\n".join(f"```pycon\n{p}\n```" if p.startswith(">>>") else p for p in paragraphs)
