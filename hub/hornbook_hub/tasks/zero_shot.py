"""Models of images and texts together: classes that are nothing but their names, and search in both directions."""

from typing import Any

import numpy as np

import hornbook as keras
from hornbook import backend, ops
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.tasks.images import is_one_image, is_vectors
from hornbook_hub.tasks.task import Task


class ZeroShotImageClassifier(Task):
    """Which of some texts says what is on an image, without training on the classes.

    It is trained on pairs, `fit(images, captions)`: the captions of the other images in a batch are what each image is to be far
    from, so larger batches teach more. Called on images and texts it gives logits (N, K); on either, vectors of length one.

    Args:
        backbone: a model of images and texts.
        preprocessor: what turns images and strings into its inputs.

    >>> import numpy as np
    >>> import hornbook_hub as hub
    >>> from hornbook_hub.models.clip import CLIPBackbone, CLIPConfig
    >>> tokenizer = hub.load("bert_tiny").tokenizer
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    >>> text = {**sizes, "vocab_size": tokenizer.vocabulary_size, "eos_token_id": tokenizer.token_to_id("[SEP]")}
    >>> backbone = CLIPBackbone(CLIPConfig(text_config=text, vision_config={**sizes, "image_size": 32}, projection_dim=16))
    >>> prepare = hub.ImageTextPreprocessor(hub.ImagePreprocessor("ViTImageProcessor", size=32), tokenizer)
    >>> model = hub.ZeroShotImageClassifier(backbone, prepare)
    >>> images = np.zeros((2, 40, 50, 3), "uint8")
    >>> sorted(label for label, _ in model.classify(images[0], ["cat", "dog"]))
    ['cat', 'dog']
    >>> model.embed_images(images).shape, model.embed_texts("a photo of a cat").shape
    ((2, 16), (16,))
    >>> model.similarity(images, ["a photo of a cat"]).shape
    (2, 1)
    """

    task = "zero_shot_image_classifier"

    def __init__(self, backbone: Any, preprocessor: Preprocessor | None = None, **kwargs: Any) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        self._make_weights()
        self.compile(keras.optimizers.AdamW(1e-5), SigmoidContrast() if backbone.each_alone else SoftmaxContrast())

    # -- answers ---------------------------------------------------------------------------------------------------
    def classify(
        self, images: Any, labels: list[str], template: str | list[str] = "a photo of a {}", **kwargs: Any
    ) -> list:
        """How likely each label is for images.

        Args:
            images: one, or several, paths of files too.
            labels: the names of the classes.
            template: what is said of an image, with {} for a label; of several, the mean of their vectors counts.
            kwargs: of `predict`, such as `batch_size`.

        Returns:
            [(label, probability), ...] of one image, the likeliest first; of several, a list of such lists. The probabilities
            of CLIP are of all labels together; those of SigLIP are of each label by itself, and may all be small.

        Raises:
            ValueError: for no labels, and for a template without {}.
        """
        labels, templates = list(labels), [template] if isinstance(template, str) else list(template)
        if isinstance(labels, str) or not labels:
            raise ValueError(f"labels must be a list of names with at least one, got {labels!r}.")
        for one in templates:
            if "{}" not in one:
                raise ValueError(f"A template has {{}} where the label is to stand, got {one!r}.")
        texts = [one.replace("{}", label) for one in templates for label in labels]
        vectors = self.embed_texts(texts, **kwargs).reshape(len(templates), len(labels), -1).mean(axis=0)
        logits = self.backbone.logits(ops.convert_to_tensor(self.vectors_of_images(images, **kwargs)), unit(vectors))
        probabilities = np.asarray((ops.sigmoid if self.backbone.each_alone else ops.softmax)(logits))
        best = np.argsort(-probabilities, axis=-1, kind="stable")
        found = [[(labels[i], float(row[i])) for i in places] for row, places in zip(probabilities, best, strict=True)]
        return found[0] if is_one_image(images) else found

    def embed_images(self, images: Any, **kwargs: Any) -> np.ndarray:
        """The vectors of images, of length one, (N, P); of one image, (P,).

        Args:
            images: one, or several, paths of files too.
            kwargs: of `predict`, such as `batch_size`.
        """
        vectors = self.vectors_of_images(images, **kwargs)
        return vectors[0] if is_one_image(images) else vectors

    def vectors_of_images(self, images: Any, **kwargs: Any) -> np.ndarray:
        """The vectors (N, P) of images, one or several, or of {"pixel_values"}."""
        arrays = images if isinstance(images, dict) else self.prepared.images(images)
        return self.predict(arrays, **{"verbose": 0, **kwargs})

    def embed_texts(self, texts: Any, **kwargs: Any) -> np.ndarray:
        """The vectors of texts, of length one, (K, P); of one text, (P,).

        Args:
            texts: one, or several.
            kwargs: of `predict`, such as `batch_size`.
        """
        arrays = texts if isinstance(texts, dict) else self.prepared.texts(texts)
        vectors = self.predict(arrays, **{"verbose": 0, **kwargs})
        return vectors[0] if isinstance(texts, str) else vectors

    def similarity(self, images: Any, texts: Any) -> np.ndarray:
        """The cosine of each image with each text, (N, K); vectors (N, P) and (K, P) are taken as well."""
        first = unit(np.asarray(images)) if is_vectors(images) else self.vectors_of_images(images)
        second = unit(np.asarray(texts)) if is_vectors(texts) else np.atleast_2d(self.embed_texts(texts))
        return first @ second.T

    @property
    def prepared(self) -> Any:
        """The preprocessor.

        Raises:
            ValueError: where there is none.
        """
        if self.preprocessor is None:
            raise ValueError(
                "This model has no preprocessor (the checkpoint lacks preprocessor_config.json or its tokenizer), so it takes "
                f"arrays alone: {' and '.join(self.backbone.input_names)}."
            )
        return self.preprocessor

    # -- training --------------------------------------------------------------------------------------------------
    def pairs(self, x: Any, y: Any = None) -> tuple[Any, Any]:
        """What is trained on: the arrays of images and captions in one dictionary, and targets that say nothing.

        Raises:
            ValueError: where the images have no captions.
        """
        if backend.is_dataset(x):
            spec, prepared, arrays = x.element_spec, self.prepared, self.arrays
            if not (isinstance(spec, tuple) and len(spec) == 2 and all(map(prepared.takes_batches_of, spec))):
                raise ValueError(
                    f"A data set to train on gives (images of uint8 (B, H, W, 3), captions (B,)), got {spec}."
                )
            of_images = {"pixel_values": arrays["pixel_values"]}
            of_texts = {name: array for name, array in arrays.items() if name not in of_images}

            def joined(images: Any, texts: Any) -> tuple[Any, Any]:
                both = {**prepared.in_dataset(images, of_images), **prepared.in_dataset(texts, of_texts)}
                return both, ops.zeros_like(both["input_ids"][:, 0])

            return x.map(joined), None
        if y is None:
            raise ValueError("This model is trained on pairs that belong together: fit(images, their_captions).")
        images = x if isinstance(x, dict) else self.prepared.images(x)
        texts = y if isinstance(y, dict) else self.prepared.texts(y)
        if len(images["pixel_values"]) != len(texts["input_ids"]):
            raise ValueError(f"There are {len(images['pixel_values'])} images but {len(texts['input_ids'])} captions.")
        return {**images, **texts}, np.zeros(len(texts["input_ids"]), "int32")

    def fit(self, x: Any = None, y: Any = None, *args: Any, validation_data: Any = None, **kwargs: Any) -> Any:
        """As `Model.fit`, on images and their captions: raw, arrays, or data sets of pairs of both."""
        if validation_data is not None:
            several = (validation_data,) if backend.is_dataset(validation_data) else validation_data
            x_and_y = self.pairs(*several)
            validation_data = x_and_y[0] if x_and_y[1] is None else x_and_y
        return keras.Model.fit(self, *self.pairs(x, y), *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `Model.evaluate`, on images and their captions."""
        return keras.Model.evaluate(self, *self.pairs(x, y), *args, **kwargs)

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """As `Model.export`: what is exported takes arrays of both, and gives the logits (N, K)."""
        signature = [self.arrays] if input_signature is None else input_signature
        super().export(filepath, format, verbose, signature, **kwargs)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors made of length one."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


@keras.saving.register_keras_serializable(package="hornbook_hub")
class SoftmaxContrast(keras.losses.Loss):
    """How surely each image of a batch finds its text among all, and each text its image; logits z (B, B):

        l_i = -(log softmax(z_i.)_i + log softmax(z_.i)_i) / 2

    Source: Radford et al. 2021, figure 3

    >>> import numpy as np
    >>> from hornbook_hub.tasks import SoftmaxContrast
    >>> float(SoftmaxContrast()(np.zeros(3), 100 * np.eye(3))) < 1e-6
    True
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        right = ops.arange(ops.shape(y_pred)[0], dtype="int32")
        of_images = ops.sparse_categorical_crossentropy(right, y_pred, from_logits=True)
        of_texts = ops.sparse_categorical_crossentropy(right, ops.transpose(y_pred), from_logits=True)
        return (of_images + of_texts) / 2


@keras.saving.register_keras_serializable(package="hornbook_hub")
class SigmoidContrast(keras.losses.Loss):
    """How surely each pair of a batch is told to belong together or not; logits z (B, B):

        l_i = -sum_j log sigmoid(z_ij if i = j else -z_ij)

    Source: Zhai et al. 2023, algorithm 1

    >>> import numpy as np
    >>> from hornbook_hub.tasks import SigmoidContrast
    >>> float(SigmoidContrast()(np.zeros(3), 100 * (2 * np.eye(3) - 1))) < 1e-6
    True
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        sign = 2 * ops.eye(ops.shape(y_pred)[0], dtype=y_pred.dtype) - 1
        return ops.sum(ops.softplus(-sign * y_pred), axis=-1)
