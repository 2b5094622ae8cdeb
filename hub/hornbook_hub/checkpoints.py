"""The presets: published checkpoints that have short names, by the `model_type` of their family.

    name: published(repository, parameters, what it is, *other names)

The names after the first are those that KerasHub has for the same checkpoint. `parameters` are those of the backbone, with a
decoder's table for guessing the next piece where that is a table of its own. A row that says no task, licence or dtype
has its family's. Nothing here needs the models, so that `hornbook presets` answers at once.
"""

from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]


def published(repository: str, parameters: int, about: str, *aliases: str, revision: str = "main", **more: str) -> Row:
    """A row of a checkpoint on the Hugging Face Hub.

    Args:
        repository: "org/name".
        parameters: how many there are.
        about: sizes, and what it is good for.
        aliases: other names.
        revision: a branch, a tag or a commit.
        more: `task`, `licence` or `dtype`, where they are not the family's.
    """
    place = {"repository": repository, "revision": revision, "aliases": aliases}
    return {**place, "parameters": parameters, "about": about, **more}


def packaged(folder: str, parameters: int, about: str, **more: str) -> Row:
    """A row of a checkpoint in the package; `folder` lies beside this file."""
    return {"folder": folder, "aliases": (), "parameters": parameters, "about": about, **more}


def family(task: str, licence: str, rows: dict[str, Row], dtype: str = "float32") -> dict[str, Row]:
    """The rows of a family.

    Args:
        task: what its checkpoints are trained for: the task of `hub.load(name)`.
        licence: of its checkpoints.
        rows: by name.
        dtype: of the numbers in its files.
    """
    return {name: {"task": task, "licence": licence, "dtype": dtype, **row} for name, row in rows.items()}


def segformer(size: str, blocks: str, parameters: int) -> dict[str, Row]:
    """The rows of one size of SegFormer, which was trained on two data sets."""
    pixels = 640 if size == "b5" else 512
    nvidia, about = f"nvidia/segformer-{size}-finetuned", f"blocks {blocks};"
    return {
        f"segformer_{size}_ade": published(
            f"{nvidia}-ade-{pixels}-{pixels}",
            parameters,
            f"{about} 150 classes of ADE20K",
            f"segformer_{size}_ade20k_{pixels}",
        ),
        f"segformer_{size}_cityscapes": published(
            f"{nvidia}-cityscapes-1024-1024",
            parameters,
            f"{about} 19 classes of streets",
            f"segformer_{size}_cityscapes_1024",
        ),
    }


