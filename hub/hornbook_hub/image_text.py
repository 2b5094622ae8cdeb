"""The parts that models of images and texts together share: two towers, one space for what both give, raw inputs of both.

i = image tower(image), t = text tower(text), each of length one; logits = e^s <i, t> + b

Axes: N images, K texts, P the width of the space; else as in `models/vit.py` and `models/bert.py`.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import hornbook as keras
from hornbook import layers, ops
from hornbook.core.operation import infer
from hornbook.core.repeats import Repeats
from hornbook_hub.backbone import Backbone
from hornbook_hub.config import Config
from hornbook_hub.encoders import EncoderBackbone
from hornbook_hub.images import ImagePreprocessor, image_preprocessor
from hornbook_hub.models.bert import ACTIVATIONS, embedding
from hornbook_hub.models.vit import ViTLayer
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.tokenizers import Tokenizer, is_text
from hornbook_hub.vision import PatchBackbone, PatchEmbeddings
from hornbook_hub.weights import Transform, convolution, expand, transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class TowerConfig(Config):
    """What the configs of both towers have in common; a family's two classes say the sizes."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    hidden_act: str
    layer_norm_eps: float
    attention_dropout: float = 0.0
    initializer_range: float = 0.02

    INERT = Config.INERT | {  # the first files hold all that transformers knew then of writing texts
        *(
            "initializer_factor",
            "projection_dim",
            "dropout",
            "bad_words_ids",
            "begin_suppress_tokens",
            "diversity_penalty",
        ),
        *("do_sample", "early_stopping", "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty"),
        *("forced_bos_token_id", "forced_eos_token_id", "length_penalty", "max_length", "min_length"),
        *("no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences", "output_scores", "prefix"),
        *("remove_invalid_values", "repetition_penalty", "return_dict_in_generate", "suppress_tokens", "temperature"),
        *("tf_legacy_loss", "tie_encoder_decoder", "tie_word_embeddings", "tokenizer_class", "top_k", "top_p"),
        *("torchscript", "typical_p", "use_bfloat16", "_attn_implementation_autoset"),
    }
    FIXED = {"is_decoder": False, "add_cross_attention": False, "pruned_heads": {}}

    hidden_dropout_prob, qkv_bias = 0.0, True  # the words of ViT's layers

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size must be a multiple of num_attention_heads, got {self.hidden_size} and "
                f"{self.num_attention_heads}."
            )
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act must be one of {sorted(ACTIVATIONS)}, got {self.hidden_act!r}.")

    @property
    def attention_probs_dropout_prob(self) -> float:
        """The word of ViT's layers."""
        return self.attention_dropout


@dataclass(kw_only=True)
class PairConfig(Config):
    """Two configs in one, as `text` and `vision`; `config.json` gets them back as they came."""

    text_config: dict[str, Any] = field(default_factory=dict)
    vision_config: dict[str, Any] = field(default_factory=dict)

    INERT = Config.INERT | {"initializer_factor", "tie_word_embeddings", "_commit_hash"}

    def __post_init__(self) -> None:
        for key in ("text_config", "vision_config"):
            if not isinstance(getattr(self, key), dict):
                raise ValueError(f"{key} must be an object with the sizes of that tower, got {getattr(self, key)!r}.")

    @property
    def max_length(self) -> int:
        return self.text.max_position_embeddings

    @property
    def depth(self) -> int:
        """How many layers there are in both towers."""
        return self.text.depth + self.vision.depth

    @property
    def text(self) -> Any:
        """The config of the tower that reads texts."""
        raise NotImplementedError

    @property
    def vision(self) -> Any:
        """The config of the tower that reads images."""
        raise NotImplementedError


