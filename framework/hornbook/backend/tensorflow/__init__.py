"""The TensorFlow backend: primitives and services, a file for each kind."""

from hornbook.backend.tensorflow.arguments import *  # noqa: F403
from hornbook.backend.tensorflow.arithmetic import *  # noqa: F403
from hornbook.backend.tensorflow.contractions import *  # noqa: F403
from hornbook.backend.tensorflow.control import *  # noqa: F403
from hornbook.backend.tensorflow.data import *  # noqa: F403
from hornbook.backend.tensorflow.image import *  # noqa: F403
from hornbook.backend.tensorflow.linalg import *  # noqa: F403
from hornbook.backend.tensorflow.nn import *  # noqa: F403
from hornbook.backend.tensorflow.optimizers import *  # noqa: F403
from hornbook.backend.tensorflow.products import *  # noqa: F403
from hornbook.backend.tensorflow.random import *  # noqa: F403
from hornbook.backend.tensorflow.raw import *  # noqa: F403
from hornbook.backend.tensorflow.recurrence import *  # noqa: F403
from hornbook.backend.tensorflow.reductions import *  # noqa: F403
from hornbook.backend.tensorflow.saved_model import *  # noqa: F403
from hornbook.backend.tensorflow.services import *  # noqa: F403
from hornbook.backend.tensorflow.shapes import *  # noqa: F403
from hornbook.backend.tensorflow.signals import *  # noqa: F403
from hornbook.backend.tensorflow.steps import *  # noqa: F403
from hornbook.backend.tensorflow.strings import *  # noqa: F403
from hornbook.backend.tensorflow.summary import *  # noqa: F403
from hornbook.backend.tensorflow.variable import *  # noqa: F403
