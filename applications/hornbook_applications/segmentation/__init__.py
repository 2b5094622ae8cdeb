"""Segmentation: a class for each pixel of an image.

The models give logits (B, H, W, K) of K classes at the image's size, and learn from masks of whole numbers (B, H, W), where
one number, such as 255, may stand for "does not count":

>>> import numpy as np
>>> import hornbook as keras
>>> from hornbook_applications import segmentation
>>> model = segmentation.UNet((32, 32, 3), classes=3, widths=(4, 8))
>>> model.compile(
...     "adam",
...     loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255),
...     metrics=[keras.metrics.MeanIoU(3, ignore_class=255, sparse_y_pred=False)],
... )
>>> images, masks = np.zeros((2, 32, 32, 3)), np.full((2, 32, 32), 255)
>>> masks[:, :16] = 1
>>> history = model.fit(images, masks, verbose=0)
>>> model.predict(images, verbose=0).shape
(2, 32, 32, 3)
"""

from hornbook_applications.segmentation.deeplab import DeepLabV3Plus
from hornbook_applications.segmentation.unet import UNet

__all__ = ["DeepLabV3Plus", "UNet"]
