"""Configs: the fields of Hugging Face's `config.json`, under its names, and nothing else."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Self

import numpy as np


@dataclass(kw_only=True)
class Config:
    """Base of the configs; each family's adds its own fields.

    >>> from hornbook_hub import BertConfig
    >>> BertConfig.from_dict({"hidden_size": 64, "num_attention_heads": 4, "model_type": "bert"}).hidden_size
    64
    """

    id2label: dict[str, str] | None = None
    label2id: dict[str, int] | None = None
    inert: dict[str, Any] = field(default_factory=dict)  # keys that change nothing here, kept for writing them back

    INERT: ClassVar[frozenset[str]] = frozenset(
        {
            *("architectures", "model_type", "dtype", "torch_dtype", "transformers_version", "_name_or_path"),
            *("use_cache", "gradient_checkpointing", "problem_type", "finetuning_task", "num_labels", "name"),
            *("output_attentions", "output_hidden_states", "return_dict", "chunk_size_feed_forward", "language"),
            *("bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "decoder_start_token_id"),
            *("is_encoder_decoder", "cross_attention_hidden_size", "output_past", "task_specific_params"),
            *("sentence_transformers", "sbert_ce_default_activation_function"),  # what is done with scores later
        }
    )
    FIXED: ClassVar[dict[str, Any]] = {}  # keys that a config may have, with this value alone

    def __post_init__(self) -> None:
        """Refuse values that the family's code does not compute with."""

    def heed(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take over what the tensors of a checkpoint, by their names in the file, say better than its `config.json`."""

    def special(self, name: str) -> Any:
        """The number of a special piece, such as `eos_token_id`; None where the config names none."""
        return getattr(self, name, self.inert.get(name))

    @property
    def max_length(self) -> int:
        """How many pieces a text may have; 0 for families that read no texts."""
        return getattr(self, "max_position_embeddings", 0)

    @property
    def depth(self) -> int:
        """How many layers there are, one after the other."""
        return getattr(self, "num_hidden_layers")  # noqa: B009 - a field of most families

    @classmethod
    def from_dict(cls, config: dict[str, Any]) -> Self:
        """The config of a `config.json`.

        Raises:
            ValueError: for keys nobody knows: a key that is ignored could change what the model computes.
        """
        known = {f.name for f in fields(cls)} - {"inert"}
        unknown = sorted(set(config) - known - cls.INERT - set(cls.FIXED))
        if unknown:
            raise ValueError(
                f"config.json has keys that are not understood: {unknown}. Known are {sorted(known | set(cls.FIXED))}; these "
                f"are known to change nothing: {sorted(cls.INERT)}."
            )
        for key, wanted in cls.FIXED.items():
            if config.get(key, wanted) != wanted:
                raise ValueError(
                    f"config.json has {key}={config[key]!r}; models of this family are computed with {wanted!r} here."
                )
        inert = {key: value for key, value in config.items() if key not in known}
        return cls(**{key: value for key, value in config.items() if key in known}, inert=inert)

    def to_dict(self) -> dict[str, Any]:
        """The config as `config.json` has it: None is written where another value would be taken for a missing key."""
        unset = {f.name for f in fields(self) if f.default is None}
        config = {k: v for k, v in asdict(self).items() if k != "inert" and not (v is None and k in unset)}
        return {**self.inert, **config}

    def set_classes(self, count: int) -> None:
        """Name the classes of a head "LABEL_0", "LABEL_1", ..., unless so many have names."""
        if len(self.id2label or {}) != count:
            self.id2label = {str(i): f"LABEL_{i}" for i in range(count)}
            self.label2id = {label: int(i) for i, label in self.id2label.items()}
