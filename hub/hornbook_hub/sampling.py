"""How the next piece is chosen from the logits: pure functions, put one after the other."""

from dataclasses import dataclass
from typing import Any

from hornbook import backend, ops

LOWEST = -1e9


# ------------------------------------------------------------------------------------------------ functions of logits
def penalize_repetition(logits: Any, seen: Any, penalty: float) -> Any:
    """Logits (B, V) of pieces that were seen (B, V) divided by the penalty where positive, multiplied where negative.

    Source: Keskar et al. 2019, https://arxiv.org/abs/1909.05858.

    >>> import numpy as np
    >>> from hornbook_hub.sampling import penalize_repetition
    >>> seen = np.array([[True, True, False]])
    >>> print(penalize_repetition(np.array([[2.0, -1.0, 4.0]], "float32"), seen, 2.0).numpy())
    [[ 1. -2.  4.]]
    """
    lowered = ops.where(logits > 0, logits / penalty, logits * penalty)
    return ops.where(seen, lowered, logits)


def keep_top_k(logits: Any, k: int) -> Any:
    """Only the k largest of each row.

    >>> import numpy as np
    >>> from hornbook_hub.sampling import keep_top_k
    >>> print(keep_top_k(np.array([[1.0, 3.0, 2.0]], "float32"), 2).numpy() > -1e8)
    [[False  True  True]]
    """
    k = min(k, logits.shape[-1])
    smallest = ops.top_k(logits, k)[0][:, -1:]
    return ops.where(logits < smallest, LOWEST, logits)


def keep_top_p(logits: Any, p: float) -> Any:
    """The fewest largest of each row whose probabilities add up to p or more.

    Source: Holtzman et al. 2019, https://arxiv.org/abs/1904.09751.

    >>> import numpy as np
    >>> from hornbook_hub.sampling import keep_top_p
    >>> print(keep_top_p(np.log(np.array([[0.5, 0.3, 0.2]], "float32")), 0.7).numpy() > -1e8)
    [[ True  True False]]
    """
    ordered = ops.flip(ops.sort(logits, axis=-1), axis=-1)
    before = ops.cumsum(ops.softmax(ordered, axis=-1), axis=-1) - ops.softmax(ordered, axis=-1)
    smallest = ops.min(ops.where(before < p, ordered, -LOWEST), axis=-1, keepdims=True)
    return ops.where(logits < smallest, LOWEST, logits)


def keep_min_p(logits: Any, share: float) -> Any:
    """Those of each row whose probability is at least `share` of the largest one.

    Source: Nguyen et al. 2024, https://arxiv.org/abs/2407.01082.

    >>> import numpy as np
    >>> from hornbook_hub.sampling import keep_min_p
    >>> print(keep_min_p(np.log(np.array([[0.6, 0.3, 0.1]], "float32")), 0.4).numpy() > -1e8)
    [[ True  True False]]
    """
    probabilities = ops.softmax(logits, axis=-1)
    return ops.where(probabilities < share * ops.max(probabilities, axis=-1, keepdims=True), LOWEST, logits)


