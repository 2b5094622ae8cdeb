"""Models of images that give each pixel a class."""

from typing import Any

import numpy as np

import hornbook as keras
from hornbook import ops
from hornbook_hub.images import several_images, to_rgb
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.tasks.classifiers import Classifier
from hornbook_hub.tasks.images import is_one_image
from hornbook_hub.vision import resized


class ImageSegmenter(Classifier):
    """The class of each pixel: logits (B, H, W, num_classes) at the size of the prepared images.

    It learns from images and masks (B, H, W) of whole numbers, where the config's `semantic_loss_ignore_index`, 255, does not
    count: `model.fit(images, model.preprocessor.masks(masks))` resizes masks as images are.

    Args:
        backbone: the model without a head.
        preprocessor: what turns images into its inputs.
        num_classes: how many classes.

    >>> import numpy as np
    >>> import hornbook_hub as hub
    >>> from hornbook_hub.models.segformer import SegformerBackbone, SegformerConfig
    >>> config = SegformerConfig(depths=[1, 1, 1, 1], hidden_sizes=[4, 8, 10, 16], num_attention_heads=[1, 2, 2, 2])
    >>> prepare = hub.ImagePreprocessor("SegformerImageProcessor", size=32)
    >>> model = hub.ImageSegmenter(SegformerBackbone(config), prepare, num_classes=3)
    >>> image = np.zeros((40, 50, 3), "uint8")
    >>> model.predict(image, verbose=0).shape, model.segment(image).shape
    ((1, 32, 32, 3), (40, 50))
    """

    task = "image_segmenter"

    def __init__(
        self, backbone: Any, preprocessor: Preprocessor | None = None, num_classes: int = 2, **kwargs: Any
    ) -> None:
        super().__init__(backbone, preprocessor, num_classes, **kwargs)
        ignored = backbone.config.semantic_loss_ignore_index
        self.compile(
            keras.optimizers.AdamW(6e-5),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=ignored),
            metrics=[keras.metrics.MeanIoU(num_classes, ignore_class=ignored, sparse_y_pred=False, name="mean_iou")],
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return resized(self.coarse(inputs, training), ops.shape(inputs["pixel_values"])[1:3])

    def coarse(self, inputs: Any, training: bool | None = None) -> Any:
        """The logits as the head gives them, (B, H / 4, W / 4, num_classes)."""
        return super().call(inputs, training=training)

    def segment(self, images: Any, batch_size: int = 8) -> Any:
        """The class of each pixel, at the images' own sizes.

        Args:
            images: one, or several, as an ImagePreprocessor takes them.
            batch_size: how many are in memory at once.

        Returns:
            numbers of classes, int32 (H, W), whose names are in `labels`; of several images, a list of such maps.
        """
        assert self.preprocessor is not None
        pictures = [to_rgb(image) for image in several_images(images)]
        found = []
        for i in range(0, len(pictures), batch_size):
            batch = pictures[i : i + batch_size]
            logits = self.coarse(self.encoded(batch))
            for picture, one in zip(batch, ops.split(logits, len(batch)), strict=True):
                stretched = resized(one, (picture.height, picture.width))
                found.append(np.asarray(ops.argmax(stretched[0], axis=-1)).astype("int32"))
        return found[0] if is_one_image(images) else found
