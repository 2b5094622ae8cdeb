"""The families as rows: a small config of transformers for each, and its class for each task.

A row stands for all checks of `test_exact.py`: hidden states, logits, gradients, files in both directions.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np


@dataclass
class Twin:
    """A family, or a variant of one.

    Attributes:
        config: the name of the class of its config in transformers.
        settings: its arguments, small ones.
        classes: task -> name of the class in transformers.
        inputs: names of the arrays it reads.
        outputs: name of an output of the backbone here -> its name there.
    """

    config: str
    settings: dict[str, Any]
    classes: dict[str, str]
    inputs: tuple[str, ...] = ("input_ids", "attention_mask")
    outputs: dict[str, str] = field(default_factory=lambda: {"last_hidden_state": "last_hidden_state"})
    first_id: int = 5  # ids below it are special
    pad_id: int = 0
    sizes: tuple[int, int] = (16, 16)  # of images
    spread: float = 0.3  # of the weights; where it is large, float32 itself may miss the gradients by more than 1e-5

    def __post_init__(self) -> None:
        self.text = self.settings.get("text_config", self.settings)  # of models that read images too, one part
        self.pad_id = self.text.get("pad_token_id") or 0


SMALL = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 37,
    "max_position_embeddings": 40,
    "num_labels": 3,
}
BERT_CLASSES = {
    "backbone": "BertModel",
    "masked_lm": "BertForMaskedLM",
    "text_classifier": "BertForSequenceClassification",
    "token_classifier": "BertForTokenClassification",
    "question_answering": "BertForQuestionAnswering",
}
BERT = Twin(
    "BertConfig",
    SMALL,
    BERT_CLASSES,
    ("input_ids", "attention_mask", "token_type_ids"),
    {"last_hidden_state": "last_hidden_state", "pooler_output": "pooler_output"},
)


def encoder(name: str, settings: dict[str, Any], inputs: tuple[str, ...] = (), pooler: bool = False) -> Twin:
    """A family whose classes in transformers are named as BERT's are."""
    classes = {task: cls.replace("Bert", name, 1) for task, cls in BERT_CLASSES.items()}
    outputs = BERT.outputs if pooler else {"last_hidden_state": "last_hidden_state"}
    return Twin(f"{name}Config", settings, classes, inputs or ("input_ids", "attention_mask"), outputs)


DISTILBERT = encoder(
    "DistilBert",
    {
        **{key: SMALL[key] for key in ("vocab_size", "max_position_embeddings", "num_labels")},
        **{"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 37},
    },
)
ROBERTA = encoder("Roberta", {**SMALL, "pad_token_id": 1, "type_vocab_size": 1}, pooler=True)
XLM_ROBERTA = encoder("XLMRoberta", {**SMALL, "pad_token_id": 3}, BERT.inputs, pooler=True)
MPNET = encoder("MPNet", SMALL | {"pad_token_id": 1}, pooler=True)
ELECTRA = encoder("Electra", {**SMALL, "embedding_size": 20}, BERT.inputs)
ELECTRA.classes["replaced_token_detector"] = "ElectraForPreTraining"
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "cls_token_id": 1, "eos_token_id": 2, "sep_token_id": 2}
MODERNBERT = encoder("ModernBert", {**SMALL, **SPECIAL, "num_hidden_layers": 4, "local_attention": 4})
BIASES = {key: True for key in ("attention_bias", "mlp_bias", "norm_bias", "classifier_bias")}
ROTATIONS = {
    "full_attention": {"rope_type": "default", "rope_theta": 500.0},
    "sliding_attention": {"rope_type": "linear", "rope_theta": 100.0, "factor": 2.0},
}


def variant(twin: Twin, *tasks: str, **settings: Any) -> Twin:
    """The same family with other settings, on the tasks where they matter; of a decoder, that is what comes next."""
    classes = {task: twin.classes[task] for task in tasks or ("causal_lm",)}
    return replace(twin, settings={**twin.settings, **settings}, classes=classes)