# ------------------------------------------------------------------------------------------------------------ samplers
@dataclass(frozen=True)
class Sampler:
    """How the next piece is drawn.

    Args:
        temperature: what logits are divided by; 0 takes the likeliest piece ("greedy").
        top_k: draw among so many of the likeliest; 0 for all.
        top_p: draw among the fewest that have this probability together.
        min_p: draw among those with at least this share of the largest probability.
        repetition_penalty: how much less likely a piece becomes that was there before; 1 for not at all.

    Raises:
        ValueError: for numbers outside of their range.

    >>> from hornbook_hub.sampling import Sampler
    >>> Sampler(top_k=50, temperature=0.7).greedy
    False
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        for name, fine, wanted in (
            ("temperature", self.temperature >= 0, "0 or more"),
            ("top_k", isinstance(self.top_k, int) and self.top_k >= 0, "an integer, 0 or more"),
            ("top_p", 0 < self.top_p <= 1, "above 0, at most 1"),
            ("min_p", 0 <= self.min_p < 1, "0 or more, below 1"),
            ("repetition_penalty", self.repetition_penalty > 0, "above 0"),
        ):
            if not fine:
                raise ValueError(f"{name} must be {wanted}, got {getattr(self, name)!r}.")

    @property
    def greedy(self) -> bool:
        """Whether the likeliest piece is taken each time."""
        return self.temperature == 0

    @property
    def looks_back(self) -> bool:
        """Whether the choice depends on what was seen."""
        return self.repetition_penalty != 1

    def adjusted(self, logits: Any, seen: Any) -> Any:
        """The logits (B, V) of the distribution that is drawn from."""
        logits = ops.cast(logits, "float32")
        if self.looks_back:
            logits = penalize_repetition(logits, seen, self.repetition_penalty)
        if self.greedy:
            return logits
        if self.temperature != 1:
            logits = logits / self.temperature
        if self.top_k:
            logits = keep_top_k(logits, self.top_k)
        if self.top_p < 1:
            logits = keep_top_p(logits, self.top_p)
        if self.min_p:
            logits = keep_min_p(logits, self.min_p)
        return logits

    def choose(self, logits: Any, seen: Any, seed: Any) -> Any:
        """The next piece of each row (B,): the largest of logits + Gumbel noise is a draw from their softmax."""
        logits = self.adjusted(logits, seen)
        if not self.greedy:
            unit = backend.random_uniform(ops.shape(logits), 1e-20, 1.0, "float32", seed)
            logits = logits - ops.log(-ops.log(unit))
        return ops.cast(ops.argmax(logits, axis=-1), "int32")


@dataclass(frozen=True)
class Beams:
    """Beam search: of all continuations of `num_beams` texts, the `num_beams` likeliest are kept at each step.

    A text that has come to its end competes with sum(log p) / pieces^length_penalty.

    Args:
        num_beams: how many texts are kept.
        length_penalty: above 0, longer texts are favoured.
        early_stopping: True: stop once `num_beams` texts have ended; False: stop once the best that goes on is worse, at its
            length now, than the worst that has ended; "never": at the length most favourable to it.

    Raises:
        ValueError: for numbers outside of their range.

    Source: the search is Graves 2012, https://arxiv.org/abs/1211.3711; the rules of stopping are those of transformers.

    >>> from hornbook_hub.sampling import Beams
    >>> Beams(num_beams=2).length_penalty
    1.0
    """

    num_beams: int = 4
    length_penalty: float = 1.0
    early_stopping: bool | str = False

    looks_back = False

    def __post_init__(self) -> None:
        if not isinstance(self.num_beams, int) or self.num_beams < 1:
            raise ValueError(f"num_beams must be an integer, 1 or more, got {self.num_beams!r}.")
        if self.early_stopping not in (True, False, "never"):
            raise ValueError(f"early_stopping must be True, False or 'never', got {self.early_stopping!r}.")


@dataclass(frozen=True)
class Contrastive:
    """Contrastive search: among the likeliest pieces, one that is likely and unlike what was there.

    (1 - penalty_alpha) p(v | x) - penalty_alpha max_j cos(h_v, h_j), over the hidden states h_j of the pieces before.

    Args:
        penalty_alpha: between 0 (greedy) and 1.
        top_k: among how many of the likeliest.

    Raises:
        ValueError: for numbers outside of their range.

    Source: Su et al. 2022, https://arxiv.org/abs/2202.06417.

    >>> from hornbook_hub.sampling import Contrastive
    >>> Contrastive().penalty_alpha
    0.6
    """

    penalty_alpha: float = 0.6
    top_k: int = 4

    looks_back = False

    def __post_init__(self) -> None:
        if not 0 <= self.penalty_alpha <= 1:
            raise ValueError(f"penalty_alpha must be between 0 and 1, got {self.penalty_alpha!r}.")
        if not isinstance(self.top_k, int) or self.top_k < 1:
            raise ValueError(f"top_k must be an integer, 1 or more, got {self.top_k!r}.")


SAMPLERS: dict[str, Any] = {
    "beam": Beams(),
    "contrastive": Contrastive(),
    "greedy": Sampler(temperature=0),
    "random": Sampler(),
    "top_k": Sampler(top_k=5),
    "top_p": Sampler(top_p=0.1),
}


def sampler_of(given: Any) -> Any:
    """A sampler by its name ("greedy", "random", "top_k", "top_p", "beam", "contrastive"), or itself.

    Raises:
        ValueError: for a name nobody knows.
    """
    if isinstance(given, Sampler | Beams | Contrastive):
        return given
    if given in SAMPLERS:
        return SAMPLERS[given]
    raise ValueError(
        f"sampler must be one of {sorted(SAMPLERS)} or a hornbook_hub.Sampler(temperature=, top_k=, top_p=, min_p=, "
        f"repetition_penalty=), Beams(...) or Contrastive(...), got {given!r}."
    )