# ------------------------------------------------------------------------------------------------------------- parts
class PieceEmbeddings(layers.Layer):
    """piece + position, for each place of the text: (B, T) -> (B, T, M)."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.word_embeddings = embedding(config.vocab_size, config.hidden_size, config, "word_embeddings")
        positions = config.max_position_embeddings
        self.position_embeddings = embedding(positions, config.hidden_size, config, "position_embeddings")

    def call(self, input_ids: Any) -> Any:
        positions = ops.arange(ops.shape(input_ids)[1], dtype="int32")
        return self.word_embeddings(input_ids) + self.position_embeddings(positions)


class TextTower(EncoderBackbone):
    """Base of the towers that read texts; a family's class says what may look where, and what stands for the whole.

    Args:
        config: the sizes of this tower.

    Call:
        a dictionary of `input_ids` (B, T) and `attention_mask` (B, T; ones if missing).
        Returns {"last_hidden_state": (B, T, M), "pooler_output": (B, M)}.
    """

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.embeddings = PieceEmbeddings(config, name="embeddings")
        self.blocks = [ViTLayer(config, name=f"layer_{i}") for i in range(config.num_hidden_layers)]
        self.norm = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")

    def visible(self, seen: Any) -> Any:
        """Which pieces may be looked at, by all (B, S) or by each (B, T, S)."""
        return seen

    def pooled(self, x: Any, input_ids: Any) -> Any:
        """One vector for the text, of its last hidden state: (B, T, M) -> (B, M)."""
        raise NotImplementedError

    def call(self, inputs: Any, output_hidden_states: bool = False) -> dict[str, Any]:
        input_ids, seen, _ = self.read(inputs)
        x, bias = self.embeddings(input_ids), self.bias_of(self.visible(seen))
        hidden_states = [x]
        for block in self.blocks:
            x = block(x, bias)
            hidden_states.append(x)
        x = self.norm(x)
        outputs = {"last_hidden_state": x, "pooler_output": self.pooled(x, input_ids)}
        return {**outputs, "hidden_states": tuple(hidden_states)} if output_hidden_states else outputs


class ImageTower(PatchBackbone):
    """Base of the towers that read images; a family's class says what stands for the whole.

    Args:
        config: the sizes of this tower.
        tokens: names of the vectors before the patches.
        use_bias: whether what is cut out of the image gets a bias.

    Call:
        a dictionary of `pixel_values` (B, H, W, C). Returns {"last_hidden_state": (B, T, M), "pooler_output": (B, M)}.
    """

    def __init__(self, config: Any, tokens: tuple[str, ...] = (), use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.embeddings = PatchEmbeddings(config, tokens, use_bias=use_bias, name="embeddings")
        self.blocks = [ViTLayer(config, name=f"layer_{i}") for i in range(config.num_hidden_layers)]
        self.norm = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")

    def embedded(self, pixels: Any) -> Any:
        """What goes into the first layer."""
        return self.embeddings(pixels)

    def outputs_of(self, x: Any) -> dict[str, Any]:
        """What is given of the last layer's output (B, T, M)."""
        raise NotImplementedError

    def call(self, inputs: Any, output_hidden_states: bool = False) -> dict[str, Any]:
        x = self.embedded(self.read(inputs))
        hidden_states = [x]
        for block in self.blocks:
            x = block(x)
            hidden_states.append(x)
        outputs = self.outputs_of(x)
        return {**outputs, "hidden_states": tuple(hidden_states)} if output_hidden_states else outputs