LLAMA = {**SMALL, "num_key_value_heads": 2, "pad_token_id": 0}


def decoder_classes(name: str) -> dict[str, str]:
    return {
        "backbone": f"{name}Model",
        "causal_lm": f"{name}ForCausalLM",
        "text_classifier": f"{name}ForSequenceClassification",
    }


LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 10}


def decoder(name: str, **settings: Any) -> Twin:
    return Twin(f"{name}Config", {**LLAMA, **settings}, decoder_classes(name))


def llama(**settings: Any) -> Twin:
    return decoder("Llama", **settings)


GPT2 = {
    "vocab_size": 60,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 40,
    "num_labels": 3,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 1,
}
GPT2_CLASSES = {**decoder_classes("GPT2"), "causal_lm": "GPT2LMHeadModel"}

GEMMA2 = {"head_dim": 12, "sliding_window": 4, "query_pre_attn_scalar": 16}
GEMMA3_ROPE = {
    "full_attention": {"rope_type": "linear", "rope_theta": 50000.0, "factor": 8.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 500.0},
}
GEMMA3_CLASSES = {
    "backbone": "Gemma3TextModel",
    "causal_lm": "Gemma3ForCausalLM",
    "text_classifier": "Gemma3TextForSequenceClassification",
}


def gemma3(**settings: Any) -> Twin:
    return Twin("Gemma3TextConfig", {**LLAMA, **GEMMA2, "sliding_window_pattern": 2, **settings}, GEMMA3_CLASSES)


GEMMA4 = {
    "head_dim": 8,
    "global_head_dim": 16,
    "sliding_window": 4,
    "num_hidden_layers": 4,
    "vocab_size_per_layer_input": 60,
}


def gemma4(**settings: Any) -> Twin:
    settings = {**LLAMA, **GEMMA4, **settings}
    types = ["sliding_attention", "full_attention"] * (settings["num_hidden_layers"] // 2)
    classes = {"backbone": "Gemma4TextModel", "causal_lm": "Gemma4ForCausalLM"}
    return Twin("Gemma4TextConfig", {**settings, "layer_types": types}, classes, spread=0.15)


PIXELS = ("pixel_values",)
POOLED = BERT.outputs
VIT = {
    **{key: SMALL[key] for key in SMALL if key not in ("vocab_size", "max_position_embeddings")},
    **{"image_size": 16, "patch_size": 4},
}
DINOV2 = {key: VIT[key] for key in VIT if key != "intermediate_size"}
RESNET = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 2], "num_labels": 3}
CONVNEXT = {"num_stages": 2, "hidden_sizes": [8, 16], "depths": [1, 2], "num_labels": 3}


def vision(name: str, settings: dict[str, Any], **more: Any) -> Twin:
    """A family of models of images."""
    classes = {"backbone": f"{name}Model", "image_classifier": f"{name}ForImageClassification"}
    return Twin(f"{name}Config", settings, classes, PIXELS, POOLED, **more)


SEGFORMER = {
    **{"num_encoder_blocks": 2, "depths": [1, 2], "sr_ratios": [2, 1], "hidden_sizes": [8, 16], "patch_sizes": [7, 3]},
    **{"strides": [4, 2], "num_attention_heads": [1, 2], "mlp_ratios": [4, 2], "decoder_hidden_size": 12},
    "num_labels": 3,
}


def segformer(**settings: Any) -> Twin:
    classes = {
        "backbone": "SegformerModel",
        "image_segmenter": "SegformerForSemanticSegmentation",
        "image_classifier": "SegformerForImageClassification",
    }
    outputs = {"last_hidden_state": "last_hidden_state"}
    return Twin("SegformerConfig", {**SEGFORMER, **settings}, classes, PIXELS, outputs, sizes=(33, 40))


