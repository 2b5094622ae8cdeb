"""Every operation once: a function that runs on tensors and records a node on symbolic ones."""

from hornbook.ops import image  # noqa: F401
from hornbook.ops.core import *  # noqa: F403
from hornbook.ops.linalg import *  # noqa: F403
from hornbook.ops.nn import *  # noqa: F403
from hornbook.ops.numpy import *  # noqa: F403
from hornbook.ops.rearrange import *  # noqa: F403
