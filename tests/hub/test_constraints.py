"""What is written under a constraint matches it, whatever the model says."""

import json
import random
import re

import numpy as np
import pytest

import hornbook_hub as hub
from hornbook_hub.constraints import Automaton, ConstraintError, Expression, automaton_of
from hornbook_hub.models.gpt2 import GPT2Backbone, GPT2Config

EXPRESSIONS = [
    r"(yes|no|perhaps)",
    r"\d{4}-(0[1-9]|1[0-2])-[0-3]\d",
    r'[^"\n]{3,9}é?[α-ω]+',
    r"^(?:\w+@\w+\.(com|org)(, )?){1,3}$",
    r"(a*b+?){2,}\x41\u00fc|.{2}",
]
SCHEMAS = [
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 12},
            "age": {"type": "integer"},
            "tags": {"type": "array", "items": {"enum": ["red", "gr\u00fcn", 3, None]}, "maxItems": 3},
        },
        "required": ["name", "tags"],
    },
    {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "boolean"}]}, "minItems": 2, "maxItems": 4},
    {"type": ["null", "string"], "minLength": 2, "maxLength": 5},
    {
        "type": "object",
        "properties": {"kind": {"const": "point"}, "at": {"type": "object", "properties": {"x": {"type": "number"}}}},
        "required": ["kind", "at"],
    },
]


def valid(value, schema):
    """Whether a value is what the schema says: the rules of JSON Schema for the words used here."""
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    if "anyOf" in schema:
        return any(valid(value, one) for one in schema["anyOf"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if isinstance(value, bool) or value is None:
        return ("null" if value is None else "boolean") in kinds
    if isinstance(value, str):
        return "string" in kinds and schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**9)
    if isinstance(value, int | float):
        return "number" in kinds or ("integer" in kinds and isinstance(value, int))
    if isinstance(value, list):
        fits = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9)
        return "array" in kinds and fits and all(valid(one, schema["items"]) for one in value)
    named = schema.get("properties", {})
    known = set(schema.get("required", [])) <= set(value) <= set(named)
    return "object" in kinds and known and all(valid(one, named[name]) for name, one in value.items())


@pytest.fixture(scope="module")
def model():
    """A small model with random weights on pieces of bytes, which often are several characters or half of one."""
    from tokenizers import Tokenizer as Engine
    from tokenizers import decoders, models, pre_tokenizers, trainers

    engine = Engine(models.BPE())
    engine.pre_tokenizer, engine.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    texts = [
        '{"name": "Anna", "age": 12, "tags": ["red", null]}, true, false, 2026-11-21, yes no perhaps, grün αβγ'
    ] * 4
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    engine.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=340, special_tokens=["<end>"], initial_alphabet=alphabet)
    )
    config = GPT2Config(vocab_size=engine.get_vocab_size() + 3, n_positions=256, n_embd=16, n_layer=1, n_head=2)
    found = hub.CausalLM(GPT2Backbone(config), hub.Tokenizer(engine, names=("input_ids", "attention_mask")))
    found.generation_config = {"eos_token_id": 0, "pad_token_id": 0}
    rng = np.random.default_rng(0)
    for variable in found.weights:
        variable.assign(rng.normal(size=variable.shape))
    return found


def written(model, constraint, count, seed):
    prompts = ["Say: ", "no", "αβ {"]
    return model.generate(
        prompts, max_new_tokens=count, constraint=constraint, seed=seed, temperature=2.0, strip_prompt=True
    )


@pytest.mark.exhaustive
@pytest.mark.parametrize("pattern", EXPRESSIONS)
def test_what_is_written_matches_an_expression(pattern, model):
    for seed in range(4):
        for count in (24, 25):
            for text in written(model, pattern, count, seed):
                assert re.fullmatch(pattern, text), text
    greedy = model.generate("Say: ", max_new_tokens=30, constraint=pattern, strip_prompt=True)
    assert re.fullmatch(pattern, greedy)


