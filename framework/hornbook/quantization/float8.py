"""float8: a layer trains with inputs and kernel rounded to e4m3, gradients to e5m2, each with a scale that follows them.

Scales and histories are variables that take their "gradient" as their new value, so that they move with each step.
"""

from typing import Any

from hornbook import ops
from hornbook.core.global_state import _state
from hornbook.quantization.products import Product
from hornbook.quantizers import compute_float8_amax_history, compute_float8_scale, quantize_and_dequantize
from hornbook.quantizers.arithmetic import FLOAT8_MAX

FORWARD, BACKWARD = "float8_e4m3fn", "float8_e5m2"  # more bits after the point; more range


class Float8:
    """Rounds what goes into a layer's product, and the gradient that comes back.

    Args:
        layer: a built Dense or EinsumDense.
        config: a Float8QuantizationConfig.

    Source: Micikevicius et al., FP8 Formats for Deep Learning (2022), https://arxiv.org/abs/2209.05433.
    """

    mode = "float8"

    def __init__(self, layer: Any, config: Any) -> None:
        self.layer, self.config, self.name = layer, config, "kernel"
        self.weight_shape = tuple(layer.__dict__["kernel"].shape)
        self.product = Product(layer, len(self.weight_shape))
        self._inner: Any = layer._power  # a LoRA correction knows how files keep the kernel

    def take_over(self) -> None:
        """Make the scales and histories."""
        layer = self.layer
        length = layer._dtype_policy.amax_history_length
        for part in ("inputs", "kernel", "outputs_grad"):
            for what, shape, start in (("scale", (), "ones"), ("amax_history", (length,), "zeros")):
                title = f"{part}_{what}"
                variable = layer.add_weight(
                    shape, start, dtype="float32", autocast=False, overwrite_with_gradient=True, name=title
                )
                setattr(layer, title, variable)

    def stored(self) -> list:
        """The variables that files hold."""
        return self.layer._own_variables() if self._inner is None else self._inner.stored()

    def values(self) -> list:
        """What is written for them."""
        return self.stored() if self._inner is None else self._inner.values()

    def after_load(self) -> None:
        """Nothing, but for a correction."""
        if self._inner is not None:
            self._inner.after_load()

    def whole(self) -> Any:
        """The kernel, with a correction."""
        return self.layer.kernel.value

    def merge(self) -> None:
        """Add a correction to the kernel."""
        self._inner.merge()
        self._inner = None

    def call(self, inputs: Any) -> Any:
        """The layer's formula with rounded inputs, kernel and gradient."""
        layer = self.layer
        context = getattr(_state, "call_context", None)
        training = bool(context.training) if context is not None else False
        kind = layer.compute_dtype
        x = _rounded(inputs, layer.inputs_scale, layer.inputs_amax_history, kind, training)
        kernel = ops.cast(layer.kernel, kind)
        kernel = _rounded(kernel, layer.kernel_scale, layer.kernel_amax_history, kind, training)
        outputs = _with_rounded_gradient(
            self.product(x, kernel), layer.outputs_grad_scale, layer.outputs_grad_amax_history, kind
        )
        if layer.bias is not None:
            bias = ops.cast(layer.bias, "bfloat16") if kind == "float32" else layer.bias  # as Keras adds it
            outputs = ops.add(outputs, ops.cast(bias, outputs.dtype))
        return layer.activation(outputs)


def _rounded(x: Any, scale: Any, history: Any, kind: str, training: bool) -> Any:
    """x in e4m3; its gradient passes through, the scale's and the history's are their next values."""

    @ops.custom_gradient
    def round(x: Any, scale: Any, history: Any) -> tuple:
        next_scale = compute_float8_scale(ops.max(history), scale, FLOAT8_MAX[FORWARD]) if training else scale
        next_history = compute_float8_amax_history(x, history) if training else history

        def gradient(*upstream: Any, **named: Any) -> tuple:
            return upstream[0], next_scale, next_history

        return quantize_and_dequantize(x, scale, FORWARD, kind), gradient

    return round(x, scale, history)


def _with_rounded_gradient(x: Any, scale: Any, history: Any, kind: str) -> Any:
    """x as it is; the gradient that comes back is rounded to e5m2."""

    @ops.custom_gradient
    def round(x: Any, scale: Any, history: Any) -> tuple:
        def gradient(*upstream: Any, **named: Any) -> tuple:
            next_scale = compute_float8_scale(ops.max(history), scale, FLOAT8_MAX[BACKWARD])
            rounded = quantize_and_dequantize(upstream[0], scale, BACKWARD, kind)
            return rounded, next_scale, compute_float8_amax_history(upstream[0], history)

        return x, gradient

    return round(x, scale, history)
