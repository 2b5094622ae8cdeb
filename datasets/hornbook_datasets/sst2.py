"""SST-2: 68,221 phrases and sentences of film reviews, negative or positive; the task of the GLUE benchmark."""

import numpy as np

from hornbook_datasets.archives import read_member
from hornbook_datasets.files import fetch_any
from hornbook_datasets.info import File, Info
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows, read_rows

LARGEST = 1 << 24  # bytes; the larger table has 4 million
MEMBERS = {"train": "SST-2/train.tsv", "validation": "SST-2/dev.tsv"}

INFO = Info(
    name="sst2",
    title="SST-2",
    source="Richard Socher and others, from rottentomatoes.com; as a task by the authors of GLUE, "
    "https://gluebenchmark.com",
    licence="none stated; for research, with the citations",
    citation="R. Socher, A. Perelygin, J. Wu, J. Chuang, C. Manning, A. Ng, C. Potts. Recursive deep models for semantic "
    "compositionality over a sentiment treebank. EMNLP 2013. A. Wang, A. Singh, J. Michael, F. Hill, O. Levy, "
    "S. Bowman. GLUE: a multi-task benchmark and analysis platform for natural language understanding. ICLR 2019",
    examples={"train": 67349, "validation": 872},
    classes=("negative", "positive"),
    files=(
        File(
            path="sst2/SST-2.zip",
            sha256="d67e16fb55739c1b32cdce9877596db1c127dc322d93c082281f64057c16deaa",
            size=7439277,
            urls=("https://dl.fbaipublicfiles.com/glue/data/SST-2.zip",),
        ),
        File(
            path="text/SST-2/train.tsv",
            sha256="48eac26399f8456935f81dd9e3a745c1430adb6c62e233ccfe22db4a0d15d1d1",
            size=3806081,
            urls=(),
        ),
        File(
            path="text/SST-2/dev.tsv",
            sha256="54a9c12c77e402fc14d6a66a506f24d999f596b0176eb777c972cccc2f9cc4b0",
            size=94931,
            urls=(),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, files and their hashes.

    Example:

    >>> from hornbook_datasets import sst2
    >>> dict(sst2.info().examples)
    {'train': 67349, 'validation': 872}
    """
    return INFO


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the sentences and labels, from `HORNBOOK_DATA`, the cache or the network.

    The training texts are phrases from parse trees too, the validation texts whole sentences. Both are in lower case with
    a space around each word. The labels of the official test sentences were never published; validate on `validation`.

    Returns:
        `(texts_train, labels_train), (texts_validation, labels_validation)`: object arrays of strings, `(67349,)` and
        `(872,)`, and int64 labels of the same shapes: 0 negative, 1 positive.

    Raises:
        ValueError: The tables are not the official ones.
        DataUnavailable: The official files are nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import sst2
    >>> (texts, labels), (texts_validation, labels_validation) = sst2.load_data()  # doctest: +SKIP
    >>> texts_validation[0]  # doctest: +SKIP
    "it 's a charming and often affecting journey . "
    """
    return load_split("train"), load_split("validation")


def load_split(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Load one of the two, "train" or "validation".

    Args:
        split: Which one.

    Returns:
        The texts and labels.

    Raises:
        ValueError: `split` is another word, or the table is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import sst2
    >>> texts, labels = sst2.load_split("validation")  # doctest: +SKIP
    """
    if split not in MEMBERS:
        raise ValueError(f"Expected split to be one of {sorted(MEMBERS)}; received {split!r}.")
    archive, *tables = INFO.files
    file, path = fetch_any((archive, tables[list(MEMBERS).index(split)]), INFO.title)
    if file is archive:
        content, where = read_member(path, MEMBERS[split], LARGEST), f"{MEMBERS[split]} in {path}"
    else:
        content, where = path.read_bytes(), str(path)

    texts, labels = [], []
    for line, (text, label) in read_rows(content, where, ("sentence", "label"), delimiter="\t", quoted=False):
        if label not in ("0", "1"):
            raise ValueError(f"Expected the label 0 or 1 in line {line} of {where}; found {label[:80]!r}.")
        texts.append(text)
        labels.append(int(label))
    check_rows(len(texts), INFO.examples[split], where)
    return np.array(texts, dtype=object), np.array(labels, dtype="int64")


as_dataset = stream_maker(__name__)
