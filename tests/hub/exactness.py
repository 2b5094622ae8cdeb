"""The page that says how exact the families are, made by a run of test_exact.py.

    HORNBOOK_EXACTNESS=site/exactness.md pytest tests/hub/test_exact.py -m "exhaustive or not exhaustive"

Each comparison adds a line to a file beside the page, from whatever process it runs in; the end of the session makes the page.
"""

import datetime
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

KINDS = ("hidden states", "logits", "gradients")


def page():
    """The path of the page that is asked for, or None."""
    path = os.environ.get("HORNBOOK_EXACTNESS")
    return None if not path else Path(path).resolve()


def rows_beside(path):
    return path.with_name(path.name + ".rows")


def note(name, kind, value):
    """Add what a comparison found: the largest relative difference, or the number of tensors that came back bit for bit."""
    if (path := page()) is not None:
        line = json.dumps([name.split(",")[0], kind, float(value)]) + "\n"
        with open(rows_beside(path), "a") as file:
            file.write(line)  # shorter than a block: lines of several processes do not mix


def begin():
    """Forget the lines of a run that was broken off."""
    if (path := page()) is not None:
        rows_beside(path).unlink(missing_ok=True)


def finish():
    """Make the page of the lines, if there are any."""
    path = page()
    if path is None or not rows_beside(path).exists():
        return
    rows = [json.loads(line) for line in rows_beside(path).read_text().splitlines()]
    path.write_text(text_of(rows), encoding="utf-8")
    rows_beside(path).unlink()


def text_of(rows):
    """The page: a table of families by what was compared."""
    families = list(dict.fromkeys(sorted(family for family, _, _ in rows)))
    lines = []
    for family in families:
        cells = [family]
        for kind in KINDS:
            found = [value for name, what, value in rows if (name, what) == (family, kind)]
            cells.append(f"{max(found):.1e} ({len(found)})" if found else "")
        files = [value for name, what, value in rows if (name, what) == (family, "files")]
        cells.append(f"{int(sum(files))} tensors in {len(files)}" if files else "")
        lines.append(f"| {' | '.join(cells)} |")
    table = "\n".join(lines)
    packages = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "numpy", "transformers", "torch"))
    return f"""# How exact the hub's models are

This page is written by the tests that hold each family against `transformers` (`tests/hub/test_exact.py`). Models with random
weights are made there, saved, and loaded here. A cell holds the largest difference to PyTorch's numbers, relative to the
largest value, in float32, and in brackets how many comparisons that is the largest of: one for each task, variant of the
family, and direction of the files; of gradients, one for each weight. A test fails above 1e-5. The last column counts the
tensors of the files that were loaded and saved again: each came back bit for bit.

| family | hidden states | logits | gradients | files, bit for bit |
|---|---|---|---|---|
{table}

Made on {datetime.date.today()} with Python {platform.python_version()}, {packages}, on {platform.machine()}
processors, of what that run compared. All of it is compared by:

```bash
HORNBOOK_EXACTNESS=site/exactness.md pytest tests/hub/test_exact.py -m "exhaustive or not exhaustive"
```
"""