DEIT = vision("DeiT", VIT)
DEIT.classes["distilled_image_classifier"] = "DeiTForImageClassificationWithTeacher"
T5 = {
    **{"vocab_size": 60, "d_model": 32, "d_kv": 6, "d_ff": 37, "num_layers": 2, "num_heads": 4},
    **{"relative_attention_num_buckets": 8, "relative_attention_max_distance": 12},
    **{"pad_token_id": 0, "decoder_start_token_id": 0, "eos_token_id": 1},
}


WHISPER = {
    **{"vocab_size": 80, "d_model": 32, "num_mel_bins": 8, "max_source_positions": 20, "max_target_positions": 60},
    **{"encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 37},
    **{"decoder_layers": 3, "decoder_attention_heads": 2, "decoder_ffn_dim": 29},
    **{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1, "decoder_start_token_id": 2},
}
WHISPER_CLASSES = {"backbone": "WhisperModel", "audio_to_text": "WhisperForConditionalGeneration"}


def encoder_decoder(name: str, **settings: Any) -> Twin:
    """A family whose classes in transformers are named as T5's are."""
    classes = {
        "backbone": f"{name}Model",
        "seq2seq_lm": f"{name}ForConditionalGeneration",
        "encoder": f"{name}EncoderModel",
    }
    outputs = {key: key for key in ("last_hidden_state", "encoder_last_hidden_state")}
    inputs = ("input_ids", "attention_mask", "decoder_input_ids")
    return Twin(f"{name}Config", {**T5, **settings}, classes, inputs, outputs)


TOWER = {key: SMALL[key] for key in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")}
CLIP_TEXT = {**TOWER, "vocab_size": 60, "max_position_embeddings": 40, "hidden_size": 24, "num_hidden_layers": 3}
CLIP_TEXT |= {"bos_token_id": 3, "eos_token_id": 4, "pad_token_id": 1}
PAIRED = {key: key for key in ("text_embeds", "image_embeds", "logits_per_image", "logits_per_text")}


def paired(name: str, text: dict[str, Any], vision: dict[str, Any], inputs: tuple[str, ...], **more: Any) -> Twin:
    """A family of models of images and texts."""
    settings = {"text_config": text, "vision_config": {**TOWER, "image_size": 16, "patch_size": 4, **vision}, **more}
    return Twin(f"{name}Config", settings, {"zero_shot_image_classifier": f"{name}Model"}, inputs, PAIRED)


def clip(text: dict[str, Any], vision: dict[str, Any], **more: Any) -> Twin:
    inputs = ("input_ids", "attention_mask", *PIXELS)
    return paired("CLIP", {**CLIP_TEXT, **text}, vision, inputs, projection_dim=20, **more)


TWINS = {
    "bert": BERT,
    "bert, gelu_new": variant(BERT, "backbone", hidden_act="gelu_new"),
    "bert, relu": variant(BERT, "backbone", hidden_act="relu"),
    "bert, untied": variant(BERT, "masked_lm", tie_word_embeddings=False),
    "distilbert": DISTILBERT,
    "distilbert, untied": variant(DISTILBERT, "masked_lm", tie_word_embeddings=False, activation="relu"),
    "roberta": ROBERTA,
    "roberta, relu, untied": variant(ROBERTA, "masked_lm", hidden_act="relu", tie_word_embeddings=False),
    "xlm-roberta": XLM_ROBERTA,
    "mpnet": MPNET,
    "mpnet, untied": variant(MPNET, "masked_lm", tie_word_embeddings=False),
    "electra": ELECTRA,
    "electra, as wide, untied": variant(ELECTRA, "masked_lm", embedding_size=32, tie_word_embeddings=False),
    "modernbert": MODERNBERT,
    "modernbert, mean": variant(MODERNBERT, "text_classifier", classifier_pooling="mean", **BIASES),
    "modernbert, untied": variant(MODERNBERT, "masked_lm", tie_word_embeddings=False, decoder_bias=False),
    "modernbert, rotations": variant(MODERNBERT, "backbone", "token_classifier", rope_parameters=ROTATIONS),
    "gemma": decoder("Gemma", head_dim=12),
    "gemma, gelu, untied": variant(decoder("Gemma", head_dim=8, hidden_act="gelu", tie_word_embeddings=False)),
    "gemma2": decoder("Gemma2", **GEMMA2),
    "gemma2, no caps": variant(decoder("Gemma2", **GEMMA2, attn_logit_softcapping=None, final_logit_softcapping=None)),
    "gemma3_text": gemma3(),
    "gemma3_text, scaled": variant(
        gemma3(rope_parameters=GEMMA3_ROPE, final_logit_softcapping=3.0, num_hidden_layers=3)
    ),
    "gemma4_text": gemma4(num_kv_shared_layers=2, use_double_wide_mlp=True, hidden_size_per_layer_input=6),
    "gemma4_text, keys are values": variant(
        gemma4(
            attention_k_eq_v=True,
            num_global_key_value_heads=1,
            hidden_size_per_layer_input=0,
            final_logit_softcapping=3.0,
            tie_word_embeddings=False,
            num_hidden_layers=2,
        )
    ),
    "gemma4_text, experts": variant(
        gemma4(
            enable_moe_block=True,
            num_experts=6,
            top_k_experts=2,
            moe_intermediate_size=12,
            hidden_size_per_layer_input=0,
            num_hidden_layers=2,
        )
    ),
    "gpt2": Twin("GPT2Config", GPT2, GPT2_CLASSES),
    "gpt2, scales": Twin(
        "GPT2Config",
        {**GPT2, "scale_attn_by_inverse_layer_idx": True, "n_inner": 37, "activation_function": "relu"},
        {"causal_lm": "GPT2LMHeadModel"},
    ),
    "llama": llama(),
    "llama, tied, biases": variant(llama(tie_word_embeddings=True, attention_bias=True, mlp_bias=True, head_dim=12)),
    "llama, llama3": variant(llama(rope_parameters=LLAMA3)),
    "llama, linear": variant(llama(rope_parameters={"rope_type": "linear", "rope_theta": 1000.0, "factor": 3.0})),
    "llama, yarn": variant(llama(rope_parameters=YARN)),
    "mistral": decoder("Mistral", sliding_window=4, head_dim=12),
    "mistral, no window": variant(decoder("Mistral", sliding_window=None)),
    "qwen2": decoder("Qwen2", use_sliding_window=True, sliding_window=4, max_window_layers=1),
    "qwen2, tied": variant(decoder("Qwen2", tie_word_embeddings=True)),
    "qwen3": decoder("Qwen3", head_dim=12, tie_word_embeddings=True),
    "vit": vision("ViT", VIT),
    "vit, oblong, no bias": vision(
        "ViT",
        {**VIT, "image_size": [16, 24], "patch_size": [4, 8], "qkv_bias": False, "hidden_act": "gelu_new"}
        | {"pooler_output_size": 12, "pooler_act": "relu", "layer_norm_eps": 1e-6},
        sizes=(16, 24),
    ),
    "deit": DEIT,
    "dinov2": vision("Dinov2", DINOV2),
    "dinov2, gated, larger images": vision(
        "Dinov2", {**DINOV2, "use_swiglu_ffn": True, "use_mask_token": False, "layerscale_value": 0.5}, sizes=(21, 28)
    ),
    "resnet": vision("ResNet", RESNET, sizes=(33, 32)),
    "resnet, basic": vision(
        "ResNet", {**RESNET, "layer_type": "basic", "downsample_in_first_stage": True}, sizes=(32, 45)
    ),
    "resnet, stride first": vision("ResNet", {**RESNET, "downsample_in_bottleneck": True, "hidden_act": "gelu"}),
    "convnext": vision("ConvNext", CONVNEXT, sizes=(17, 32)),
    "convnext, no scale": vision("ConvNext", {**CONVNEXT, "layer_scale_init_value": 0.0, "patch_size": 2}),
    "convnextv2": vision("ConvNextV2", CONVNEXT),
    "segformer": segformer(),
    "segformer, three stages": segformer(
        num_encoder_blocks=3,
        depths=[1, 1, 2],
        sr_ratios=[4, 2, 1],
        hidden_sizes=[8, 12, 16],
        patch_sizes=[7, 3, 3],
        strides=[4, 2, 2],
        num_attention_heads=[1, 3, 4],
        mlp_ratios=[4, 4, 3],
        hidden_act="gelu_new",
    ),
    "t5": encoder_decoder("T5"),
    "t5, 1.1": variant(
        encoder_decoder("T5", feed_forward_proj="gated-gelu", tie_word_embeddings=False), "seq2seq_lm", "encoder"
    ),
    "t5, deeper decoder": variant(encoder_decoder("T5", num_decoder_layers=3), "backbone", "encoder"),
    "t5, gated-silu": variant(encoder_decoder("T5", feed_forward_proj="gated-silu"), "seq2seq_lm"),
    "mt5": encoder_decoder("MT5"),
    "whisper": Twin(
        "WhisperConfig",
        WHISPER,
        WHISPER_CLASSES,
        ("input_features", "decoder_input_ids"),
        {key: key for key in ("last_hidden_state", "encoder_last_hidden_state")},
    ),
    "clip": clip({}, {}),
    "clip, first files, gelu": clip({"eos_token_id": 2, "hidden_act": "gelu"}, {"hidden_act": "gelu", "patch_size": 8}),
    "siglip": paired("Siglip", {**CLIP_TEXT, "projection_size": 32}, {}, ("input_ids", *PIXELS)),
    "siglip, as wide": paired(
        "Siglip", {**CLIP_TEXT, "hidden_size": 32}, {"hidden_act": "gelu"}, ("input_ids", *PIXELS)
    ),
    "qwen3, biases": variant(decoder("Qwen3", head_dim=8, attention_bias=True, layer_types=["full_attention"] * 2)),
}


def batch(twin: Twin) -> dict[str, np.ndarray]:
    """Three texts of nine pieces, one short, one with its padding in front; three targets of seven; three images, or sounds."""
    rng = np.random.default_rng(0)
    pixels = (
        {"pixel_values": rng.normal(size=(3, *twin.sizes, 3)).astype("float32")}
        if "pixel_values" in twin.inputs
        else {}
    )
    if twin.inputs == PIXELS:
        return pixels
    arrays = {
        "input_ids": rng.integers(twin.first_id, twin.text["vocab_size"], (3, 9)),
        "attention_mask": np.ones((3, 9), "int64"),
        "token_type_ids": np.zeros((3, 9), "int64"),
    }
    arrays["attention_mask"][1, 5:] = arrays["attention_mask"][2, :2] = 0
    arrays["input_ids"][arrays["attention_mask"] == 0] = twin.pad_id
    if pixels:  # texts are pooled where they end; before that, or after, other pieces stand
        end = twin.text["eos_token_id"]
        arrays["input_ids"][[0, 1, 2], [6, 4, 8]] = end if end != 2 else twin.text["vocab_size"] - 1
    arrays["token_type_ids"][:, 4:] = 1
    arrays["decoder_input_ids"] = rng.integers(twin.first_id, twin.text["vocab_size"], (3, 7))
    if "input_features" in twin.inputs:
        shape = (3, twin.settings["num_mel_bins"], 2 * twin.settings["max_source_positions"])
        arrays["input_features"] = rng.normal(size=shape).astype("float32")
    return {name: array for name, array in {**arrays, **pixels}.items() if name in twin.inputs}
