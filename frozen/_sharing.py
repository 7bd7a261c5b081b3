"""What interpreters can share: how others read an object, and what to say of one that cannot be shared.

The C core holds None, bool, int, float, complex, str, bytes, Ellipsis, tuple, frozenset, Blob and shared containers by
itself. Every other type is held by *registration*: a function that turns an object into a value that can be held, and
one that makes an equal object of it in the interpreter that reads. The standard library's immutable types are
registered here; `register_shareable` adds your own.

An interpreter that reads imports this module, and what it imports: neither typing nor dataclasses.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet

from frozen import _core
from frozen._classes import class_name, find_class, find_module, is_found, is_of_a_session, module_name
from frozen._public import public
from frozen._records import field_names, is_dataclass, is_named_tuple, record_kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    _T = TypeVar("_T")

__all__ = ["NotShareableError", "is_shareable", "register_shareable"]


@public
class NotShareableError(TypeError):
    """A value cannot be shared between interpreters.

    `value` is the object, `path` its place in the data that was to be shared (`'["db"]["pool"]'`, empty at the top),
    and `reason` says why it cannot be shared, and what to do instead.

    >>> try:
    ...     share({"lock": [print]})
    ... except NotShareableError as error:
    ...     error.path
    "['lock'][0]"
    """

    def __init__(self, value: object, reason: str, path: str = "") -> None:
        super().__init__(value, reason, path)
        self.value = value
        self.reason = reason
        self.path = path

    def __repr__(self) -> str:
        shown = ", ".join(map(_core._bounded_repr, (self.value, self.reason, self.path)))
        return f"{type(self).__name__}({shown})"

    def __str__(self) -> str:
        path = self.path if len(self.path) <= 400 else f"{self.path[:200]}...{self.path[-200:]}"
        at = f"{path}: " if path else ""
        return f"{at}{_core._bounded_repr(self.value)} of type {_name_of(type(self.value))} {self.reason}"


def _name_of(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _found_at(error: BaseException, steps: Sequence[tuple[str, object]]) -> None:
    """Called by the core: these steps, of brackets and a key, lead from what was to be shared to what `error` is about.
    A key or member that is what the error is about adds no step: it stands at no place but itself."""
    if isinstance(error, NotShareableError):
        from frozen._convert import Member, show_path

        labels = [
            key if brackets == "[]" else Member(key)
            for brackets, key in steps
            if brackets == "[]" or key is not error.value
        ]
        error.path = show_path(labels, most=1000) + error.path


@public
def is_shareable(obj: object) -> bool:
    """Return whether a shared container can hold `obj` as it is, without `share`. O(size of `obj`).

    >>> is_shareable((1, "text")), is_shareable([1, "text"])
    (True, False)
    """
    try:
        _core._check_shareable(obj)
    except NotShareableError:
        return False
    return True


# Registered types. A name says everything that the reading interpreter needs to find the decoder: that of the class
# (_classes.py), and "@module" of the one whose import registers it, where that is needed.

_encoders: dict[type, tuple[str, Callable[[Any], Any]]] = {}
by_field: set[type] = set()  # those of named tuples and dataclasses that were registered without functions
_decoders: dict[str, Callable[[Any], Any]] = {}
_checked: set[type] = set()  # those that a reader is known to find
_hashed_by_class: set[type] = set()  # those of them whose hash is another one in each interpreter


@public
def register_shareable(
    cls: type[_T], encode: Callable[[_T], object] | None = None, decode: Callable[[Any], _T] | None = None
) -> type[_T]:
    """Let instances of `cls`, an immutable class, be shared between interpreters. Returns `cls`, so it decorates.

    `encode(obj)` returns a shareable value, `decode(value)` an object equal to `obj`. Named tuples and frozen
    dataclasses need neither. The registration does not apply to subclasses. The interpreter that reads imports the
    class by its qualified name. If you pass functions, register at the top level of the module that defines `decode`:
    importing it there registers the class too. For a class of a script, that interpreter runs the script once, under
    another `__name__` than `__main__`. It cannot find a class of an interactive session (RuntimeWarning when the first
    instance is shared).

    Two objects of equal encodings are one value: shared containers that hold them are equal. Only keys need a hash, and
    it must depend on the value alone: an address means nothing in another interpreter. An object is no key if the class
    is part of its hash, as in `hash((type(self), self.x))`. Nor is an object of a class without `__hash__`, unless
    `decode` returns the very same object, as that of ZoneInfo does; then its encoding is the key. A tuple or record
    that contains such an object is no key either.

    Such objects nest at most 131,072 deep (RecursionError), because functions may make new ones without end; one that
    contains itself is a NotShareableError with the path.

    Raises TypeError for a class that comes without functions and is not immutable by itself, or has more than its
    fields, as an exception has; ValueError for a class that import cannot find.

    >>> from fractions import Fraction
    >>> class Ratio(Fraction): ...
    >>> _ = register_shareable(Ratio, lambda ratio: (ratio.numerator, ratio.denominator), lambda pair: Ratio(*pair))
    """
    if (encode is None) != (decode is None):
        raise TypeError("register_shareable() takes both encode and decode, or neither")
    if "<locals>" in cls.__qualname__:
        raise ValueError(f"{_name_of(cls)} is local to a function: other interpreters cannot import it")
    by_field.discard(cls)
    if encode is None or decode is None:
        encode, decode = _by_fields(cls)
        by_field.add(cls)
        name = class_name(cls)
    else:
        name = f"{class_name(cls)}@{_registrar(cls, decode)}"
    _encoders[cls] = (name, encode)
    _checked.discard(cls)
    _hashed_by_class.discard(cls)
    _decoders[name] = decode
    _core._forget_plans()
    return cls


def _registrar(cls: type, decode: Callable[[Any], Any]) -> str:
    """The name of the module that registers the class: the one that defines `decode`."""
    return module_name(getattr(decode, "__module__", None) or cls.__module__)


def _by_fields(cls: type[_T]) -> tuple[Callable[[_T], object], Callable[[Any], _T]]:
    """Encoder and decoder of a named tuple or frozen dataclass."""
    if issubclass(cls, tuple) and hasattr(cls, "_make"):
        named: Any = cls
        return lambda obj: (*obj,), named._make
    parameters = getattr(cls, "__dataclass_params__", None)
    if parameters is not None and parameters.frozen:
        if not _is_made_by_object(cls):
            raise TypeError(
                f"{_name_of(cls)} has more than its fields, from a base class in C, or is abstract: "
                "pass encode(obj) -> shareable value and decode(value) -> obj"
            )
        names = tuple(field_names(cls))

        def encode(obj: _T) -> object:
            return (*[getattr(obj, name) for name in names],)

        def decode(values: Iterable[Any]) -> _T:
            obj = object.__new__(cls)  # as copy does: the fields were computed already
            for name, value in zip(names, values, strict=True):
                object.__setattr__(obj, name, value)
            return obj

        return encode, decode
    raise TypeError(
        f"{_name_of(cls)} is neither a named tuple nor a frozen dataclass: "
        "pass encode(obj) -> shareable value and decode(value) -> obj"
    )


def _encode(obj: object) -> tuple[str, object, bool | None]:
    """Called by the core for every object it does not hold by itself: its name, a value to be held in its place, and
    whether its hash depends on the interpreter (None: if that of something in it does). NotShareableError if there is
    no such value.
    """
    found = encoder_of(type(obj))
    if found is None:
        raise NotShareableError(obj, _advice(obj))
    name, encode = found
    if type(obj) not in _checked:
        _check_found(obj, name)
    differs = _HASH_DIFFERS[name](obj) if name in _HASH_DIFFERS else True if type(obj) in _hashed_by_class else None
    return name, encode(obj), differs


def _check_found(obj: object, name: str) -> None:
    """NotShareableError if no reader could find the class of `obj`, or the module that registers it, as far as can be
    told here. Called once for each class."""
    cls = type(obj)
    where, _, registrar = name.rpartition("!")[2].partition("@")
    if is_of_a_session(registrar or where.partition(":")[0]):
        from warnings import warn

        warn(
            f"{cls.__qualname__} is defined in a session, not in a file: other interpreters cannot read what is shared "
            "of it; define it in a module",
            RuntimeWarning,
            stacklevel=2,
        )
    elif not registrar and not is_found(cls):
        raise NotShareableError(
            obj,
            f"is of a class that is not found as {where.replace(':', '.')} when it is read: give the class the name "
            "under which its module holds it",
        )
    if _is_hashed_by_class(cls):
        _hashed_by_class.add(cls)
    _checked.add(cls)


def _is_hashed_by_class(cls: type) -> bool:
    """Whether the class itself, which is another object in each interpreter, is part of its objects' hash: as in
    `hash((type(self), self.x))`, or that of msgspec. attrs takes the name of the module, which a script has not."""
    if hasattr(cls, "__struct_fields__"):
        return True
    if hasattr(cls, "__attrs_attrs__") and class_name(cls).startswith("__main__"):
        return True
    code = getattr(cls.__hash__, "__code__", None)
    if code is None or not {"__name__", "__qualname__"}.isdisjoint(code.co_names):
        return False
    own = {"type", cls.__name__}.intersection(code.co_names)
    return "__class__" in code.co_names or (bool(own) and not own.isdisjoint(_globals_of(code)))


def _globals_of(code: Any) -> set[str]:
    from dis import get_instructions

    return {step.argval for step in get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}


def encoder_of(cls: type) -> tuple[str, Callable[[Any], Any]] | None:
    """The name and the function of a type that is registered; None for another one."""
    found = _encoders.get(cls)
    if found is None:
        found = _standard_encoder(cls)
        if found is not None:
            _encoders[cls] = found
    return found


def _decode(name: str, value: object) -> object:
    """Called by the core to make an object of what `_encode` returned, perhaps in another interpreter."""
    decode = _decoders.get(name)
    if decode is None:
        decode = _decoders[name] = _find_decoder(name)
    return decode(value)


def _find_decoder(name: str) -> Callable[[Any], Any]:
    kind, _, where = name.rpartition("!")
    where, _, registrar = where.partition("@")
    try:
        if kind:
            return _STANDARD_DECODERS[kind](find_class(where))
        if not registrar:
            return _by_fields(find_class(where))[1]
        find_module(registrar)
        if name not in _decoders:
            find_class(where)  # its own module may register it
        return _decoders[name]
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, KeyError):
            reason = f"importing {registrar!r} does not register it: call register_shareable() at its top level"
        raise ImportError(f"a shared {where.replace(':', '.')} cannot be read in this interpreter: {reason}") from error


NOT_CONVERTED = "is not held as it is: share() converts it"
# What the library has that is no value: by the name of its type, why not, and what to do.
_NO_VALUES = {
    "AtomicRef": "is a place that belongs to this interpreter: share the value that its get() returns, "
    "or pass a SharedRef beside the value",
    "SharedRef": "is a place, not a value, and could come to hold itself: pass it beside the value, or attach by name",
    "AtomicCounter": "is a place that belongs to this interpreter: share the number that its get() returns, "
    "or pass a SharedAtomicCounter beside the value",
    "SharedAtomicCounter": "is a place, not a value: pass it beside the value, or attach by name",
    "Cache": "is a place that belongs to this interpreter: share what its snapshot() returns",
    "FileRef": "is a place, not a value: share the value that its get() returns, or attach to its folder",
    "Handle": "is a ticket for what is shared already: share the object itself, or pass the handle beside the value",
    "Watch": "calls a function of this interpreter: open a watch where it is needed",
    "Delta": "says how to make one version of another: share the version that it leads to, or pickle it",
    "transaction": "belongs to the thread that runs it: share the values of its references",
    "MapMutation": "can still change: share what its finish() returns",
}
for _name in ("SetMutation", "VectorMutation", "SharedMapMutation", "SharedSetMutation", "SharedVectorMutation"):
    _NO_VALUES[_name] = _NO_VALUES["MapMutation"]


def _advice(obj: object) -> str:
    """Why an object cannot be shared, and what to do instead. It goes by the type, as the rules do: proxies and mocks
    have another `__class__`."""
    cls = type(obj)
    name = cls.__name__
    record = record_kind(cls)
    if issubclass(cls, (bytearray, memoryview)):
        return "can change: share bytes(...) of it, or a Blob"
    if cls.__module__ == "frozen" and name in _NO_VALUES:
        return _NO_VALUES[name]
    if record is not None and not record.is_frozen():
        return f"is a mutable {record.title}: {record.remedy}, and frozen.register_shareable({name})"
    if is_named_tuple(cls):
        return f"is a subclass: convert it, or frozen.register_shareable({name})"
    if issubclass(cls, (str, bytes, int, float, complex, tuple, frozenset)):
        return f"is a subclass: share() converts it, or frozen.register_shareable({name}, encode, decode)"
    if record is None and issubclass(cls, (Mapping, Sequence, AbstractSet, ValuesView)):
        return NOT_CONVERTED
    if issubclass(cls, Iterator):
        return "gives its values once: share a list or tuple of them"
    if callable(obj):
        return "has no value that another interpreter could have: only data can be shared"
    if is_dataclass(cls):
        return f"cannot be shared: convert it, or frozen.register_shareable({name})"
    return f"cannot be shared: convert it, or frozen.register_shareable({name}, encode, decode) if it is immutable"


# The standard library. Names are "kind!module:qualified name".


def _standard_encoder(cls: type) -> tuple[str, Callable[[Any], Any]] | None:
    """Found once for each class, without importing anything: where an object is, its module is."""
    where = class_name(cls)
    for kind, applies, encode in _STANDARD_ENCODERS:
        if applies(cls, where):
            if "<locals>" in where:
                return None
            return f"{kind}!{where}", encode
    return None


def _bases(cls: type) -> set[str]:
    return {f"{base.__module__}.{base.__qualname__}" for base in cls.__mro__}


def _named(*names: str) -> Callable[[type, str], bool]:
    return lambda cls, where: where in names


def _derives_from(*names: str) -> Callable[[type, str], bool]:
    return lambda cls, where: not _bases(cls).isdisjoint(names)


def _is_path(cls: type, where: str) -> bool:
    return where.startswith(("pathlib:", "pathlib._local:"))


_IP_ADDRESSES = {"ipaddress:IPv4Address": ("_ip",), "ipaddress:IPv6Address": ("_ip", "_scope_id")}
_IP_NETWORKS = {f"ipaddress:IPv{version}{kind}" for version in (4, 6) for kind in ("Network", "Interface")}

_STANDARD_ENCODERS: list[tuple[str, Callable[[type, str], bool], Callable[[Any], Any]]] = [
    ("flag", _derives_from("enum.Flag"), lambda flag: _flag_value(flag)),
    ("enum", _derives_from("enum.Enum"), lambda member: _member_name(member)),
    ("text", _named("decimal:Decimal"), str),
    ("path", _is_path, str),
    ("text", lambda cls, where: where in _IP_ADDRESSES or where in _IP_NETWORKS, str),
    ("args", _named("fractions:Fraction"), lambda f: (f.numerator, f.denominator)),
    ("uuid", _named("uuid:UUID"), lambda u: (u.int, u.is_safe.value)),
    ("args", _named("datetime:date"), lambda d: (d.year, d.month, d.day)),
    ("args", _named("datetime:timedelta"), lambda d: (d.days, d.seconds, d.microseconds)),
    ("args", _named("datetime:timezone"), lambda z: z.__getinitargs__()),
    ("args", _named("zoneinfo:ZoneInfo"), lambda z: (_zone_key(z),)),
    ("fold", _named("datetime:time"), lambda t: (t.fold, t.hour, t.minute, t.second, t.microsecond, t.tzinfo)),
    (
        "fold",
        _named("datetime:datetime"),
        lambda d: (d.fold, d.year, d.month, d.day, d.hour, d.minute, d.second, d.microsecond, d.tzinfo),
    ),
    ("args", _named("builtins:range"), lambda r: (r.start, r.stop, r.step)),
]

# Whether the hash is another one in each interpreter, where what an object holds does not tell. Times go by their
# offset from UTC and not by their zone; 3.12 hashes some differently in Python than in C.
_IS_3_12 = sys.version_info[:2] == (3, 12)
_HASH_DIFFERS: dict[str, Callable[[Any], bool]] = {
    "args!zoneinfo:ZoneInfo": lambda z: True,
    "args!datetime:date": lambda d: _IS_3_12,
    "fold!datetime:time": lambda t: _IS_3_12 and t.tzinfo is not None,
    "fold!datetime:datetime": lambda d: False,
}

_STANDARD_DECODERS: dict[str, Callable[[Any], Callable[[Any], Any]]] = {
    "flag": lambda cls: cls,
    "enum": lambda cls: lambda name: cls[name],  # not cls.__getitem__, which in an enum of texts is that of str
    "text": lambda cls: cls,
    "path": lambda cls: cls,
    "args": lambda cls: lambda args: cls(*args),
    "uuid": lambda cls: lambda args: cls(int=args[0], is_safe=_safe_uuid(args[1])),
    "fold": lambda cls: lambda args: cls(*args[1:], fold=args[0]),
}


def _member_name(member: Any) -> str:
    name = member._name_
    if type(member).__members__.get(name) is not member:
        raise NotShareableError(member, "is no member that its enum holds under its name: no reader could find it")
    return name  # type: ignore[no-any-return]


def _flag_value(flag: Any) -> object:
    if type(flag)(flag._value_) is not flag:
        raise NotShareableError(flag, "is not what its enum makes of its value: no reader could find it")
    return flag._value_


def _zone_key(zone: Any) -> str:
    from pickle import PicklingError

    try:
        zone.__reduce__()
    except PicklingError:
        reason = "was read from a file, by from_file(): a reader finds ZoneInfo(key) only"
        raise NotShareableError(zone, reason) from None
    return zone.key  # type: ignore[no-any-return]


def _safe_uuid(value: int | None) -> Any:
    from uuid import SafeUUID

    return SafeUUID(value)


# Native types: those that C takes apart and makes again, once it has a plan for the class (src/shared/native.h).
# A plan is (form, name, target, flags, extra). The forms have the numbers of that header.
(
    _NONE,
    _DATE,
    _DATETIME,
    _TIME,
    _TIMEDELTA,
    _UUID,
    _DECIMAL,
    _CALL,
    _FIELDS,
    _PATH,
    _NAMED_TUPLE,
    _MEMBER,
    _FLAG,
    _ZONE,
) = range(14)
_DIFFERS, _AGREES = 4, 8  # BOX_HASH_DIFFERS, BOX_HASH_AGREES of src/shared/cell.h
_OPEN = 16  # PLAN_OPEN of src/shared/native.h

_Plan = tuple[int, str, object, int, object]
_FORMS = {
    "args!datetime:date": _DATE,
    "fold!datetime:datetime": _DATETIME,
    "fold!datetime:time": _TIME,
    "args!datetime:timedelta": _TIMEDELTA,
    "args!datetime:timezone": _CALL,
    "uuid!uuid:UUID": _UUID,
    "text!decimal:Decimal": _DECIMAL,
    "args!fractions:Fraction": _FIELDS,
    "args!zoneinfo:ZoneInfo": _ZONE,
    "args!builtins:range": _CALL,
    **{f"text!{name}": _FIELDS for name in _IP_ADDRESSES},
    **{f"text!{name}": _CALL for name in _IP_NETWORKS},
}
_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "args!fractions:Fraction": ("_numerator", "_denominator"),
    "args!builtins:range": ("start", "stop", "step"),
    **{f"text!{name}": attributes for name, attributes in _IP_ADDRESSES.items()},
}


def _plan(obj: object) -> _Plan | None:
    """Called by the core for the first object of a type that it does not hold by itself: how to take such objects
    apart. None: the type is not shared, and `_encode` has the words. A plan without a form: `_encode` does it."""
    cls = type(obj)
    found = encoder_of(cls)
    if found is None:
        return None
    name = found[0]
    if cls not in _checked:
        _check_found(obj, name)
    form = _form_of(cls, name)
    extra = _extra(form, cls, name) if form != _NONE else None
    if extra is None:
        return _NONE, "", cls, 0, None
    return form, name, cls, _hash_flags(cls, name), extra


def _form_of(cls: type, name: str) -> int:
    if cls in by_field:
        return _NAMED_TUPLE if issubclass(cls, tuple) else _FIELDS
    if name.startswith("enum!"):
        return _MEMBER
    if name.startswith("flag!"):
        return _FLAG
    if name.startswith("path!"):
        return _PATH
    return _FORMS.get(name, _NONE)


def _hash_flags(cls: type, name: str) -> int:
    if cls in _hashed_by_class or name == "args!zoneinfo:ZoneInfo":
        return _DIFFERS
    if name in ("args!datetime:date", "fold!datetime:time"):
        return _DIFFERS if _IS_3_12 else _AGREES
    return _AGREES if name == "fold!datetime:datetime" else 0


def _extra(form: int, cls: Any, name: str) -> object | None:
    """What C needs besides the class; None: it cannot do what Python does for this class."""
    if form in (_DATE, _DATETIME, _TIME, _TIMEDELTA):
        return () if _datetime_is_in_c() else None
    if form == _UUID:
        return ("int", "is_safe", _safe_uuid(None)) if _is_made_of(cls, ("int", "is_safe")) else None
    if form == _CALL:
        return _ATTRIBUTES.get(name) or _arguments_of(cls, name)
    if form == _FIELDS:
        return _attributes(cls, name)
    if form == _PATH:
        return _path_attribute(cls)
    if form == _ZONE:
        return _zone_key
    if form == _NAMED_TUPLE:
        return len(cls._fields) if _is_plain_named_tuple(cls) else None
    if form == _FLAG:
        return cls._value2member_map_ if type(cls._value2member_map_) is dict else None
    return ()


def _datetime_is_in_c() -> bool:
    """Subinterpreters of 3.12 have datetime in Python."""
    import datetime

    return hasattr(datetime, "datetime_CAPI")


def _arguments_of(cls: Any, name: str) -> Callable[[Any], tuple[object, ...]]:
    return (lambda obj: (str(obj),)) if name.startswith("text!") else cls.__getinitargs__


def _attributes(cls: Any, name: str) -> tuple[str, ...] | None:
    """Those that make an object of `cls`, if object.__new__ makes it, too."""
    names = _ATTRIBUTES.get(name)
    if names is not None:
        return names if _is_made_of(cls, names) else None
    _by_fields(cls)  # TypeError: it is another class here
    return tuple(field_names(cls)) if _is_made_by_object(cls) else None


def _is_plain_named_tuple(cls: Any) -> bool:
    """Whether its objects come from, and go into, a tuple as collections.namedtuple does it."""
    if not (isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_make")):
        return False  # another class has taken the name
    make = getattr(cls._make, "__func__", None)
    return getattr(make, "__module__", "").startswith(("collections", "namedtuple_")) and cls.__iter__ is tuple.__iter__


def _is_made_of(cls: Any, names: tuple[str, ...]) -> bool:
    """Whether an object has just these attributes, so that it can be made of them."""
    return _is_made_by_object(cls) and {name for name in cls.__slots__ if name != "__weakref__"} == set(names)


def _is_made_by_object(cls: Any) -> bool:
    """Whether `object.__new__` makes an object of the class: C does so without asking again."""
    try:
        object.__new__(cls)
    except TypeError:
        return False
    return True


def _path_attribute(cls: Any) -> str | None:
    """The attribute from which an object that is a path, and no more, finds all others, as of 3.12."""
    try:
        made, text = object.__new__(cls), "a/b.c"
        made._raw_paths = [text]
        plain = cls(text)
        return "_raw_paths" if made == plain and str(made) == str(plain) and not hasattr(plain, "__dict__") else None
    except (MemoryError, RecursionError):
        raise
    except Exception:  # older ones lack the attribute, and a path of the other system is not made
        return None


def _member_plan(member: Any) -> _Plan:
    """Called by the core for a member of an enum that it has not met: NotShareableError if no reader could find it."""
    cls = type(member)
    return _MEMBER, f"{_encoders[cls][0]}\n{_member_name(member)}", member, 0, ()


def _named_plan(form: int, name: str) -> _Plan:
    """Called by the core for the first box that holds an object of that class, that member, or the zone of that key."""
    if form == _UUID:
        name = "uuid!uuid:UUID"
    elif form == _DECIMAL:
        name = "text!decimal:Decimal"
    name, _, member = name.partition("\n")
    where = name.rpartition("!")[2]
    try:
        if form == _ZONE:
            return form, name, find_class("zoneinfo:ZoneInfo")(name), 0, ()
        cls: Any = find_class(where)
        if form == _MEMBER:
            return form, f"{name}\n{member}", cls[member], 0, ()
        extra = _extra(form, cls, name)
        if extra is None:
            raise TypeError("the class is another one in this interpreter")
        return form, name, cls, _OPEN if _is_open(cls) else 0, extra
    except (MemoryError, RecursionError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ImportError(f"a shared {where.replace(':', '.')} cannot be read in this interpreter: {reason}") from error


def _is_open(cls: Any) -> bool:
    """Whether attributes of its objects can be set: one that was read is not handed out again then. A frozen dataclass
    refuses that, but not for a subclass that is none itself."""
    return cls.__dictoffset__ != 0 and "__dataclass_params__" not in vars(cls)


def _make_time(form: int, fields: Any, zone_kind: int = 0, offset: int = 0, zone: Any = None) -> object:
    """Called by the core where datetime is not in C."""
    import datetime

    if form == _DATE:
        return datetime.date(*fields)
    if form == _TIMEDELTA:
        return datetime.timedelta(*fields)
    if zone_kind == 1:
        zone = datetime.UTC
    elif zone_kind == 3:
        zone = datetime.timezone(datetime.timedelta(microseconds=offset))
    if form == _TIME:
        return datetime.time(*fields[3:7]).replace(tzinfo=zone, fold=fields[7])
    return datetime.datetime(*fields[:7]).replace(tzinfo=zone, fold=fields[7])


_core._register_sharing(_encode, _decode, _found_at, NotShareableError, _plan, _member_plan, _named_plan, _make_time)
