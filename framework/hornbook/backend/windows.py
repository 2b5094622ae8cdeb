"""Sizes that windows slid over an axis lead to: arithmetic that every backend shares."""

from typing import Any

__all__ = ["transposed_size"]


def transposed_size(
    size: Any, window: int, stride: int, padding: str, output_padding: int | None = None, dilation: int = 1
) -> Any:
    """The size that a transposed convolution makes of an axis of `size` (an integer, or a tensor of one).

    >>> from hornbook.backend.windows import transposed_size
    >>> transposed_size(5, window=3, stride=2, padding="valid"), transposed_size(5, window=3, stride=2, padding="same")
    (11, 10)
    """
    reach = (window - 1) * dilation + 1
    if output_padding is None:
        return size * stride + (max(reach - stride, 0) if padding == "valid" else 0)
    lost = 0 if padding == "valid" else 2 * (reach // 2)
    return (size - 1) * stride + reach - lost + output_padding
