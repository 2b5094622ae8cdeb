"""Lines of code, folder by folder, beside Keras's: `python benchmarks/lines.py` prints a table.

All lines of Python files count, with comments and docstrings; tests do not. Keras carries the code of five backends.
"""

import importlib.util
from pathlib import Path

OURS = Path(__file__).resolve().parent.parent / "framework" / "hornbook"
# Where Keras keeps what stands in one of our folders, if the name is another.
ELSEWHERE = {
    "core": [],
    "quantization": [],
    "training": ["trainers"],
    "mixed_precision": ["dtype_policies"],
    "lora": [],
}


def lines(path: Path) -> int:
    """The lines of a file, or of all files in a folder."""
    files = [path] if path.is_file() else path.rglob("*.py")
    return sum(
        len(file.read_text().splitlines()) for file in files if file.suffix == ".py" and not file.stem.endswith("_test")
    )


def main() -> None:
    """Print the table."""
    keras = importlib.util.find_spec("keras")
    theirs = Path(keras.origin).parent / "src" if keras and keras.origin else None
    print("| folder | Hornbook | Keras 3.15 |")
    print("|---|---|---|")
    for path in sorted(OURS.iterdir(), key=lambda path: path.name):
        if path.name.startswith("__") or not lines(path):
            continue
        where = ELSEWHERE.get(path.stem, [path.stem])
        found = sum(lines(theirs / name) for name in where if (theirs / name).is_dir()) if theirs else 0
        print(f"| {path.stem} | {lines(path):,} | {f'{found:,}' if found else ''} |")
    print(f"| **all** | **{lines(OURS):,}** | **{lines(theirs) if theirs else 0:,}** |")


if __name__ == "__main__":
    main()