@pytest.mark.parametrize("schema", [SCHEMAS[0], *(pytest.param(s, marks=pytest.mark.exhaustive) for s in SCHEMAS[1:])])
def test_what_is_written_matches_a_schema(schema, model):
    for seed in range(4):
        for count in (50, 120):
            for text in written(model, schema, count, seed):
                assert valid(json.loads(text), schema), text


@pytest.mark.exhaustive
def test_a_ragged_batch_is_what_each_prompt_gives_alone(model):
    prompts = ["Say: ", "no", "αβ {"]
    options = {"max_new_tokens": 60, "constraint": SCHEMAS[0]}
    assert model.generate(prompts, **options) == [model.generate(prompt, **options) for prompt in prompts]


@pytest.mark.parametrize("pattern", EXPRESSIONS)
def test_the_automaton_says_what_re_says(pattern):
    automaton = Automaton(Expression(pattern).tree())
    rng = random.Random(0)
    letters = 'aab bA\u00fc@.,-019"\nαωéx'
    texts = ["yes", "no", "2026-11-21", "abcéα", "a@b.com, c_1@d.org", "abbabA\u00fc", "ab"]
    texts += ["".join(rng.choices(letters, k=rng.randrange(8))) for _ in range(2000)]
    for text in texts:
        assert automaton.matches(text.encode()) == bool(re.fullmatch(pattern, text)), text


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_automaton_takes_what_json_writes(schema):
    automaton = automaton_of(schema)
    values = [
        {"name": "x\n\u00fc", "tags": []},
        {"name": "", "age": -3, "tags": [3, None, "red"]},
        {"name": "a", "age": 1},
        [1.5, True],
        [0, -1e-7, False],
        [1],
        None,
        "abc",
        "a",
        {"kind": "point", "at": {}},
        {"kind": "point", "at": {"x": 1}},
        {"kind": "line", "at": {}},
    ]
    for value in values:
        texts = {json.dumps(value), json.dumps(value, ensure_ascii=False)}
        found = any(automaton.matches(text.encode()) for text in texts)
        assert found == valid(value, schema), value


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        ("(a", "ends too early"),
        ("a)", "without its"),
        (r"(a)\1", "is not supported"),
        ("(?=a)b", "is not supported"),
        ("a**", "repetition of a repetition"),
        ("a{2", "begins a repetition"),
        ("(" * 60 + ")" * 60, "nested more than"),
        (".*a.{20}", "states"),
        ("((a{0,900}){0,900}){0,900}", "steps to compile"),
        ({"type": "string", "pattern": "a"}, r"\['pattern'\], which is not supported"),
        ({"type": "integer", "minimum": 3}, r"\['minimum'\]"),
        ({"$ref": "#"}, "needs a type"),
        ({"type": "object", "properties": {"a": {"type": "thing"}}}, r"at \$.a needs a type"),
        ({"type": "array"}, "needs items"),
        ({"type": "array", "items": {"type": "null"}, "minItems": 3, "maxItems": 2}, "integers in order"),
        ({"type": "object", "additionalProperties": True}, "no properties but"),
        (7, "must be a regular expression"),
    ],
)
def test_what_is_not_supported_is_named(constraint, words):
    with pytest.raises(ConstraintError, match=words):
        automaton_of(constraint)


def test_what_cannot_be_written(model):
    with pytest.raises(ConstraintError, match="shortest text that matches has"):
        model.generate("a", max_new_tokens=3, constraint="[xz]{9}")
    with pytest.raises(ConstraintError, match="goes with a Sampler"):
        model.generate("a", constraint="x", sampler="beam")
    model.generation_config = {"eos_token_id": None}
    try:
        with pytest.raises(ConstraintError, match="piece that ends texts"):
            model.generate("a", constraint="xy")
    finally:
        model.generation_config = {"eos_token_id": 0, "pad_token_id": 0}
