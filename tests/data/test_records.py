"""Records of attrs, msgspec and pydantic are frozen, thawed and reached by paths as dataclasses are."""

from __future__ import annotations

import copy
import dataclasses
import functools
from typing import Any, Self

import pytest

from frozen import Map, Vector, delete_in, freeze, get_in, set_in, thaw, update_in
from frozen._sameness import same_value

KINDS: dict[str, tuple[Any, Any]] = {}
try:
    import attrs
except ImportError:
    pass
else:

    @attrs.frozen(cache_hash=True)
    class AttrsPool:
        sizes: Any
        _name: str = "p"

        @functools.cached_property
        def total(self) -> int:
            return sum(self.sizes)

    @attrs.define
    class AttrsLoose:
        sizes: Any

    KINDS["attrs"] = AttrsPool, AttrsLoose

try:
    import msgspec
except ImportError:
    pass
else:

    class StructPool(msgspec.Struct, frozen=True, dict=True):
        sizes: Any
        name: str = "p"

        @functools.cached_property
        def total(self) -> int:
            return sum(self.sizes)

    class StructLoose(msgspec.Struct):
        sizes: Any

    KINDS["msgspec"] = StructPool, StructLoose

try:
    import pydantic
except ImportError:
    pass
else:

    class ModelPool(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(frozen=True, extra="allow")
        sizes: Any
        name: str = "p"

        @functools.cached_property
        def total(self) -> int:
            return sum(self.sizes)

    class ModelLoose(pydantic.BaseModel):
        sizes: Any

    class ModelPrivate(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(frozen=True)
        size: int
        _log: Any = pydantic.PrivateAttr(default_factory=list)
        _late: Any = None

    KINDS["pydantic"] = ModelPool, ModelLoose

each_kind = pytest.mark.parametrize("kind", ["attrs", "msgspec", "pydantic"])


@pytest.fixture
def pool(kind: str) -> Any:
    if kind not in KINDS:
        pytest.skip(f"needs {kind}")
    return KINDS[kind][0]


@each_kind
def test_a_frozen_record_is_rebuilt_with_frozen_fields(pool: Any) -> None:
    source = pool(sizes=[1, [2]], name="a")
    frozen = freeze({"pool": source})["pool"]
    assert type(frozen) is pool
    assert frozen.sizes == Vector([1, Vector([2])])
    assert get_in(frozen, ["_name" if hasattr(frozen, "_name") else "name"]) == "a"
    assert source.sizes == [1, [2]]
    assert freeze(frozen) is frozen
    assert thaw(frozen).sizes == [1, [2]]
    with pytest.raises((AttributeError, ValueError)):
        frozen.sizes = ()


@each_kind
def test_what_was_computed_from_the_old_fields_is_left_behind(pool: Any) -> None:
    source = pool(sizes=[1, 2])
    assert source.total == 3
    source.sizes.append(3)
    frozen = freeze(source)
    assert frozen.total == 6
    assert set_in(frozen, ["sizes"], (5,)).total == 5


@each_kind
def test_a_computed_value_that_is_not_frozen_is_computed_anew(pool: Any) -> None:
    class Listing(pool):  # type: ignore[misc]
        @functools.cached_property
        def doubled(self) -> list[Any]:
            return [2 * size for size in self.sizes]

    source = Listing(sizes=(1, 2))
    assert freeze(source) is source
    source.doubled.append("stale")
    assert source.total == 3
    for conversion in (freeze, thaw):
        result = conversion([source])[0]
        assert type(result) is Listing
        assert result.sizes is source.sizes
        assert result.doubled == [2, 4]
    assert source.doubled == [2, 4, "stale"]
    plain = pool(sizes=(1, 2))
    assert plain.total == 3
    assert freeze(plain) is plain


@each_kind
def test_a_mutable_record_is_refused_where_it_stands(pool: Any, kind: str) -> None:
    loose = KINDS[kind][1]
    says = rf"{loose.__name__} is a mutable .*, or .*freeze\.register\({loose.__name__}\) \(at \['a'\]\[0\]\)"
    with pytest.raises(TypeError, match=says):
        freeze({"a": [loose(sizes=[])]})


@each_kind
def test_paths_lead_through_a_record(pool: Any, kind: str) -> None:
    state = Map(pool=pool(sizes=(1, (2,))))
    assert get_in(state, ["pool", "sizes", 1, 0]) == 2
    changed = set_in(state, ["pool", "sizes", 0], 5)
    assert changed["pool"].sizes == (5, (2,))
    assert type(changed["pool"]) is pool
    assert update_in(changed, ["pool", "sizes", 0], lambda old: 1)["pool"] == state["pool"]
    assert set_in(state, ["pool", "sizes"], state["pool"].sizes) is state
    with pytest.raises(AttributeError, match=r"has no field 'size', only sizes, _?name: step 2 of the path"):
        get_in(state, ["pool", "size"])
    with pytest.raises(TypeError, match="cannot lose 'sizes', set it instead: step 2"):
        delete_in(state, ["pool", "sizes"])
    loose = KINDS[kind][1](sizes=(1,))
    assert get_in(loose, ["sizes", 0]) == 1
    with pytest.raises(TypeError, match=f"cannot derive a new version of a {type(loose).__name__}"):
        set_in(loose, ["sizes"], ())


def test_a_hash_that_attrs_keeps_is_computed_anew() -> None:
    if "attrs" not in KINDS:
        pytest.skip("needs attrs")
    old = AttrsPool(Vector([[1]]))
    assert hash(freeze(old)) == hash(AttrsPool(Vector([Vector([1])])))


def test_a_field_that_an_attrs_class_computes_itself_cannot_be_set() -> None:
    attrs = pytest.importorskip("attrs")

    @attrs.frozen
    class Square:
        side: int
        area: int = attrs.field(init=False, default=attrs.Factory(lambda self: self.side**2, takes_self=True))

    assert set_in(Square(2), ["side"], 3) == Square(3)
    with pytest.raises(TypeError, match=r"Square computes its field area itself \(init=False\)"):
        set_in(Square(2), ["area"], 5)


def test_a_record_over_a_builtin_keeps_what_that_holds() -> None:
    @dataclasses.dataclass(frozen=True)
    class Port(int):
        names: Any = ()

        def __new__(cls, number: int, names: Any = ()) -> Self:
            return int.__new__(cls, number)

        def __init__(self, number: int, names: Any = ()) -> None:
            object.__setattr__(self, "names", names)

    frozen = freeze(Port(80, ["http"]))
    assert type(frozen) is Port
    assert int(frozen) == 80
    assert frozen.names == Vector(["http"])


def test_the_private_attributes_of_a_model_are_frozen_too() -> None:
    if "pydantic" not in KINDS:
        pytest.skip("needs pydantic")
    source = ModelPrivate(size=1)
    source._log.append({"at": [1]})
    result = freeze(source)
    assert result._log == Vector([Map(at=Vector([1]))])
    assert result._late is None
    assert source._log == [{"at": [1]}]
    assert freeze(result) is result
    assert result.model_fields_set == {"size"}
    thawed = thaw(result)
    assert thawed._log == [{"at": [1]}]
    assert not same_value(result, thawed)
    source._late = Map().mutate()
    with pytest.raises(TypeError, match=r"MapMutation can still change.*_late"):
        freeze(source)


def test_the_extra_fields_of_a_model_are_frozen_too() -> None:
    if "pydantic" not in KINDS:
        pytest.skip("needs pydantic")
    source = ModelPool(sizes=1, tags=["a"])
    frozen = freeze(source)
    assert frozen.tags == Vector(["a"])
    assert source.tags == ["a"]
    assert frozen.model_fields_set == source.model_fields_set
    assert get_in(frozen, ["tags", 0]) == "a"
    assert copy.copy(frozen) == frozen