# ------------------------------------------------------------------------------------------------------------- whole
class PairBackbone(Backbone):
    """Base of the models that put images and texts into one space.

    A family's class makes `text_model`, `vision_model`, `logit_scale`, and calls `make_weights`.

    Args:
        config: the sizes of both towers.
    """

    input_names: tuple[str, ...] = ("input_ids", "attention_mask", "pixel_values")
    each_alone = False  # whether a pair is judged by itself (sigmoid), not against the others (softmax)
    logit_bias: Any = None

    @property
    def input_arrays(self) -> dict[str, Any]:
        """The specs of its inputs."""
        ids = {name: keras.InputSpec("int32", shape=(None, None), name=name) for name in self.input_names[:-1]}
        return {**ids, **self.vision_model.input_arrays}

    def make_weights(self) -> None:
        """Make the weights, once the parts are there."""
        arrays = {name: keras.KerasTensor(spec.shape, spec.dtype) for name, spec in self.input_arrays.items()}
        with Repeats():
            self.output_specs = infer(self, (arrays,))
        self.built = True

    def text_vector(self, inputs: Any) -> Any:
        """What the tower of texts gives, in the space of both: (K, P)."""
        return self.text_model(inputs)["pooler_output"]

    def image_vector(self, inputs: Any) -> Any:
        """What the tower of images gives, in the space of both: (N, P)."""
        return self.vision_model(inputs)["pooler_output"]

    def logits(self, images: Any, texts: Any) -> Any:
        """e^s <i, t> + b of vectors of length one: (N, P), (K, P) -> (N, K)."""
        scaled = ops.matmul(images, ops.transpose(texts)) * ops.exp(ops.cast(self.logit_scale, images.dtype))
        return scaled if self.logit_bias is None else scaled + ops.cast(self.logit_bias, images.dtype)

    def call(self, inputs: Any) -> dict[str, Any]:
        outputs = {}
        if "input_ids" in inputs:
            outputs["text_embeds"] = ops.normalize(self.text_vector(inputs), axis=-1, epsilon=1e-12)
        if "pixel_values" in inputs:
            outputs["image_embeds"] = ops.normalize(self.image_vector(inputs), axis=-1, epsilon=1e-12)
        if not outputs:
            raise ValueError(f"{type(self).__name__} reads 'pixel_values', 'input_ids', or both; got {sorted(inputs)}.")
        if len(outputs) == 2:
            outputs["logits_per_image"] = self.logits(outputs["image_embeds"], outputs["text_embeds"])
            outputs["logits_per_text"] = ops.transpose(outputs["logits_per_image"])
        return outputs


class PairHead(layers.Layer):
    """How well each image and each text go together, (N, K); vectors (N, P), where there are only images or only texts."""

    def __init__(self, backbone: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, outputs: dict[str, Any]) -> Any:
        return next(outputs[name] for name in ("logits_per_image", "image_embeds", "text_embeds") if name in outputs)


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
row = Transform(lambda a: a[None, None], lambda a: a[0, 0])
"""A vector of a file that is one place of a sequence here: (M,) there, (1, 1, M) here."""
rows = Transform(lambda a: a[None], lambda a: a[0])
"""A table of a file that is a sequence here: (T, M) there, (1, T, M) here."""

LAYER_WEIGHTS = {  # Hugging Face -> here
    **{
        f"encoder.layers.{{i}}.self_attn.{there}.{kind}": (f"blocks.{{i}}.attention.{here}.{name}", transform)
        for there, here in (("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value"), ("out_proj", "projection"))
        for kind, name, transform in (("weight", "kernel", transposed), ("bias", "bias", None))
    },
    "encoder.layers.{i}.layer_norm1.weight": "blocks.{i}.norm_before.gamma",
    "encoder.layers.{i}.layer_norm1.bias": "blocks.{i}.norm_before.beta",
    "encoder.layers.{i}.layer_norm2.weight": "blocks.{i}.norm_after.gamma",
    "encoder.layers.{i}.layer_norm2.bias": "blocks.{i}.norm_after.beta",
    "encoder.layers.{i}.mlp.fc1.weight": ("blocks.{i}.intermediate.kernel", transposed),
    "encoder.layers.{i}.mlp.fc1.bias": "blocks.{i}.intermediate.bias",
    "encoder.layers.{i}.mlp.fc2.weight": ("blocks.{i}.output_dense.kernel", transposed),
    "encoder.layers.{i}.mlp.fc2.bias": "blocks.{i}.output_dense.bias",
}
TEXT_WEIGHTS = {
    "embeddings.token_embedding.weight": "embeddings.word_embeddings.embeddings",
    "embeddings.position_embedding.weight": "embeddings.position_embeddings.embeddings",
    "embeddings.position_ids": None,  # a buffer: 0, 1, 2, ...
    **LAYER_WEIGHTS,
    "final_layer_norm.weight": "norm.gamma",
    "final_layer_norm.bias": "norm.beta",
}
IMAGE_WEIGHTS = {
    "embeddings.patch_embedding.weight": ("embeddings.projection.kernel", convolution),
    "embeddings.position_embedding.weight": ("embeddings.positions", rows),
    "embeddings.position_ids": None,
    **LAYER_WEIGHTS,
    "post_layernorm.weight": "norm.gamma",
    "post_layernorm.bias": "norm.beta",
}


