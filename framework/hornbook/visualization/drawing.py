"""Boxes and masks drawn into images."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.backend.config import standardize_data_format
from hornbook.core.arguments import fraction
from hornbook.ops import bounding_boxes as boxes_module

Color = tuple[int, int, int]


def as_pictures(images: Any, data_format: str | None, value_range: tuple[float, float] = (0, 255)) -> np.ndarray:
    """Images as (batch, height, width, channels), uint8 from 0 to 255.

    Raises:
        ValueError: for what is no batch of images.
    """
    array = backend.convert_to_numpy(images)
    if array.ndim != 4:
        raise ValueError(f"images must have the shape (batch, height, width, channels), got {array.shape}.")
    if standardize_data_format(data_format) == "channels_first":
        array = array.transpose(0, 2, 3, 1)
    low, high = value_range
    if (low, high) != (0, 255):
        array = (array.astype("float32") - low) / (high - low) * 255
    return np.clip(array, 0, 255).astype("uint8")


def draw_bounding_boxes(
    images: Any,
    bounding_boxes: Mapping[str, Any],
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Color = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """Images with boxes drawn around things.

    Args:
        images: (batch, height, width, channels), 0 to 255.
        bounding_boxes: "boxes" (batch, boxes, 4), "labels" (batch, boxes), -1 where there is no box, and, if known,
            "confidence" (batch, boxes).
        bounding_box_format: such as "xyxy" or "rel_xywh"; see `hornbook.utils.bounding_boxes`.
        class_mapping: label -> its name, written at the box.
        color: red, green and blue, 0 to 255.
        line_thickness: in pixels.
        text_thickness: the width of the letters' outline, in pixels.
        font_scale: size of the letters; 1.0 is ten pixels.
        data_format: where the channels are.

    Returns:
        the images as a NumPy array (batch, height, width, channels), uint8.

    Raises:
        ValueError: for images without a batch axis, and boxes without labels.
        ImportError: where Pillow is missing.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> boxes = {"boxes": np.array([[[1, 1, 6, 6]]]), "labels": np.array([[0]])}
    >>> image = keras.visualization.draw_bounding_boxes(np.zeros((1, 8, 8, 3)), boxes, "xyxy", color=(255, 0, 0))
    >>> image[0, 1, 3].tolist(), image[0, 4, 4].tolist()
    ([255, 0, 0], [0, 0, 0])
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise ImportError("Boxes are drawn by Pillow, which is not installed: pip install pillow.") from None
    pictures = as_pictures(images, data_format)
    missing = {"boxes", "labels"} - set(bounding_boxes)
    if missing:
        raise ValueError(f"bounding_boxes must hold 'boxes' and 'labels'; {sorted(missing)} missing.")
    height, width = pictures.shape[1:3]
    corners = boxes_module.convert_format(bounding_boxes["boxes"], bounding_box_format, "xyxy", height, width)
    corners, labels = backend.convert_to_numpy(corners), backend.convert_to_numpy(bounding_boxes["labels"])
    confidence = bounding_boxes.get("confidence")
    confidence = None if confidence is None else backend.convert_to_numpy(confidence)
    color = tuple(int(part) for part in color)  # type: ignore[assignment]
    font = ImageFont.load_default(size=max(10 * font_scale, 1))
    drawn = []
    for i, picture in enumerate(pictures):
        grey = picture.shape[-1] == 1
        image = Image.fromarray(np.repeat(picture, 3, axis=-1) if grey else picture)
        draw = ImageDraw.Draw(image)
        for j, (box, label) in enumerate(zip(corners[i], labels[i], strict=True)):
            if label == -1:
                continue
            left, top, right, bottom = (int(edge) for edge in box)
            left, right, top, bottom = min(left, right), max(left, right), min(top, bottom), max(top, bottom)
            draw.rectangle((left, top, right, bottom), outline=color, width=line_thickness)
            text = [] if class_mapping is None else [str(class_mapping.get(int(label), int(label)))]
            text += [] if confidence is None else [f"{float(confidence[i][j]):.2f}"]
            if text:
                place = (left + line_thickness, top - 12 * font_scale if top >= 12 * font_scale else top)
                draw.text(place, ", ".join(text), fill=color, font=font, stroke_width=max(text_thickness - 1, 0))
        drawn.append(np.asarray(image))
    return np.stack(drawn)


def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Color] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """Images with each class of a mask in its colour: `(1 - alpha) image + alpha color`.

    Args:
        images: (batch, height, width, 3), 0 to 255.
        segmentation_masks: the class of each pixel: (batch, height, width, 1) or without the last axis.
        num_classes: classes are 0 .. num_classes - 1; as many as the mask has if None.
        color_mapping: class -> (red, green, blue); made up if None. Classes without a colour are left as they are.
        alpha: how much of the colour there is.
        blend: False paints the colour alone.
        ignore_index: the class of pixels that are left as they are.
        data_format: where the channels are.

    Returns:
        the images as a NumPy array (batch, height, width, channels), uint8.

    Raises:
        ValueError: for images without a batch axis, and masks of another size.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> images, masks = np.zeros((1, 1, 2, 3)), np.array([[[[0], [1]]]])
    >>> colors = {0: (0, 0, 0), 1: (255, 0, 0)}
    >>> keras.visualization.draw_segmentation_masks(images, masks, color_mapping=colors, alpha=0.5).tolist()
    [[[[0, 0, 0], [127, 0, 0]]]]
    """
    fraction(alpha, "alpha")
    pictures = as_pictures(images, data_format).astype("float32")
    masks = backend.convert_to_numpy(segmentation_masks).astype("int64")
    if masks.ndim == 4:
        axis = 1 if standardize_data_format(data_format) == "channels_first" else -1
        if masks.shape[axis] != 1:
            raise ValueError(f"segmentation_masks must have one channel, the class; got shape {masks.shape}.")
        masks = masks.squeeze(axis)
    if masks.shape != pictures.shape[:3]:
        raise ValueError(f"The masks have shape {masks.shape}, the images {pictures.shape[:3]}; they must be alike.")
    if color_mapping is None:
        count = int(masks.max(initial=0)) + 1 if num_classes is None else num_classes
        color_mapping = {i: class_color(i) for i in range(count)}
    for label, color in color_mapping.items():
        if label != ignore_index:
            part = 1.0 if not blend else alpha
            here = masks == label
            pictures[here] = (1 - part) * pictures[here] + part * np.asarray(color, "float32")
    return pictures.astype("uint8")


def class_color(label: int) -> Color:
    """A colour for a class: neighbours differ much."""
    return label % 255, label * 127 % 255, label * 31 % 255
