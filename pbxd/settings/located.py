"""pydantic's complaints, said with the place in the file and, for a wrong word, the word that was meant."""

from __future__ import annotations

import types
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pbxd.settings.yaml_source import Fault, Path, SourceError, YamlSource

Model = TypeVar("Model", bound=BaseModel)


def validated(source: YamlSource, model: type[Model], *, context: Any = None) -> Model:
    """The model of a file. Raises SourceError with every mistake in it."""
    try:
        return model.model_validate(source.data, context=context)
    except ValidationError as error:
        raise SourceError(located(error, source, model)) from None


def located(error: ValidationError, source: YamlSource, model: type[BaseModel]) -> list[Fault]:
    """Each complaint of ``error`` with its place in ``source``. No value is quoted: it may be secret."""
    details = error.errors(include_url=False, include_input=False)
    wrong = [_path_in_data(detail["loc"], source.data) for detail in details]
    faults = [
        _fault(detail, source, model)
        for detail, path in zip(details, wrong, strict=True)
        # A list whose entries are wrong is told to be too short as well, because the wrong ones do not count.
        if detail["type"] != "too_short" or not any(p[: len(path)] == path and p != path for p in wrong)
    ]
    return list(dict.fromkeys(faults))


def did_you_mean(word: str, known: list[str]) -> str:
    """`` (did you mean 'x'?)``, or nothing when no known word is near."""
    near = get_close_matches(word.lower(), [k.lower() for k in known], n=1, cutoff=0.6)
    match = next((k for k in known if near and k.lower() == near[0]), None)
    return f" (did you mean {match!r}?)" if match else ""


def _fault(detail: ErrorDetails, source: YamlSource, model: type[BaseModel]) -> Fault:
    path = _path_in_data(detail["loc"], source.data)
    match detail["type"]:
        case "extra_forbidden":
            known = known_keys(model, path[:-1], source.data)
            message = f"unknown key{did_you_mean(str(path[-1]), known)}"
            return source.fault(path, message, of_key=True)
        case "missing":
            missing = str(detail["loc"][-1])
            return source.fault((*path, missing), "missing")
        case "value_error":
            return source.fault(path, str(detail["ctx"]["error"]) if "ctx" in detail else detail["msg"])
        case "union_tag_not_found":
            return source.fault(path, f"{detail['ctx']['discriminator']} is missing")
        case "union_tag_invalid":
            return _wrong_kind(detail, source, path)
        case "too_short":
            least = detail["ctx"]["min_length"]
            entries = "one entry" if least == 1 else f"{least} entries"
            return source.fault(path, f"must have at least {entries}")
        case "literal_error" | "enum":
            return _wrong_word(detail, source, model, path)
        case _:
            return source.fault(path, _plain(detail))


def _wrong_kind(detail: ErrorDetails, source: YamlSource, path: Path) -> Fault:
    context = detail["ctx"]
    key = str(context["discriminator"]).strip("'")
    known = [word.strip().strip("'") for word in str(context["expected_tags"]).split(",")]
    message = f"must be one of {', '.join(known)}{did_you_mean(str(context['tag']), known)}"
    return source.fault((*path, key), message)


def _wrong_word(detail: ErrorDetails, source: YamlSource, model: type[BaseModel], path: Path) -> Fault:
    known = known_words(model, path, source.data)
    if not known:
        return source.fault(path, _plain(detail))
    word = _at(source.data, path)
    hint = did_you_mean(word, known) if isinstance(word, str) else ""
    return source.fault(path, f"must be one of {', '.join(known)}{hint}")


_PLAIN = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be yes or no",
    "bool_type": "must be yes or no",
    "string_type": "must be text",
    "path_type": "must be a path",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "string_too_short": "must not be empty",
}


def _plain(detail: ErrorDetails) -> str:
    """pydantic speaks to programmers: 'Input should be a valid integer, unable to parse …'."""
    message = _PLAIN.get(detail["type"]) or detail["msg"].replace("Input should be ", "must be ")
    return message[:1].lower() + message[1:]


def _path_in_data(loc: tuple[str | int, ...], data: Any) -> Path:
    """``loc`` without what pydantic adds to it (names of union members and validators, absent last keys)."""
    path: list[str | int] = []
    tagged = False  # the name of a union's member may be a key as well: type: queue, queue: billing
    for part in loc:
        if isinstance(data, dict) and not tagged and part == data.get("type"):
            tagged = True
            continue
        in_list = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if in_list or (isinstance(data, dict) and part in data):
            data, tagged = data[part], False
            path.append(part)
    return tuple(path)


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


# ------------------------------------------------------------- the model's own knowledge of a path


def known_keys(model: type[BaseModel], path: Path, data: Any = None) -> list[str]:
    """The keys that the model reads at ``path``; of a union those of the member that ``data`` chooses."""
    keys: list[str] = []
    for kind in types_at(model, path, data):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys += [field.alias or name for name, field in kind.model_fields.items()]
    return list(dict.fromkeys(keys))


def known_words(model: type[BaseModel], path: Path, data: Any = None) -> list[str]:
    """The words of a Literal or an enum at ``path``."""
    words: list[str] = []
    for kind in types_at(model, path, data):
        if get_origin(kind) is Literal:
            words += [str(word) for word in get_args(kind)]
        elif isinstance(kind, type) and hasattr(kind, "__members__"):
            words += [str(member.value) for member in kind.__members__.values()]
    return words


def types_at(model: type[BaseModel], path: Path, data: Any = None) -> list[Any]:
    """What may stand at ``path``: the alternatives of unions singly, without Annotated and None."""
    kinds = [(model, data)]
    for part in path:
        kinds = [step for kind, value in kinds for step in _into(kind, part, value)]
    return [kind for kind, _ in kinds]


def _into(kind: Any, part: str | int, data: Any) -> Iterator[tuple[Any, Any]]:
    """The kinds of ``kind``'s part, e.g. of a model's field or a list's item."""
    inner = _part_of(data, part)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if part in (field.alias, name):
                yield from ((k, inner) for k in _alternatives(field.annotation, inner))
        return
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (list, tuple, set, frozenset) and isinstance(part, int) and arguments:
        yield from ((k, inner) for k in _alternatives(arguments[0], inner))
    elif isinstance(origin, type) and hasattr(origin, "keys") and len(arguments) == 2:
        yield from ((k, inner) for k in _alternatives(arguments[1], inner))


def _part_of(data: Any, part: str | int) -> Any:
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None


def _alternatives(kind: Any, data: Any) -> list[Any]:
    if get_origin(kind) is Annotated:
        return _alternatives(get_args(kind)[0], data)
    if hasattr(kind, "__value__"):  # a named alias: type X = …
        return _alternatives(kind.__value__, data)
    if get_origin(kind) in (Union, types.UnionType):
        flat = [k for member in get_args(kind) for k in _alternatives(member, data) if k is not type(None)]
        chosen = [k for k in flat if _says(k, data)]
        return chosen or flat
    return [kind]


def _says(kind: Any, data: Any) -> bool:
    """Whether ``data`` names this member of a union by one of its Literal fields, as ``kind: menu`` does."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(data, dict)):
        return False
    return any(
        get_origin(field.annotation) is Literal
        and data.get(field.alias or name) in get_args(field.annotation)
        for name, field in kind.model_fields.items()
    )
