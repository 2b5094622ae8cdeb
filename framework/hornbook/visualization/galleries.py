"""Many images in one figure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.visualization.drawing import (
    Color,
    as_pictures,
    draw_bounding_boxes,
    draw_segmentation_masks,
)


def pyplot_or_error() -> Any:
    """matplotlib's pyplot, or the error that says how to install it."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("Figures are drawn by matplotlib, which is not installed: pip install matplotlib.") from None
    return pyplot


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Mapping[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: Any = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Sequence | None = None,
    data_format: str | None = None,
) -> None:
    """Images side by side in one figure.

    Args:
        images: (batch, height, width, channels).
        y_true, y_pred: the label of each image and the predicted one, written above it.
        label_map: label -> its name; needed with labels.
        rows, cols: the shape of the gallery; about a square if None. What does not fit is left out.
        value_range: the numbers that stand for black and white.
        scale: inches a picture.
        path: write the figure to this file.
        show: show the figure; where there is no path if None.
        transparent: whether the background of the file is transparent.
        dpi: dots per inch in the file.
        legend_handles: matplotlib's handles of a legend.
        data_format: where the channels are.

    Raises:
        ValueError: for labels without a label_map, and where the figure is both shown and written, or neither.
        ImportError: where matplotlib is missing.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> keras.visualization.plot_image_gallery(np.zeros((4, 8, 8, 3)), path="gallery.png")
    """
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ValueError("With y_true or y_pred a label_map is needed, from labels to their names.")
    show = path is None if show is None else show
    if show == (path is not None):
        raise ValueError("Either name a path to write the figure to, or let show be True; not both, not neither.")
    pictures = as_pictures(images, data_format, value_range)
    count = len(pictures)
    if rows is None and cols is None:
        rows = math.ceil(math.sqrt(count))
    rows = math.ceil(count / cols) if rows is None else rows  # type: ignore[operator]
    cols = math.ceil(count / rows) if cols is None else cols
    pyplot = pyplot_or_error()
    figure, axes = pyplot.subplots(rows, cols, figsize=(cols * scale, rows * scale), squeeze=False, frameon=False)
    figure.subplots_adjust(wspace=0, hspace=0.1 if label_map is not None else 0)
    for i, ax in enumerate(axes.flat):
        ax.axis("off")
        if i >= count:
            continue
        grey = pictures.shape[-1] == 1
        ax.imshow(pictures[i][..., 0] if grey else pictures[i], cmap="gray" if grey else None)
        title = [
            f"{word}: {_name(labels, i, label_map)}"
            for word, labels in (("Label", y_true), ("Pred", y_pred))
            if labels is not None
        ]
        if title:
            ax.set_title("  ".join(title))
    if legend_handles is not None:
        figure.legend(handles=list(legend_handles), loc="lower center")
    if path is not None:
        figure.savefig(path, bbox_inches="tight", pad_inches=0, transparent=transparent, dpi=dpi)
    else:
        pyplot.show()
    pyplot.close(figure)


def _name(labels: Any, i: int, label_map: Mapping[int, str] | None) -> str:
    assert label_map is not None
    label = int(np.asarray(labels)[i])
    return str(label_map.get(label, label))


def plot_bounding_box_gallery(
    images: Any,
    bounding_box_format: str,
    y_true: Mapping[str, Any] | None = None,
    y_pred: Mapping[str, Any] | None = None,
    value_range: tuple[float, float] = (0, 255),
    true_color: Color = (0, 188, 212),
    pred_color: Color = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Sequence | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Images with their true and predicted boxes, side by side in one figure.

    Args:
        images: (batch, height, width, channels).
        bounding_box_format: such as "xyxy"; see `hornbook.utils.bounding_boxes`.
        y_true, y_pred: boxes as for `draw_bounding_boxes`.
        value_range: the numbers that stand for black and white.
        true_color, pred_color: the colours of the two kinds of boxes.
        line_thickness, font_scale, text_thickness: as for `draw_bounding_boxes`.
        class_mapping: label -> its name, for both kinds; `ground_truth_mapping` and `prediction_mapping` go before it.
        legend: explain the two colours.
        legend_handles: matplotlib's handles of a legend of your own.
        rows, cols, data_format: as for `plot_image_gallery`.
        kwargs: further arguments of `plot_image_gallery`.

    Raises:
        ValueError: for legend=True with handles of your own.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> boxes = {"boxes": np.array([[[1, 1, 6, 6]]]), "labels": np.array([[0]])}
    >>> keras.visualization.plot_bounding_box_gallery(np.zeros((1, 8, 8, 3)), "xyxy", y_true=boxes, path="boxes.png")
    """
    if legend and legend_handles is not None:
        raise ValueError("legend=True makes the handles of the legend; pass legend_handles or legend, not both.")
    pictures = as_pictures(images, data_format, value_range)
    kinds = (
        ("Ground Truth", y_true, true_color, ground_truth_mapping),
        ("Predictions", y_pred, pred_color, prediction_mapping),
    )
    for _, boxes, color, mapping in kinds:
        if boxes is not None:
            pictures = draw_bounding_boxes(
                pictures,
                boxes,
                bounding_box_format,
                class_mapping if mapping is None else mapping,
                color,
                line_thickness,
                1 if text_thickness is None else text_thickness,
                font_scale,
                data_format="channels_last",
            )
    if legend:
        from matplotlib.patches import Patch

        legend_handles = [Patch(color="#{:02x}{:02x}{:02x}".format(*color), label=name) for name, _, color, _ in kinds]
    plot_image_gallery(
        pictures, rows=rows, cols=cols, legend_handles=legend_handles, data_format="channels_last", **kwargs
    )


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int,
    value_range: tuple[float, float] = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: Mapping[int, Color] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Images, each beside its true and its predicted mask drawn over it, in one figure.

    Args:
        images: (batch, height, width, 3).
        num_classes: how many classes the masks have.
        value_range: the numbers that stand for black and white.
        y_true, y_pred: masks as for `draw_segmentation_masks`.
        color_mapping, blend, alpha, ignore_index, data_format: as there.
        kwargs: further arguments of `plot_image_gallery`.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> images, masks = np.zeros((2, 8, 8, 3)), np.ones((2, 8, 8, 1), "int32")
    >>> keras.visualization.plot_segmentation_mask_gallery(images, num_classes=2, y_true=masks, path="masks.png")
    """
    pictures = as_pictures(images, data_format, value_range)
    columns = [pictures]
    for masks in (y_true, y_pred):
        if masks is not None:
            array = backend.convert_to_numpy(masks)
            if array.ndim == 4 and array.shape[-1] != 1:
                array = array.transpose(0, 2, 3, 1)
            columns.append(
                draw_segmentation_masks(
                    pictures, array, num_classes, color_mapping, alpha, blend, ignore_index, data_format="channels_last"
                )
            )
    if len(columns) == 1:
        plot_image_gallery(pictures, data_format="channels_last", **kwargs)
        return
    beside = np.stack(columns, axis=1).reshape(-1, *pictures.shape[1:])
    plot_image_gallery(beside, rows=len(pictures), cols=len(columns), data_format="channels_last", **kwargs)
