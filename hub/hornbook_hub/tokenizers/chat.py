"""Conversations as texts: a checkpoint's chat templates, filled in by Jinja in its sandbox."""

import datetime
import json
from pathlib import Path
from typing import Any

from hornbook.core.untrusted import DamagedFileError, is_plain_name, read_json

LONGEST_TEMPLATE = 1024**2  # bytes
MORE = "additional_chat_templates"


def templates(folder: Path, settings: dict[str, Any]) -> dict[str, str]:
    """The chat templates of a folder by name; the one that is meant where none is named is called "default".

    They stand in `chat_template.jinja` and `additional_chat_templates/NAME.jinja`, in `chat_template.json`, or in
    `tokenizer_config.json`: a text, or a list of {"name", "template"}. Files go before settings.

    Raises:
        ValueError: for templates that are no texts, and for files of more than a megabyte.
    """
    found: Any = settings.get("chat_template")
    if (folder / "chat_template.json").is_file():
        held = read_json(_read(folder / "chat_template.json"), str(folder / "chat_template.json"))
        found = held.get("chat_template") if isinstance(held, dict) else held
    if isinstance(found, list) and all(isinstance(one, dict) for one in found):
        found = {one.get("name"): one.get("template") for one in found}
    found = {} if found is None else dict(found) if isinstance(found, dict) else {"default": found}
    files = [folder / "chat_template.jinja", *sorted((folder / MORE).glob("*.jinja"))]
    for file in files:
        if file.is_file() and is_plain_name(file.name):
            found["default" if file.parent == folder else file.stem] = _read(file)
    if odd := [name for name, text in found.items() if not isinstance(name, str) or not isinstance(text, str)]:
        raise DamagedFileError(f"{folder} is damaged: its chat templates {odd!r} are no texts.")
    return found


def _read(file: Path) -> str:
    if file.stat().st_size > LONGEST_TEMPLATE:
        raise DamagedFileError(f"{file} is refused: it has more than {LONGEST_TEMPLATE:,} bytes.")
    return file.read_text("utf-8")


def render_chat(template: str, variables: dict[str, Any]) -> str:
    """A chat template filled in: Jinja in its sandbox, with the few functions that templates rely on.

    Raises:
        ValueError: for a template that is none, refuses the conversation, or leaves the sandbox.

    >>> from hornbook_hub.tokenizers.chat import render_chat
    >>> render_chat("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}", {"messages": [
    ...     {"role": "user", "content": "Hello"}]})
    '<user>Hello'
    """
    from jinja2 import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    try:
        return environment.from_string(template).render(**variables)
    except SecurityError as error:
        raise ValueError(f"The chat template is refused: {error}.") from None
    except (TemplateError, TypeError) as error:
        raise ValueError(f"The chat template cannot be filled in with these messages: {error}.") from None
