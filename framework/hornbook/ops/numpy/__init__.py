"""NumPy's functions as ops, and their mathematical neighbours, with Keras's signatures: a file for each kind."""

from hornbook.ops.linalg import slogdet  # noqa: F401  which has both names
from hornbook.ops.numpy import creation, elementwise, indexing, logic, products, reductions, shapes, signal
from hornbook.ops.numpy.creation import *  # noqa: F403
from hornbook.ops.numpy.elementwise import *  # noqa: F403
from hornbook.ops.numpy.indexing import *  # noqa: F403
from hornbook.ops.numpy.logic import *  # noqa: F403
from hornbook.ops.numpy.products import *  # noqa: F403
from hornbook.ops.numpy.reductions import *  # noqa: F403
from hornbook.ops.numpy.shapes import *  # noqa: F403
from hornbook.ops.numpy.signal import *  # noqa: F403

__all__ = []
__all__ += creation.__all__
__all__ += elementwise.__all__
__all__ += indexing.__all__
__all__ += logic.__all__
__all__ += products.__all__
__all__ += reductions.__all__
__all__ += shapes.__all__
__all__ += signal.__all__
