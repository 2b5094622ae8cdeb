"""`keras.datasets`: the package `hornbook_datasets`, under Keras's name."""

import hornbook_datasets
from hornbook.core.aliases import alias

alias(__name__, hornbook_datasets)