def both_towers(config: Any, text: dict[str, Any], image: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """The table of a model with two towers, which may be of different depths: their layers are written out.

    Args:
        config: of the model.
        text: the table of the tower of texts.
        image: the table of the tower of images.
        more: the rows of what both meet in.
    """
    table: dict[str, Any] = {}
    for tower, weights, sizes in (("text_model", text, config.text), ("vision_model", image, config.vision)):
        for name, path, transform in expand(weights, sizes):
            table[f"{tower}.{name}"] = None if path is None else (f"{tower}.{path}", transform)
    return {**table, **more}


# -------------------------------------------------------------------------------------------------------- raw inputs
class ImageTextPreprocessor(Preprocessor):
    """What turns images into `pixel_values`, and texts into ids.

    Args:
        images: for images.
        tokenizer: for texts.
        pad_to: how many pieces each text is filled up to; the longest of each batch if None.

    Call:
        a tuple (images, texts), as many of both; or images alone; or texts alone, which strings are taken for here (images
        by the paths of their files go through `.images`). Returns the arrays of what was given.

    Raises:
        ValueError: for as many images as there are no texts.

    >>> import hornbook_hub as hub, numpy as np
    >>> tokenizer = hub.load("bert_tiny").tokenizer
    >>> prepare = hub.ImageTextPreprocessor(hub.ImagePreprocessor("CLIPImageProcessor"), tokenizer, pad_to=8)
    >>> arrays = prepare((np.zeros((1, 300, 200, 3), "uint8"), ["A good film."]))
    >>> arrays["pixel_values"].shape, arrays["input_ids"].shape
    ((1, 224, 224, 3), (1, 8))
    """

    def __init__(self, images: ImagePreprocessor, tokenizer: Tokenizer, pad_to: int | None = None) -> None:
        self.images, self.tokenizer, self.pad_to = images, tokenizer, pad_to

    def takes(self, x: Any) -> bool:
        if isinstance(x, tuple) and len(x) == 2:
            return self.images.takes(x[0]) and self.tokenizer.takes(x[1])
        return self.tokenizer.takes(x) or self.images.takes(x)

    def takes_batches_of(self, spec: Any) -> bool:
        """Whether batches are images of uint8 (B, H, W, 3), or strings, which are texts."""
        return hasattr(spec, "dtype") and (self.tokenizer.takes_batches_of(spec) or self.images.takes_batches_of(spec))

    def __call__(self, x: Any) -> dict[str, np.ndarray]:
        if isinstance(x, tuple) and len(x) == 2:
            arrays = {**self.images(x[0]), **self.texts(x[1])}
            count, other = len(arrays["pixel_values"]), len(arrays["input_ids"])
            if count != other:
                raise ValueError(f"Images and texts come in pairs, got {count} images and {other} texts.")
            return arrays
        return self.texts(x) if is_text(x) else self.images(x)

    def texts(self, texts: Any) -> dict[str, np.ndarray]:
        """The arrays of texts alone."""
        arrays = self.tokenizer.encoded(texts)
        if self.pad_to is None:
            return arrays
        padding = {"input_ids": self.tokenizer.pad_token_id or 0}
        missing = max(self.pad_to - arrays["input_ids"].shape[1], 0)
        return {
            name: np.pad(array, ((0, 0), (0, missing)), constant_values=padding.get(name, 0))
            for name, array in arrays.items()
        }

    def files(self) -> dict[str, str]:
        return {**self.images.files(), **self.tokenizer.files()}


def image_text_preprocessor(
    files: Any, max_length: int, kind: str, names: tuple[str, ...], pad_to: int | None = None
) -> ImageTextPreprocessor | None:
    """The preprocessor of a checkpoint's files; None where they lack that of images, or that of texts.

    Args:
        files: of the checkpoint.
        max_length: of texts, in pieces.
        kind: of the image processor, where the file does not name one.
        names: which arrays the model reads.
        pad_to: how many pieces each text is filled up to.
    """
    from hornbook_hub.loading import tokenizer_of  # which stands above the families

    images = image_preprocessor(files, kind)
    tokenizer = tokenizer_of(files, max_length, tuple(name for name in names if name != "pixel_values"))
    return None if images is None or tokenizer is None else ImageTextPreprocessor(images, tokenizer, pad_to)
