"""What each command does: a function of its options that returns the exit status."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from frozen import EncodingError, FileFormatError, FileMap, freeze, save
from frozen._cli.documents import is_view, read_document, read_frozen, title_of
from frozen._cli.errors import NO, OK, UNUSABLE, CommandError
from frozen._cli.line import Line
from frozen._cli.places import look_up, written
from frozen._cli.plain import Plain, is_container
from frozen._cli.texts import format_of
from frozen._cli.writing import output, put, shown
from frozen._core import _bounded_repr

_EVERY = 1 << 14


def pack(options: argparse.Namespace, line: Line) -> int:
    form = format_of(options.target)
    if form is not None:
        raise CommandError(
            f"{options.target!r} is named as {form.upper()}, and pack writes a file of frozen.save: "
            f"`show --as {form}` writes {form.upper()}"
        )
    if options.target == "-" and output().isatty():
        raise CommandError("a file of frozen.save is no text for a terminal: name a file, or send it into a pipe")
    value = _read(options.source, options, line)
    if not is_view(value):
        value = _frozen(value, options.source, line)
    show = line.count(f"writing {title_of(options.target)}: {{}} bytes")
    try:
        if options.target == "-":
            _save_to_output(value, show)
        else:
            save(value, options.target, progress=show)
    except EncodingError as error:
        raise CommandError(f"cannot pack {title_of(options.source)}: {error}") from None
    except ValueError as error:  # of a folder, a pipe, or a name that no file can have
        raise CommandError(f"cannot write {title_of(options.target)}: {error}") from None
    return OK


def _save_to_output(value: Any, show: Callable[[int], None]) -> None:
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "value.frozen")
        save(value, path, progress=show)
        with open(path, "rb") as file:
            shutil.copyfileobj(file, output().buffer)


def show(options: argparse.Namespace, line: Line) -> int:
    value = _read(options.file, options, line)
    line.say(f"writing {options.form.upper()} ...")
    text = shown(value, options.form, options.lossy)
    line.clear()
    put(text)
    return OK


def get(options: argparse.Namespace, line: Line) -> int:
    document = _read(options.file, options, line)
    value, way = look_up(document, options.path)
    text = shown(value, options.form, options.lossy, way)
    line.clear()
    put(text)
    return OK


def diff(options: argparse.Namespace, line: Line) -> int:
    from frozen._delta import delta_of, entries_of, show_change
    from frozen._diff import difference

    if options.old == options.new == "-":
        raise CommandError("only one of the two can be standard input")
    documents = [_read(name, options, line) for name in (options.old, options.new)]
    if options.json_patch:
        documents = [Plain("json", options.lossy).of(document) for document in documents]
    old, new = (
        _frozen(document, name, line) for document, name in zip(documents, (options.old, options.new), strict=True)
    )
    line.say("comparing ...")
    root = difference(old, new)
    line.clear()
    if options.json_patch:
        put(json.dumps(delta_of(root, False).to_json_patch(), indent=2, ensure_ascii=False))
    elif root is not None and not options.quiet:
        put("\n".join(f"{written(path)}: {show_change(kinds, change)}" for kinds, path, change in entries_of(root)))
    return OK if root is None else NO


def verify(options: argparse.Namespace, line: Line) -> int:
    return max(_verified(name, line) for name in options.files)


def _verified(name: str, line: Line) -> int:
    title = title_of(name)
    line.say(f"verifying {title} ...")
    try:
        value = read_frozen(name, check=True)
        count = _walk(value, title, line.count(f"verifying {title}: {{}} values"))
    except CommandError as error:
        line.complain(str(error))
        return error.status
    except FileFormatError as error:
        line.complain(str(error))
        # the checksum is right where a value of `encode` is refused: it is of a class that `types=` has to name
        return UNUSABLE if isinstance(error.__cause__, EncodingError) else NO
    except OSError as error:
        line.complain(f"cannot read {title}: {error.strerror or error}")
        return UNUSABLE
    line.clear()
    put(f"{title}: sound, {count:,} value{'s' * (count != 1)}")
    return OK


def _walk(value: Any, title: str, show: Callable[[int], None]) -> int:
    """How many values the document has in it, all of which are read; the keys of maps are looked up, too."""
    count = 0
    todo = [value]
    while todo:
        value = todo.pop()
        count += 1
        if count % _EVERY == 0:
            show(count)
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if isinstance(value, FileMap) and isinstance(key, (str, bytes, int)) and key not in value:
                    raise CommandError(f"{title} is damaged: the index does not lead to {_bounded_repr(key)}", NO)
                todo += [key, inner] if is_container(key) else [inner]
        elif is_container(value):
            todo += value
    return count


def _read(name: str, options: argparse.Namespace, line: Line) -> Any:
    line.say(f"reading {title_of(name)} ...")
    return read_document(name, options.source_form)


def _frozen(value: Any, name: str, line: Line) -> Any:
    line.say(f"freezing {title_of(name)} ...")
    try:
        return freeze(value)
    except FileFormatError:
        raise
    except (TypeError, ValueError) as error:  # YAML can say that a list contains itself
        raise CommandError(f"cannot freeze {title_of(name)}: {error}") from None
