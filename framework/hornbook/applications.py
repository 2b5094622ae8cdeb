"""`keras.applications`: the package `hornbook_applications`, under Keras's name."""

import hornbook_applications
from hornbook.core.aliases import alias

alias(__name__, hornbook_applications)
