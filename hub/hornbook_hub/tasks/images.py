"""Models of images: what is on them, and which are alike."""

from typing import Any

import numpy as np

from hornbook import layers, ops
from hornbook_hub.heads import pool
from hornbook_hub.images import is_image
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.tasks.classifiers import Classifier
from hornbook_hub.tasks.task import Task


class ImageClassifier(Classifier):
    """What is on an image: logits (B, num_classes).

    `fit`, `evaluate` and `predict` take images as an ImagePreprocessor does, or data sets of batches of uint8, which are
    prepared as they come; all images of a list or an array are prepared at once, and have to fit into the memory.

    Args:
        backbone: the model without a head.
        preprocessor: what turns images into its inputs.
        num_classes: how many classes.

    >>> import numpy as np
    >>> import hornbook_hub as hub
    >>> from hornbook_hub.models.resnet import ResNetBackbone, ResNetConfig
    >>> backbone = ResNetBackbone(ResNetConfig(embedding_size=4, hidden_sizes=[8], depths=[1]))
    >>> prepare = hub.ImagePreprocessor("ViTImageProcessor", size=32)
    >>> model = hub.ImageClassifier(backbone, prepare, num_classes=3)
    >>> images = np.zeros((2, 40, 50, 3), "uint8")
    >>> model.predict(images, verbose=0).shape
    (2, 3)
    >>> sorted(label for label, probability in model.classify(images[0], top_k=3))
    ['LABEL_0', 'LABEL_1', 'LABEL_2']
    """

    task = "image_classifier"

    def classify(self, images: Any, top_k: int = 5, **kwargs: Any) -> list:
        """The likeliest classes of images.

        Args:
            images: one, or several.
            top_k: how many classes.
            kwargs: of `predict`, such as `batch_size`.

        Returns:
            [(label, probability), ...] of one image, the likeliest first; of several, a list of such lists.
        """
        logits = self.predict(images, **{"verbose": 0, **kwargs}).astype("float64")
        probabilities = np.exp(logits - logits.max(-1, keepdims=True))
        probabilities /= probabilities.sum(-1, keepdims=True)
        best = np.argsort(-probabilities, axis=-1, kind="stable")[:, :top_k]
        found = [
            [(self.labels[i], float(row[i])) for i in places] for row, places in zip(probabilities, best, strict=True)
        ]
        return found[0] if is_one_image(images) else found


class DistilledImageClassifier(ImageClassifier):
    """What is on an image, by the mean of two heads, one of which had a teacher: of DeiT.

    >>> import numpy as np
    >>> import hornbook_hub as hub
    >>> from hornbook_hub.models.deit import DeiTBackbone, DeiTConfig
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    >>> backbone = DeiTBackbone(DeiTConfig(image_size=8, patch_size=4, **sizes))
    >>> hub.DistilledImageClassifier(backbone, num_classes=3)({"pixel_values": np.zeros((1, 8, 8, 3))}).shape
    TensorShape([1, 3])
    """

    task = "distilled_image_classifier"


class ImageVector(layers.Layer):
    """One vector for an image, (B, M): "pooler_output", or "cls", "mean" or "max" of the last hidden state."""

    def __init__(self, pooling: str, normalize: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pooling, self.normalize = pooling, normalize
        self.source = "pooler_output" if pooling == "pooler_output" else "last_hidden_state"

    def call(self, outputs: dict[str, Any]) -> Any:
        x = outputs[self.source]
        vector = x if self.pooling == "pooler_output" else pool({"last_hidden_state": x}, self.pooling)
        return ops.normalize(vector, axis=-1, epsilon=1e-12) if self.normalize else vector


class ImageEmbedder(Task):
    """Images as vectors (B, M) that are close where the images are alike.

    Args:
        backbone: the model without a head.
        preprocessor: what turns images into its inputs.
        pooling: "pooler_output", or of models with tokens "cls", "mean" or "max"; what the family does best without
            training, if None.
        normalize: whether vectors are made of length one.

    >>> import numpy as np
    >>> import hornbook_hub as hub
    >>> from hornbook_hub.models.resnet import ResNetBackbone, ResNetConfig
    >>> backbone = ResNetBackbone(ResNetConfig(embedding_size=4, hidden_sizes=[8, 16], depths=[1, 1]))
    >>> model = hub.ImageEmbedder(backbone, hub.ImagePreprocessor("ViTImageProcessor", size=32))
    >>> images = np.zeros((2, 40, 50, 3), "uint8")
    >>> model.embed(images).shape, [x.shape for x in model.features(images)]
    ((2, 16), [(2, 8, 8, 4), (2, 8, 8, 8), (2, 4, 4, 16)])
    """

    task = "image_embedder"

    def __init__(
        self,
        backbone: Any,
        preprocessor: Preprocessor | None = None,
        pooling: str | None = None,
        normalize: bool = False,
        **kwargs: Any,
    ) -> None:
        pooling = backbone.embedding if pooling is None else pooling
        states = backbone.output_specs["last_hidden_state"]
        known = ("pooler_output", "cls", "mean", "max") if len(states.shape) == 3 else ("pooler_output",)
        if pooling not in known:
            raise ValueError(f"pooling must be one of {known} for {type(backbone).__name__}, got {pooling!r}.")
        super().__init__(backbone, preprocessor, (pooling, normalize), **kwargs)
        self._make_weights()

    def make_head(self, *arguments: Any) -> Any:
        return ImageVector(*arguments, name="head")

    @property
    def kind_of_files(self) -> str:
        return "backbone"

    def embed(self, images: Any, **kwargs: Any) -> np.ndarray:
        """The vectors of images, (N, M); of one image, (M,).

        Args:
            images: one, or several.
            kwargs: of `predict`, such as `batch_size`.
        """
        vectors = self.predict(images, **{"verbose": 0, **kwargs})
        return vectors[0] if is_one_image(images) else vectors

    def similarity(self, first: Any, second: Any) -> np.ndarray:
        """The cosine of each of the first with each of the second, (N, K); both are lists of images, or vectors (N, M)."""
        vectors = [np.asarray(x) if is_vectors(x) else self.embed(x) for x in (first, second)]
        a, b = (v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12) for v in vectors)
        return a @ b.T

    def features(self, images: Any, batch_size: int = 32) -> list[np.ndarray]:
        """What goes into the first stage, and what each stage gives: maps (N, H, W, C), or of tokens (N, T, M).

        Args:
            images: one, or several.
            batch_size: how many are in memory at once.
        """
        arrays = self.encoded(images)
        count = len(next(iter(arrays.values())))
        parts = []
        for i in range(0, count, batch_size):
            batch = {name: array[i : i + batch_size] for name, array in arrays.items()}
            states = self.backbone(batch, output_hidden_states=True)["hidden_states"]
            parts.append([np.asarray(state) for state in states])
        return [np.concatenate(stage) for stage in zip(*parts, strict=True)]


def is_vectors(x: Any) -> bool:
    """Whether something is an array of floats (N, M), not images."""
    return hasattr(x, "dtype") and np.dtype(x.dtype).kind == "f" and len(x.shape) == 2


def is_one_image(x: Any) -> bool:
    """Whether something is one image, not a list or a batch.

    >>> import numpy as np
    >>> from hornbook_hub.tasks.images import is_one_image
    >>> is_one_image(np.zeros((4, 4, 3), "uint8")), is_one_image(np.zeros((1, 4, 4, 3), "uint8"))
    (True, False)
    """
    return is_image(x) and len(getattr(x, "shape", ())) < 4