PRESETS: dict[str, dict[str, Row]] = {
    "bert": family(
        "masked_lm",
        "Apache-2.0",
        {
            "bert_tiny": packaged(
                "presets/bert_tiny",
                954_240,
                "2 layers, 128 wide; made by recipes/pretrain_bert_tiny.py; in the package",
            ),
            "bert_base": published(
                "google-bert/bert-base-uncased",
                109_482_240,
                "12 layers, 768 wide, uncased English",
                "bert_base_en_uncased",
                revision="86b5e0934494bd15c9632b12f734a8a67f723594",
            ),
            "bert_base_cased": published(
                "google-bert/bert-base-cased", 108_310_272, "12 layers, 768 wide, English", "bert_base_en"
            ),
            "bert_large": published(
                "google-bert/bert-large-uncased",
                335_141_888,
                "24 layers, 1024 wide, uncased English",
                "bert_large_en_uncased",
            ),
            "bert_base_multilingual": published(
                "google-bert/bert-base-multilingual-cased",
                177_853_440,
                "12 layers, 768 wide; 104 languages",
                "bert_base_multi",
            ),
            "all_minilm_l6_v2": published(
                "sentence-transformers/all-MiniLM-L6-v2",
                22_713_216,
                "6 layers, 384 wide; vectors of English sentences",
                "all_minilm_l6_v2_en",
                task="text_embedder",
            ),
            "bge_small_en_v1.5": published(
                "BAAI/bge-small-en-v1.5",
                33_360_000,
                "12 layers, 384 wide; vectors of English texts",
                "bge_small_v1.5_en",
                task="text_embedder",
                licence="MIT",
            ),
            "e5_small_v2": published(
                "intfloat/e5-small-v2",
                33_360_000,
                "12 layers, 384 wide; vectors of English texts that begin with query: or passage:",
                task="text_embedder",
                licence="MIT",
            ),
        },
    ),
    "distilbert": family(
        "masked_lm",
        "Apache-2.0",
        {
            "distilbert_base": published(
                "distilbert/distilbert-base-uncased",
                66_362_880,
                "6 layers, 768 wide, uncased English",
                "distil_bert_base_en_uncased",
            ),
            "distilbert_sst2": published(
                "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
                66_955_010,
                "6 layers, 768 wide; says whether a review is positive",
                task="text_classifier",
            ),
        },
    ),
    "roberta": family(
        "masked_lm",
        "MIT",
        {
            "roberta_base": published(
                "FacebookAI/roberta-base", 124_645_632, "12 layers, 768 wide; English", "roberta_base_en"
            ),
            "roberta_large": published(
                "FacebookAI/roberta-large", 355_359_744, "24 layers, 1024 wide; English", "roberta_large_en"
            ),
        },
    ),
    "xlm-roberta": family(
        "masked_lm",
        "MIT",
        {
            "xlm_roberta_base": published(
                "FacebookAI/xlm-roberta-base",
                278_043_648,
                "12 layers, 768 wide; a hundred languages",
                "xlm_roberta_base_multi",
            ),
            "xlm_roberta_large": published(
                "FacebookAI/xlm-roberta-large",
                559_890_432,
                "24 layers, 1024 wide; a hundred languages",
                "xlm_roberta_large_multi",
            ),
            "bge_reranker_base": published(
                "BAAI/bge-reranker-base",
                278_044_417,
                "12 layers, 768 wide; how well a passage answers a question, in English and Chinese",
                task="reranker",
            ),
        },
    ),
    "mpnet": family(
        "masked_lm",
        "Apache-2.0",
        {
            "mpnet_base": published(
                "microsoft/mpnet-base", 109_486_464, "12 layers, 768 wide, uncased English", licence="MIT"
            ),
            "all_mpnet_base_v2": published(
                "sentence-transformers/all-mpnet-base-v2",
                109_486_464,
                "12 layers, 768 wide; vectors of English sentences",
                task="text_embedder",
            ),
        },
    ),
    "electra": family(
        "replaced_token_detector",
        "Apache-2.0",
        {
            "electra_small": published(
                "google/electra-small-discriminator",
                13_483_008,
                "12 layers, 256 wide, uncased English",
                "electra_small_discriminator_uncased_en",
            ),
            "electra_base": published(
                "google/electra-base-discriminator",
                108_891_648,
                "12 layers, 768 wide, uncased English",
                "electra_base_discriminator_uncased_en",
            ),
            "electra_large": published(
                "google/electra-large-discriminator",
                334_092_288,
                "24 layers, 1024 wide, uncased English",
                "electra_large_discriminator_uncased_en",
            ),
        },
    ),
    "modernbert": family(
        "masked_lm",
        "Apache-2.0",
        {
            "modernbert_base": published(
                "answerdotai/ModernBERT-base",
                149_014_272,
                "22 layers, 768 wide, texts of 8192 pieces; English and code",
            ),
            "modernbert_large": published(
                "answerdotai/ModernBERT-large",
                394_781_696,
                "28 layers, 1024 wide, texts of 8192 pieces; English and code",
            ),
        },
    ),
    "gpt2": family(
        "causal_lm",
        "MIT",
        {
            "gpt_tiny": packaged(
                "presets/gpt_tiny",
                842_624,
                "4 layers, 128 wide, reads bytes; made by recipes/pretrain_gpt_tiny.py on Shakespeare; in the package",
                licence="Apache-2.0",
            ),
            "gpt2": published("openai-community/gpt2", 124_439_808, "12 layers, 768 wide; English", "gpt2_base_en"),
            "gpt2_medium": published(
                "openai-community/gpt2-medium", 354_823_168, "24 layers, 1024 wide; English", "gpt2_medium_en"
            ),
            "gpt2_large": published(
                "openai-community/gpt2-large", 774_030_080, "36 layers, 1280 wide; English", "gpt2_large_en"
            ),
            "gpt2_xl": published(
                "openai-community/gpt2-xl", 1_557_611_200, "48 layers, 1600 wide; English", "gpt2_extra_large_en"
            ),
            "distilgpt2": published(
                "distilbert/distilgpt2",
                81_912_576,
                "6 layers, 768 wide, taught by GPT-2; English",
                licence="Apache-2.0",
            ),
        },
    ),
    "llama": family(
        "causal_lm",
        "Apache-2.0",
        {
            "smollm2_135m": published("HuggingFaceTB/SmolLM2-135M", 134_515_008, "30 layers, 576 wide; English"),
            "tinyllama_1.1b": published(
                "TinyLlama/TinyLlama-1.1B-Chat-v1.0", 1_100_048_384, "22 layers, 2048 wide; English chat"
            ),
        },
        dtype="bfloat16",
    ),
    "mistral": family(
        "causal_lm",
        "Apache-2.0",
        {
            "mistral_7b": published(
                "mistralai/Mistral-7B-v0.1",
                7_241_732_096,
                "32 layers, 4096 wide, a window of 4096 pieces; English",
                "mistral_7b_en",
            ),
            "mistral_7b_instruct_v0.2": published(
                "mistralai/Mistral-7B-Instruct-v0.2",
                7_241_732_096,
                "32 layers, 4096 wide, no window; English chat",
                "mistral_0.2_instruct_7b_en",
            ),
            "mistral_nemo_12b": published(
                "mistralai/Mistral-Nemo-Base-2407", 12_247_782_400, "40 layers, 5120 wide, no window; many languages"
            ),
        },
        dtype="bfloat16",
    ),
    "qwen2": family(
        "causal_lm",
        "Apache-2.0",
        {
            "qwen2.5_0.5b": published(
                "Qwen/Qwen2.5-0.5B", 494_032_768, "24 layers, 896 wide; many languages", "qwen2.5_0.5b_en"
            ),
            "qwen2.5_0.5b_instruct": published(
                "Qwen/Qwen2.5-0.5B-Instruct",
                494_032_768,
                "24 layers, 896 wide; chat in many languages",
                "qwen2.5_instruct_0.5b_en",
            ),
            "qwen2.5_1.5b": published("Qwen/Qwen2.5-1.5B", 1_543_714_304, "28 layers, 1536 wide; many languages"),
            "qwen2.5_7b": published(
                "Qwen/Qwen2.5-7B", 7_615_616_512, "28 layers, 3584 wide; many languages", "qwen2.5_7b_en"
            ),
        },
        dtype="bfloat16",
    ),
    "qwen3": family(
        "causal_lm",
        "Apache-2.0",
        {
            "qwen3_0.6b": published(
                "Qwen/Qwen3-0.6B", 596_049_920, "28 layers, 1024 wide; chat in many languages", "qwen3_0.6b_en"
            ),
            "qwen3_1.7b": published(
                "Qwen/Qwen3-1.7B", 1_720_574_976, "28 layers, 2048 wide; chat in many languages", "qwen3_1.7b_en"
            ),
            "qwen3_4b": published(
                "Qwen/Qwen3-4B", 4_022_468_096, "36 layers, 2560 wide; chat in many languages", "qwen3_4b_en"
            ),
            "qwen3_8b": published(
                "Qwen/Qwen3-8B", 8_190_735_360, "36 layers, 4096 wide; chat in many languages", "qwen3_8b_en"
            ),
        },
        dtype="bfloat16",
    ),
    "gemma": family(
        "causal_lm",
        "Gemma",
        {
            "gemma_2b": published("google/gemma-2b", 2_506_172_416, "18 layers, 2048 wide; English", "gemma_2b_en"),
            "gemma_2b_instruct": published(
                "google/gemma-2b-it", 2_506_172_416, "18 layers, 2048 wide; English chat", "gemma_instruct_2b_en"
            ),
            "gemma_7b": published("google/gemma-7b", 8_537_680_896, "28 layers, 3072 wide; English", "gemma_7b_en"),
        },
        dtype="bfloat16",
    ),
    "gemma2": family(
        "causal_lm",
        "Gemma",
        {
            "gemma2_2b": published("google/gemma-2-2b", 2_614_341_888, "26 layers, 2304 wide; English", "gemma2_2b_en"),
            "gemma2_2b_instruct": published(
                "google/gemma-2-2b-it", 2_614_341_888, "26 layers, 2304 wide; English chat", "gemma2_instruct_2b_en"
            ),
            "gemma2_9b": published("google/gemma-2-9b", 9_241_705_984, "42 layers, 3584 wide; English", "gemma2_9b_en"),
        },
        dtype="bfloat16",
    ),
    "gemma3_text": family(
        "causal_lm",
        "Gemma",
        {
            "gemma3_270m": published("google/gemma-3-270m", 268_098_176, "18 layers, 640 wide; many languages"),
            "gemma3_1b": published("google/gemma-3-1b-pt", 999_885_952, "26 layers, 1152 wide; English"),
            "gemma3_1b_instruct": published(
                "google/gemma-3-1b-it", 999_885_952, "26 layers, 1152 wide; English chat", "gemma3_instruct_1b"
            ),
            "gemma3_4b": published(
                "google/gemma-3-4b-pt",
                3_880_099_328,
                "34 layers, 2560 wide; many languages; the part that reads texts",
                "gemma3_4b_text",
            ),
            "gemma3_4b_instruct": published(
                "google/gemma-3-4b-it",
                3_880_099_328,
                "34 layers, 2560 wide; chat in many languages; the part that reads texts",
                "gemma3_instruct_4b_text",
            ),
        },
        dtype="bfloat16",
    ),
    "vit": family(
        "image_classifier",
        "Apache-2.0",
        {
            "vit_base": published(
                "google/vit-base-patch16-224",
                86_389_248,
                "12 layers, 768 wide, images of 224 x 224; 1000 classes of ImageNet",
                "vit_base_patch16_224_imagenet",
            ),
            "vit_base_21k": published(
                "google/vit-base-patch16-224-in21k",
                86_389_248,
                "12 layers, 768 wide, images of 224 x 224; to fine-tune",
                "vit_base_patch16_224_imagenet21k",
                task="backbone",
            ),
            "vit_large": published(
                "google/vit-large-patch16-224",
                304_351_232,
                "24 layers, 1024 wide, images of 224 x 224; 1000 classes of ImageNet",
                "vit_large_patch16_224_imagenet",
            ),
            "vit_small_timm": published(
                "timm/vit_small_patch16_224.augreg_in21k_ft_in1k",
                21_813_504,
                "12 layers, 384 wide, images of 224 x 224; 1000 classes of ImageNet",
            ),
        },
    ),
    "deit": family(
        "distilled_image_classifier",
        "Apache-2.0",
        {
            "deit_base": published(
                "facebook/deit-base-distilled-patch16-224",
                86_390_784,
                "12 layers, 768 wide, images of 224 x 224; 1000 classes of ImageNet",
                "deit_base_distilled_patch16_224_imagenet",
            ),
            "deit_tiny": published(
                "facebook/deit-tiny-distilled-patch16-224",
                5_561_856,
                "12 layers, 192 wide, images of 224 x 224; 1000 classes of ImageNet",
                "deit_tiny_distilled_patch16_224_imagenet",
            ),
        },
    ),
    "dinov2": family(
        "backbone",
        "Apache-2.0",
        {
            "dinov2_small": published("facebook/dinov2-small", 22_056_576, "12 layers, 384 wide; vectors of images"),
            "dinov2_base": published("facebook/dinov2-base", 86_580_480, "12 layers, 768 wide; vectors of images"),
            "dinov2_large": published("facebook/dinov2-large", 304_368_640, "24 layers, 1024 wide; vectors of images"),
        },
    ),
    "resnet": family(
        "image_classifier",
        "Apache-2.0",
        {
            "resnet_tiny": packaged(
                "presets/resnet_tiny",
                699_168,
                "14 layers; ten kinds of clothes; made by recipes/pretrain_resnet_tiny.py; in the package",
            ),
            "resnet18": published("microsoft/resnet-18", 11_176_512, "18 layers; 1000 classes of ImageNet"),
            "resnet34": published("microsoft/resnet-34", 21_284_672, "34 layers; 1000 classes of ImageNet"),
            "resnet50": published("microsoft/resnet-50", 23_508_032, "50 layers; 1000 classes of ImageNet"),
            "resnet101": published("microsoft/resnet-101", 42_500_160, "101 layers; 1000 classes of ImageNet"),
            "resnet152": published("microsoft/resnet-152", 58_143_808, "152 layers; 1000 classes of ImageNet"),
            "resnet50_a1": published(
                "timm/resnet50.a1_in1k", 23_508_032, "50 layers, trained longer; 1000 classes of ImageNet"
            ),
        },
    ),
    "convnext": family(
        "image_classifier",
        "Apache-2.0",
        {
            "convnext_tiny": published(
                "facebook/convnext-tiny-224",
                27_820_128,
                "blocks 3, 3, 9, 3, 768 wide at the end; 1000 classes of ImageNet",
            ),
            "convnext_small": published(
                "facebook/convnext-small-224",
                49_454_688,
                "blocks 3, 3, 27, 3, 768 wide at the end; 1000 classes of ImageNet",
            ),
            "convnext_base": published(
                "facebook/convnext-base-224",
                87_566_464,
                "blocks 3, 3, 27, 3, 1024 wide at the end; 1000 classes of ImageNet",
            ),
        },
    ),
    "convnextv2": family(
        "image_classifier",
        "CC-BY-NC-4.0",
        {
            "convnextv2_tiny": published(
                "facebook/convnextv2-tiny-1k-224",
                27_866_496,
                "blocks 3, 3, 9, 3, 768 wide at the end; 1000 classes of ImageNet",
            ),
        },
    ),
    "segformer": family(
        "image_segmenter",
        "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        {
            **segformer("b0", "2, 2, 2, 2", 3_319_392),
            **segformer("b1", "2, 2, 2, 2", 13_151_424),
            **segformer("b2", "3, 4, 6, 3", 24_196_288),
            **segformer("b3", "3, 4, 18, 3", 44_072_128),
            **segformer("b4", "3, 8, 27, 3", 60_842_688),
            **segformer("b5", "3, 6, 40, 3", 81_443_008),
        },
    ),
    "t5": family(
        "seq2seq_lm",
        "Apache-2.0",
        {
            "t5_small": published(
                "google-t5/t5-small",
                60_506_624,
                "6 + 6 layers, 512 wide; English, and translation to German, French and Romanian",
                "t5_small_multi",
            ),
            "t5_base": published(
                "google-t5/t5-base",
                222_903_552,
                "12 + 12 layers, 768 wide; English, and translation to German, French and Romanian",
                "t5_base_multi",
            ),
            "flan_t5_small": published(
                "google/flan-t5-small", 76_961_152, "8 + 8 layers, 512 wide; follows instructions", "flan_small_multi"
            ),
            "flan_t5_base": published(
                "google/flan-t5-base", 247_577_856, "12 + 12 layers, 768 wide; follows instructions", "flan_base_multi"
            ),
            "flan_t5_large": published(
                "google/flan-t5-large",
                783_150_080,
                "24 + 24 layers, 1024 wide; follows instructions",
                "flan_large_multi",
            ),
        },
    ),
    "mt5": family(
        "seq2seq_lm",
        "Apache-2.0",
        {
            "mt5_small": published(
                "google/mt5-small", 300_176_768, "8 + 8 layers, 512 wide; 101 languages; to be fine-tuned first"
            ),
        },
    ),
    "whisper": family(
        "audio_to_text",
        "Apache-2.0",
        {
            "whisper_tiny": published(
                "openai/whisper-tiny",
                37_760_640,
                "4 + 4 layers, 384 wide; speech in 99 languages",
                "whisper_tiny_multi",
            ),
            "whisper_tiny.en": published(
                "openai/whisper-tiny.en", 37_760_256, "4 + 4 layers, 384 wide; English speech", "whisper_tiny_en"
            ),
            "whisper_base": published(
                "openai/whisper-base",
                72_593_920,
                "6 + 6 layers, 512 wide; speech in 99 languages",
                "whisper_base_multi",
            ),
            "whisper_base.en": published(
                "openai/whisper-base.en", 72_593_408, "6 + 6 layers, 512 wide; English speech", "whisper_base_en"
            ),
            "whisper_small": published(
                "openai/whisper-small",
                241_734_912,
                "12 + 12 layers, 768 wide; speech in 99 languages",
                "whisper_small_multi",
            ),
            "whisper_small.en": published(
                "openai/whisper-small.en", 241_734_144, "12 + 12 layers, 768 wide; English speech", "whisper_small_en"
            ),
        },
    ),
    "clip": family(
        "zero_shot_image_classifier",
        "MIT",
        {
            "clip_vit_base": published(
                "openai/clip-vit-base-patch32",
                151_277_313,
                "12 layers, 768 and 512 wide, images of 224 x 224 in patches of 32 x 32",
                "clip_vit_base_patch32",
            ),
            "clip_vit_base_patch16": published(
                "openai/clip-vit-base-patch16",
                149_620_737,
                "12 layers, 768 and 512 wide, images of 224 x 224 in patches of 16 x 16",
            ),
            "clip_vit_large": published(
                "openai/clip-vit-large-patch14",
                427_616_513,
                "24 and 12 layers, 1024 and 768 wide, images of 224 x 224 in patches of 14 x 14",
                "clip_vit_large_patch14",
            ),
        },
    ),
    "siglip": family(
        "zero_shot_image_classifier",
        "Apache-2.0",
        {
            "siglip_base": published(
                "google/siglip-base-patch16-224",
                203_155_970,
                "12 layers, 768 wide, images of 224 x 224 in patches of 16 x 16",
                "siglip_base_patch16_224",
            ),
        },
    ),
}


def preset_rows() -> Iterator[tuple[str, Row]]:
    """(name, row) of every preset of every family."""
    for rows in PRESETS.values():
        yield from rows.items()
