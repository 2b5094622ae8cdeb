"""What `layer.quantize(config=...)` and `model.quantize(config=...)` are told: the mode, and how."""

from typing import Any

from hornbook.core.arguments import fraction, one_of, positive_integer
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.quantizers.quantizers import AbsMaxQuantizer, Quantizer


class QuantizationConfig:
    """The base: how weights and activations become integers.

    Args:
        weight_quantizer: a quantizer for weights; the mode's own if None.
        activation_quantizer: a quantizer for inputs; None leaves them as they are.

    >>> import hornbook as keras
    >>> keras.quantizers.Int8QuantizationConfig(activation_quantizer=None).mode
    'int8'
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None) -> None:
        self.weight_quantizer, self.activation_quantizer = weight_quantizer, activation_quantizer

    @property
    def mode(self) -> str:
        """The name of the mode, such as "int8"."""
        raise NotImplementedError("A QuantizationConfig is made as one of its kinds, such as Int8QuantizationConfig().")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "weight_quantizer": serialize_keras_object(self.weight_quantizer),
            "activation_quantizer": serialize_keras_object(self.activation_quantizer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The object that `config` describes."""
        config = dict(config)
        for name in ("weight_quantizer", "activation_quantizer"):
            if isinstance(config.get(name), dict):
                config[name] = deserialize_keras_object(config[name], family="quantizers")
        return cls(**config)

    @staticmethod
    def weight_quantizer_or_default(config: Any, default: Any) -> Any:
        """The weight quantizer of a config, `default` where it names none."""
        given = None if config is None else config.weight_quantizer
        return default if given is None else given

    @staticmethod
    def activation_quantizer_or_default(config: Any, default: Any) -> Any:
        """The activation quantizer of a config (None, too, is an answer), `default` where there is no config."""
        return default if config is None else config.activation_quantizer


def _checked(quantizer: Any, what: str, dtype: str, owner: str) -> Any:
    if quantizer is None:
        return None
    if not isinstance(quantizer, Quantizer) or quantizer.output_dtype != dtype:
        raise ValueError(
            f"{owner} takes a Quantizer object with output_dtype={dtype!r} as its {what}, got {quantizer!r}"
            f"{f' with {quantizer.output_dtype!r}' if isinstance(quantizer, Quantizer) else ''}."
        )
    return quantizer


class Int8QuantizationConfig(QuantizationConfig):
    """Weights as 8-bit integers, a scale for each output; inputs too, a scale for each row.

    Args:
        weight_quantizer: a quantizer for weights; `AbsMaxQuantizer` over the summed axes if None.
        activation_quantizer: a quantizer for inputs; "default" is `AbsMaxQuantizer()`, None leaves them as floats.

    Raises:
        ValueError: for quantizers that do not give int8.

    >>> from hornbook import quantizers
    >>> quantizers.Int8QuantizationConfig(activation_quantizer=None).mode
    'int8'
    """

    mode = property(lambda self: "int8", doc='"int8".')

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default") -> None:
        if activation_quantizer == "default":
            activation_quantizer = AbsMaxQuantizer()
        super().__init__(
            _checked(weight_quantizer, "weight_quantizer", "int8", "Int8QuantizationConfig"),
            _checked(activation_quantizer, "activation_quantizer", "int8", "Int8QuantizationConfig"),
        )


class Int4QuantizationConfig(QuantizationConfig):
    """Weights as 4-bit integers, two in a byte; inputs stay floats unless a quantizer is given.

    Args:
        weight_quantizer: a quantizer for weights; "abs max" over the summed axes, or blocks of them, if None.
        activation_quantizer: a quantizer for inputs; "default" and None leave them as floats.
        block_size: how many of the summed positions share a scale and a zero; None or -1 for all of them.

    Raises:
        ValueError: for a wrong block_size, and quantizers beside blocks or that do not give int8.

    >>> from hornbook import quantizers
    >>> quantizers.Int4QuantizationConfig(block_size=64).block_size
    64
    """

    mode = property(lambda self: "int4", doc='"int4".')

    def __init__(
        self, weight_quantizer: Any = None, activation_quantizer: Any = "default", block_size: int | None = 128
    ) -> None:
        if activation_quantizer == "default":
            activation_quantizer = None
        if block_size not in (None, -1):
            positive_integer(block_size, "block_size")
            if weight_quantizer is not None or activation_quantizer is not None:
                raise ValueError(
                    f"Blocks have their own quantizers: with block_size={block_size} leave weight_quantizer and "
                    "activation_quantizer out, or set block_size=None."
                )
        super().__init__(
            _checked(weight_quantizer, "weight_quantizer", "int8", "Int4QuantizationConfig"),
            _checked(activation_quantizer, "activation_quantizer", "int8", "Int4QuantizationConfig"),
        )
        self.block_size = block_size

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "block_size": self.block_size}


class Float8QuantizationConfig(QuantizationConfig):
    """Inputs, kernels and gradients rounded to 8-bit floats, for training.

    >>> from hornbook import quantizers
    >>> quantizers.Float8QuantizationConfig().mode
    'float8'
    """

    mode = property(lambda self: "float8", doc='"float8".')

    def __init__(self) -> None:
        super().__init__()

    def get_config(self) -> dict[str, Any]:
        """Nothing: there is nothing to choose."""
        return {}


