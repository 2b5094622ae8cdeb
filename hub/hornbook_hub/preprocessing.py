"""What turns raw inputs (texts, images, sounds) into the arrays that a model reads."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hornbook import backend


class Preprocessor:
    """Base of tokenizers and of what prepares images and sounds.

    A preprocessor says which inputs are raw (`takes`), makes arrays of them when called, and knows the files that keep its
    settings. Everything else a task does with raw inputs (in `fit`, `predict`, data sets, SavedModels) follows from these.
    """

    tokenizer: Any = None  # the Tokenizer, itself or one of its parts

    def takes(self, x: Any) -> bool:
        """Whether these are raw inputs."""
        raise NotImplementedError

    def takes_batches_of(self, spec: Any) -> bool:
        """Whether batches of a data set, described by dtype and shape, are raw inputs."""
        raise NotImplementedError

    def __call__(self, x: Any) -> dict[str, np.ndarray]:
        raise NotImplementedError

    def encoded(self, x: Any) -> dict[str, np.ndarray]:
        """The arrays of raw inputs, however they came."""
        return self(x)

    def in_dataset(self, batch: Any, specs: Mapping[str, Any]) -> dict[str, Any]:
        """A data set's batch of raw inputs as arrays, made on the host.

        Args:
            batch: a tensor of raw inputs.
            specs: name -> InputSpec of the arrays that the model reads.
        """

        def on_host(batch: np.ndarray) -> list[np.ndarray]:
            arrays = self.encoded(batch)
            return [arrays[name] for name in specs]

        arrays = backend.numpy_function(on_host, [batch], [spec.dtype for spec in specs.values()])
        for array, spec in zip(arrays, specs.values(), strict=True):
            array.set_shape(spec.shape)
        return dict(zip(specs, arrays, strict=True))

    def files(self) -> dict[str, str]:
        """The contents of the files that a folder keeps it in, by name."""
        raise NotImplementedError

    def as_layer(self) -> Any:
        """The same as a layer of graph operations, for SavedModels that take raw inputs.

        Raises:
            ValueError: where there is no such layer.
        """
        raise ValueError(f"A {type(self).__name__} cannot become a layer; export with input_signature=[...] of arrays.")