class _CalibratedConfig(QuantizationConfig):
    """What the modes that look at example texts have in common."""

    def _keep(self, dataset: Any, tokenizer: Any, sizes: dict[str, int], group_size: int, structure: Any) -> None:
        super().__init__()
        self.dataset, self.tokenizer, self.quantization_layer_structure = dataset, tokenizer, structure
        for name, value in sizes.items():
            setattr(self, name, positive_integer(value, name))
        self.group_size = group_size if group_size == -1 else positive_integer(group_size, "group_size")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, without the data and the tokenizer, which no file can hold."""
        config: dict[str, Any] = {"dataset": None, "tokenizer": None}
        return {**config, **{name: getattr(self, name) for name in self._names}}

    _names: tuple[str, ...] = ()
    weight_bits: int
    group_size: int

    def dtype_policy_string(self) -> str:
        """The mode as dtype policies name it: "gptq/4/128" for 4 bits and groups of 128."""
        return f"{self.mode}/{self.weight_bits}/{self.group_size}"


class GPTQConfig(_CalibratedConfig):
    """Weights rounded one after the other, each making good the errors of those before, measured on example texts.

    Args:
        dataset: texts; arrays of token numbers, which are joined and cut; or arrays of floats, each one input of the model.
        tokenizer: from a text to token numbers, or to a dictionary of arrays that the model takes; None without texts.
        weight_bits: 2, 3, 4 or 8.
        num_samples: how many texts are looked at.
        per_channel: a scale for each output.
        sequence_length: tokens of a text.
        hessian_damping: the part of the mean that is added to the diagonal.
        group_size: how many weights share a scale; -1 for all.
        symmetric: whether the range is the same on both sides of 0.
        activation_order: round the weights with the largest activations first.
        quantization_layer_structure: {"pre_block_layers": [...], "sequential_blocks": [...]}; if None, the model's
            `get_quantization_layer_structure(mode)`, and where that is None the whole model is one block.

    Raises:
        ValueError: for values out of range.

    Source: Frantar et al., GPTQ (2023), https://arxiv.org/abs/2210.17323.

    >>> from hornbook import quantizers
    >>> quantizers.GPTQConfig(["a text"], str.split).dtype_policy_string()
    'gptq/4/128'
    """

    mode = property(lambda self: "gptq", doc='"gptq".')
    _names = (
        *("weight_bits", "num_samples", "per_channel", "sequence_length", "hessian_damping", "group_size"),
        *("symmetric", "activation_order", "quantization_layer_structure"),
    )

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        per_channel: bool = True,
        sequence_length: int = 512,
        hessian_damping: float = 0.01,
        group_size: int = 128,
        symmetric: bool = False,
        activation_order: bool = False,
        quantization_layer_structure: Any = None,
    ) -> None:
        sizes = {"num_samples": num_samples, "sequence_length": sequence_length}
        self._keep(dataset, tokenizer, sizes, group_size, quantization_layer_structure)
        self.weight_bits = one_of(weight_bits, (2, 3, 4, 8), "weight_bits")
        self.hessian_damping = fraction(hessian_damping, "hessian_damping")
        self.per_channel, self.symmetric, self.activation_order = per_channel, symmetric, activation_order


class AWQConfig(_CalibratedConfig):
    """Weights rounded after the channels that carry large activations were scaled up, measured on example texts.

    Args:
        dataset: texts; arrays of token numbers, which are joined and cut; or arrays of floats, each one input of the model.
        tokenizer: from a text to token numbers, or to a dictionary of arrays that the model takes; None without texts.
        weight_bits: 4.
        num_samples: how many texts are looked at.
        sequence_length: tokens of a text.
        group_size: how many weights share a scale; -1 for all.
        num_grid_points: how many exponents of the scale are tried.
        quantization_layer_structure: {"pre_block_layers": [...], "sequential_blocks": [...]}; if None, the model's
            `get_quantization_layer_structure(mode)`, and where that is None the whole model is one block.

    Raises:
        ValueError: for values out of range.

    Source: Lin et al., AWQ (2024), https://arxiv.org/abs/2306.00978.

    >>> from hornbook import quantizers
    >>> quantizers.AWQConfig(["a text"], str.split, group_size=-1).dtype_policy_string()
    'awq/4/-1'
    """

    mode = property(lambda self: "awq", doc='"awq".')
    _names = (
        *("weight_bits", "num_samples", "sequence_length", "group_size", "num_grid_points"),
        "quantization_layer_structure",
    )

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        sequence_length: int = 512,
        group_size: int = 128,
        num_grid_points: int = 20,
        quantization_layer_structure: Any = None,
    ) -> None:
        sizes = {"num_samples": num_samples, "sequence_length": sequence_length, "num_grid_points": num_grid_points}
        self._keep(dataset, tokenizer, sizes, group_size, quantization_layer_structure)
        self.weight_bits = one_of(weight_bits, (4,), "weight_bits")
