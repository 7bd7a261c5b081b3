"""Shared objects cross interpreters, natively and by handle, and survive whatever ends first."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
import shutil
import sys
import textwrap
import time
import traceback

import interp_mailbox as mailbox
import pytest
from buffer_address import address_of
from support import PACKAGE, ROOT, Subinterpreter, live_shared_nodes, needs_subinterpreters, run_python, run_threads

from frozen import Blob, Handle, Map, NotShareableError, SharedMap, SharedSet, SharedVector, Vector, _core

native = pytest.mark.skipif(not _core._crosses_natively(), reason="this Python has no registry for types that cross")
pytestmark = [needs_subinterpreters, pytest.mark.usefixtures("nothing_left_behind")]

TRIE_LEVELS = -(-sys.hash_info.width // _core._BITS) + 1  # a path from root to entry, collision node included


def table(size: int = 1000) -> SharedMap:
    return SharedMap({f"key number {index}": (index, "payload of some length") for index in range(size)})


@pytest.fixture
def box():
    ident = mailbox.create()
    yield ident
    mailbox.destroy(ident)


# Crossing


@pytest.mark.skipif(sys.version_info < (3, 12, 1), reason="CPython declares the registry from 3.12.1 on")
def test_newer_versions_have_the_registry():
    assert _core._crosses_natively()


@native
@pytest.mark.parametrize(
    "obj",
    [table(100), SharedSet("abc"), SharedVector(range(2000)), Blob(b"abc" * 100)],
    ids=lambda obj: type(obj).__name__,
)
def test_it_crosses_and_comes_back(obj, box):
    with Subinterpreter() as interpreter:
        interpreter.give(obj=obj)
        interpreter.run(
            f"""
            import frozen, interp_mailbox
            assert type(obj) is frozen.{type(obj).__name__} and obj is not None
            interp_mailbox.put({box}, obj)
            """
        )
        assert mailbox.get(box) == obj


@native
def test_nothing_is_copied(box):
    shared = table(10_000)
    before = live_shared_nodes()
    with Subinterpreter() as interpreter:
        interpreter.run("import frozen")
        idle = live_shared_nodes()
        interpreter.give(shared=shared)
        interpreter.run("assert shared['key number 77'] == (77, 'payload of some length')")
        assert live_shared_nodes() == idle
        interpreter.run(f"import interp_mailbox; interp_mailbox.put({box}, shared.set('new', 1))")
        derived = mailbox.get(box)
        both, _, all_of_derived = _core._shared_nodes(shared, derived)
        assert all_of_derived - both <= TRIE_LEVELS
    assert derived == shared.set("new", 1)
    del derived
    assert live_shared_nodes() == before


@native
def test_no_element_is_copied(box):
    shared = SharedVector((index, "payload of some length") for index in range(10_000))
    with Subinterpreter() as interpreter:
        interpreter.give(shared=shared)
        interpreter.run(
            f"""
            import interp_mailbox
            assert shared[77] == (77, "payload of some length")
            interp_mailbox.put({box}, shared.insert(5000, "new") + shared)
            """
        )
        derived = mailbox.get(box)
    both, own, _ = _core._shared_nodes(shared, derived)
    assert both > own * 0.9
    assert derived == shared.insert(5000, "new") + shared


@native
def test_every_kind_of_value_is_made_anew_there():
    shared = SharedMap(
        {
            "text": "ä" * 20, 7: 2**100, 1.5: b"bytes", ("t", 1): (None, True, ...), frozenset({1}): SharedSet("ab"),
            "nested": SharedMap(a=SharedMap(b=Blob(b"blob"))), "vector": SharedVector([1, SharedVector("a")]),
        }
    )  # fmt: skip
    with Subinterpreter() as interpreter:
        interpreter.give(shared=shared)
        interpreter.run(
            """
            assert shared["ä" * 0 + "text"] == "ä" * 20
            assert shared[7] == shared[7.0] == 2**100 and shared[1.5] == b"bytes"
            assert shared["t", 1] == (None, True, ...)
            assert shared[frozenset({1})] == {"a", "b"}
            assert bytes(shared["nested"]["a"]["b"]) == b"blob"
            assert shared["vector"][1][0] == "a" and len(shared["vector"]) == 2
            assert hash(shared.delete("nested")) == hash(frozenset(shared.delete("nested").items()))
            """
        )


@native
def test_standard_types_are_made_anew_there(box):
    import datetime
    import decimal
    import uuid

    zone = datetime.timezone(datetime.timedelta(hours=-3))
    shared = SharedMap(
        {
            uuid.UUID(int=5): decimal.Decimal("1.5"),
            datetime.datetime(2020, 1, 2, tzinfo=zone): datetime.timedelta(3),
            datetime.datetime(2020, 1, 2, 3): datetime.date(2020, 1, 2),
            datetime.time(1, 2): datetime.time(1, tzinfo=zone),
        }
    )
    with Subinterpreter() as interpreter:
        interpreter.give(shared=shared)
        interpreter.run(
            f"""
            import datetime, decimal, uuid, interp_mailbox
            zone = datetime.timezone(datetime.timedelta(hours=-3))
            assert shared[uuid.UUID(int=5)] == decimal.Decimal("1.5")
            assert shared[datetime.datetime(2020, 1, 2, tzinfo=zone)] == datetime.timedelta(3)
            assert shared[datetime.datetime(2020, 1, 2, 3)] == datetime.date(2020, 1, 2)
            assert shared[datetime.time(1, 2)] == datetime.time(1, tzinfo=zone)
            interp_mailbox.put({box}, shared.set("made there", datetime.date(2021, 1, 2)).set(datetime.time(5), zone))
            """
        )
        theirs = mailbox.get(box)
    assert theirs["made there"] == datetime.date(2021, 1, 2)
    assert theirs[datetime.time(5)] == zone


@native
def test_registered_types_are_decoded_by_import(tmp_path, monkeypatch):
    (tmp_path / "app_types.py").write_text(
        textwrap.dedent(
            """
            from typing import NamedTuple
            from frozen import register_shareable

            @register_shareable
            class Point(NamedTuple):
                x: int

            class Money:
                def __init__(self, cents): self.cents = cents

            register_shareable(Money, lambda money: money.cents, lambda cents: Money(cents))

            class Secret(Money):
                pass
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    import app_types

    from frozen import register_shareable

    register_shareable(app_types.Secret, lambda secret: 1, _decode_secret)
    with Subinterpreter() as interpreter:
        interpreter.give(shared=SharedMap(point=app_types.Point(3), money=app_types.Money(5)))
        interpreter.run("assert shared['point'].x == 3 and shared['money'].cents == 5")
        interpreter.give(secret=SharedMap(secret=app_types.Secret(1)))
        interpreter.run("secret['none'] if 'none' in secret else None")
        interpreter.run(
            """
            try:
                secret["secret"]
            except ImportError as error:
                assert "app_types.Secret cannot be read in this interpreter" in str(error), error
            else:
                raise AssertionError("decoded without being registered here")
            """
        )
    monkeypatch.delitem(sys.modules, "app_types")


def _decode_secret(value: int) -> object:
    raise AssertionError("only the other interpreter decodes")


@native
@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters is new in 3.14")
def test_calls_and_pools():
    from concurrent import interpreters
    from concurrent.futures import InterpreterPoolExecutor

    shared = table(100)
    assert interpreters.is_shareable(shared)
    interpreter = interpreters.create()
    interpreter.call(exec, f"import sys; sys.path[:] = {sys.path!r}")
    assert interpreter.call(len, shared) == 100
    assert interpreter.call(SharedMap.set, shared, "a", 1) == shared.set("a", 1)
    interpreter.close()
    with InterpreterPoolExecutor(1, initializer=exec, initargs=(f"import sys; sys.path[:] = {sys.path!r}",)) as pool:
        assert pool.submit(len, shared).result() == 100


@native
def test_ten_thousand_transfers_leave_nothing(box):
    shared = table(100)
    before = live_shared_nodes()
    for _ in range(10_000 // 50):
        for _ in range(50):
            mailbox.put(box, shared)
        for _ in range(50):
            assert len(mailbox.get(box)) == 100
    assert live_shared_nodes() == before


@native
def test_transfers_to_an_interpreter_that_is_busy_leave_nothing(box):
    """What `free` callbacks would have to do in the sender is lost when too many are pending: payloads are consumed."""
    shared = table(100)
    with Subinterpreter() as interpreter:
        for _ in range(2000):
            mailbox.put(box, shared)
        interpreter.run(f"import interp_mailbox\nfor _ in range(2000): assert len(interp_mailbox.get({box})) == 100")


# What ends first


@native
def test_receiver_closed_while_holding(box):
    shared = table().set("vector", SharedVector(range(2000)))
    with Subinterpreter() as interpreter:
        interpreter.give(shared=shared)
        interpreter.run(
            """
            from frozen import Blob
            derived = shared.set("blob", Blob(b"abc" * 1000))
            iterator = iter(derived.items()); next(iterator)
            mutation = derived.mutate(); mutation["x"] = 1
            view = memoryview(derived["blob"])
            keys = derived.keys()
            vector = derived["vector"].append("text of some length")
            elements = reversed(vector); next(elements)
            edited = vector.mutate(); edited[0] = "x"
            """
        )
    assert shared.delete("vector") == table()
    assert shared["vector"] == Vector(range(2000))


@native
def test_sender_closed_first(box):
    with Subinterpreter() as interpreter:
        interpreter.run(
            f"""
            import interp_mailbox
            from frozen import SharedMap
            from frozen import SharedVector
            interp_mailbox.put({box}, SharedMap({{index: str(index) * 5 for index in range(1000)}}))
            interp_mailbox.put({box}, SharedVector(["text of some length", SharedVector(range(1000))]))
            """
        )
        received, vector = mailbox.get(box), mailbox.get(box)
    assert vector[1].append("x")[:-1] == Vector(range(1000))
    assert received == {index: str(index) * 5 for index in range(1000)}


@native
def test_queued_items_are_dropped_with_their_queue():
    ident = mailbox.create()
    for _ in range(20):
        mailbox.put(ident, table(10))
    mailbox.destroy(ident)


def test_a_memoryview_outlives_what_it_came_from():
    before = live_shared_nodes()
    view = memoryview(SharedMap(blob=Blob(b"abc" * 1000))["blob"])
    assert bytes(view[-3:]) == b"abc"
    part = view.cast("B")[3:6]
    view.release()
    assert live_shared_nodes() == before + 1, "the buffer alone"
    assert bytes(part) == b"abc"
    part.release()
    assert live_shared_nodes() == before


@native
def test_a_memoryview_outlives_the_interpreter_that_made_the_blob(box):
    with Subinterpreter() as interpreter:
        interpreter.run(
            f"""
            import interp_mailbox
            from frozen import Blob, SharedVector
            blob = Blob(bytes(range(256)) * 100)
            own = memoryview(blob)
            interp_mailbox.put({box}, blob)
            interp_mailbox.put({box}, SharedVector([blob]))
            """
        )
        views = [memoryview(mailbox.get(box)), memoryview(mailbox.get(box)[0])]
        interpreter.run("assert own[255] == 255; own.release()")
    assert views[0] == views[1] == bytes(range(256)) * 100


@native
def test_a_memoryview_outlives_the_objects_of_the_interpreter_that_sent_the_blob():
    shared = SharedMap(blob=Blob(b"abc" * 1000))
    with Subinterpreter() as interpreter:
        interpreter.give(shared=shared)
        interpreter.run("view = memoryview(shared['blob']); del shared")
        before = live_shared_nodes()
        del shared
        assert live_shared_nodes() < before
        interpreter.run("assert view == b'abc' * 1000 and view[-2:] == b'bc'")


@native
@pytest.mark.skipif(sys.version_info < (3, 13), reason="3.12 imports ctypes in the main interpreter only")
def test_a_blob_has_one_address_in_all_interpreters():
    blob = Blob(b"abc" * 1000)
    with Subinterpreter() as interpreter:
        interpreter.give(blob=blob, address=address_of(memoryview(blob)))
        interpreter.run("from buffer_address import address_of; assert address_of(memoryview(blob)) == address")


@native
@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters is new in 3.14")
def test_cpythons_own_way_of_sending_a_memoryview_works_on_blobs(box):
    view = memoryview(Blob(bytes(range(256))))
    with Subinterpreter() as interpreter:
        mailbox.put(box, view)
        interpreter.run(
            f"""
            import interp_mailbox
            view = interp_mailbox.get({box})
            assert bytes(view) == bytes(range(256)) and view.readonly
            del view
            """
        )
    assert view[7] == 7


@native
def test_interpreters_read_one_blob_at_the_same_time():
    blob = Blob(bytes(range(256)) * 1000)
    interpreters = [Subinterpreter() for _ in range(3)]
    for interpreter in interpreters:
        interpreter.give(blob=blob)

    def read(interpreter: Subinterpreter) -> None:
        interpreter.run(
            """
            for part in range(200):
                view = memoryview(blob)[part * 256 : (part + 1) * 256]
                assert bytes(view) == bytes(range(256))
            """
        )

    run_threads(*[lambda interpreter=interpreter: read(interpreter) for interpreter in interpreters])
    for interpreter in interpreters:
        interpreter.close()


@native
def test_process_ends_with_live_interpreters_and_tickets():
    done = run_python(
        "-c",
        """
from support import Subinterpreter
from frozen import SharedMap, Handle
import pickle
import random
shared = SharedMap({index: str(index) for index in range(10_000)})
kept = [Subinterpreter() for _ in range(3)]
for interpreter in kept:
    interpreter.give(shared=shared)
    interpreter.run("derived = shared.set('x', 1); iterator = iter(derived); mutation = derived.mutate()")
ticket = pickle.dumps(shared.handle())
print("reached the end")
""",
    )
    assert "reached the end" in done.stdout


@native
def test_four_interpreters_in_parallel():
    """Publishing, reading, deriving and dropping at once, each with its own GIL."""
    seconds = float(os.environ.get("FROZEN_STRESS_SECONDS", "1"))
    boxes = [mailbox.create() for _ in range(4)]
    code = """
import time, interp_mailbox
from frozen import Blob, SharedSet, SharedVector
until = time.monotonic() + {seconds}
mine, round = shared, 0
while time.monotonic() < until:
    round += 1
    mine = mine.set(({number}, round % 50), "a value of some length").update({{"round": round}})
    log, members = mine.get("log", shared_log), mine.get("members", SharedSet())
    log = log.append((round, "a line of some length")).insert(len(log) // 2, round)[-1500:]
    mine = mine.set("log", log).set("members", (members | {{(round % 70, "member")}}).discard((round % 30, "member")))
    mine = mine.set("blob", Blob(b"%d" % round))
    assert mine["key number 7"] == (7, "payload of some length")
    assert mine["log"][-1][1] == "a line of some length" and bytes(mine["blob"]) == b"%d" % round
    interp_mailbox.put({to}, mine)
    theirs = interp_mailbox.take({own})
    if theirs is not None:
        assert len(theirs) >= len(shared) and theirs["round"] > 0 and len(theirs["log"]) == 1500
        mine = mine | theirs if round % 3 else theirs
    if round % 100 == 0:
        mine = shared
while interp_mailbox.take({own}) is not None:
    pass
"""
    shared, log = table(2000), SharedVector((0, "a line of some length") for _ in range(1500))
    interpreters = [Subinterpreter() for _ in boxes]
    for interpreter in interpreters:
        interpreter.give(shared=shared, shared_log=log)

    def run(number: int) -> None:
        to, own = boxes[(number + 1) % 4], boxes[number]
        interpreters[number].run(code.format(seconds=seconds, number=number, to=to, own=own))

    run_threads(*[lambda number=number: run(number) for number in range(4)])
    for interpreter in interpreters:
        interpreter.close()
    for ident in boxes:
        mailbox.destroy(ident)
    assert shared == table(2000)
    assert set(log) == {(0, "a line of some length")}


# Two copies of the extension


@native
def test_another_copy_of_the_extension_is_refused(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "frozen")
    with Subinterpreter() as interpreter:
        interpreter.run(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import frozen")
        try:
            interpreter.give(shared=SharedMap(a=1))
            interpreter.run("raise AssertionError(shared)")
        except Exception as error:  # of a private type, and not always the last of its chain
            said = "".join(traceback.format_exception(error))
        assert "another copy of frozen" in said


# Handles


def test_a_handle_carries_an_object_through_bytes():
    shared = table(10)
    ticket = pickle.dumps(shared.handle())
    with Subinterpreter() as interpreter:
        interpreter.run(f"import pickle; assert len(pickle.loads({ticket!r}).redeem()) == 10")
    with pytest.raises(LookupError, match="spent"):
        pickle.loads(ticket).redeem()


def test_a_handle_allows_as_many_uses_as_declared():
    shared = SharedMap(a=1)
    handle = Handle(shared, uses=3)
    assert [handle.redeem() == shared for _ in range(3)] == [True] * 3
    with pytest.raises(LookupError, match="uses=n"):
        handle.redeem()


def test_a_handle_releases_what_it_holds():
    before = live_shared_nodes()
    handle = table(100).handle()
    assert live_shared_nodes() > before + 10
    del handle
    assert live_shared_nodes() == before
    travelled = pickle.dumps(table(100).handle())
    assert live_shared_nodes() > before + 10
    assert pickle.loads(travelled).revoke()
    assert not pickle.loads(travelled).revoke()
    assert live_shared_nodes() == before


def test_a_handle_expires():
    travelled = pickle.dumps(table(100).handle(timeout=1e-6))
    time.sleep(0.01)
    with pytest.raises(LookupError, match="expired"):
        pickle.loads(travelled).redeem()


def pickled(tickets: int, timeout: float | None) -> list[bytes]:
    return [pickle.dumps(SharedMap(number=number).handle(timeout=timeout)) for number in range(tickets)]


def test_one_call_ends_few_expired_tickets_and_some_calls_all_of_them():
    before = live_shared_nodes()
    one = SharedMap(number=0).handle()
    blocks = live_shared_nodes() - before
    del one
    lost = pickled(300, 0.3)  # to expire all at once
    time.sleep(0.3)
    freed = []
    while live_shared_nodes() > before and len(freed) < len(lost):
        held = live_shared_nodes()
        Handle(SharedMap())
        freed.append(held - live_shared_nodes())
    assert live_shared_nodes() == before
    assert max(freed) <= 10 * blocks


def test_tickets_expire_among_others_that_stay():
    choice = random.Random(7)
    before = live_shared_nodes()
    tickets = {number: choice.choice([1e-6, 600, 1e300, None]) for number in range(700)}
    carried = {}
    for number, timeout in tickets.items():
        carried[number] = pickle.dumps(SharedMap(number=number).handle(timeout=timeout))
        if choice.random() < 0.3:
            gone = choice.choice(list(carried))
            pickle.loads(carried.pop(gone)).revoke()
    time.sleep(0.01)
    stay = [number for number in carried if tickets[number] != 1e-6]
    for _ in range(len(tickets)):
        Handle(SharedMap())
    assert live_shared_nodes() > before
    assert [pickle.loads(carried[number]).redeem()["number"] for number in stay] == stay
    assert live_shared_nodes() == before
    for number in set(carried) - set(stay):
        with pytest.raises(LookupError, match="expired"):
            pickle.loads(carried[number]).redeem()


def test_a_number_is_given_to_no_second_ticket():
    spent = pickled(100, None)
    for ticket in spent:
        pickle.loads(ticket).redeem()
    again = [SharedMap(number=-1).handle() for _ in spent]
    for ticket in spent:
        with pytest.raises(LookupError, match="spent"):
            pickle.loads(ticket).redeem()
    assert all(handle.revoke() for handle in again)


def test_the_table_of_tickets_shrinks():
    places = _core._ticket_places()
    handles = [SharedMap().handle() for _ in range(5000)]
    assert _core._ticket_places() >= 5000
    kept = handles[:3]
    handles = None
    assert _core._ticket_places() <= max(places, 64)
    assert all(handle.redeem() == SharedMap() for handle in kept)


def test_many_handles_find_their_own():
    handles = [SharedMap(number=number).handle() for number in range(1000)]
    assert [handle.redeem()["number"] for handle in reversed(handles)] == list(range(999, -1, -1))


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Handle(1), NotShareableError, "share"),
        (lambda: Handle(Map()), NotShareableError, "share"),
        (lambda: SharedMap().handle(uses=0), ValueError, "uses must be from 1"),
        (lambda: SharedMap().handle(timeout=-1), ValueError, "timeout must be"),
        (lambda: SharedMap().handle(timeout="soon"), TypeError, "timeout must be .* seconds or None, not 'soon'"),
        (lambda: Handle(SharedMap(), timeout=1j), TypeError, "complex"),
        (lambda: Handle(SharedMap(), uses=2**70), ValueError, f"from 1 to 4294967295, not {2**70}"),
        (lambda: Handle(SharedMap(), uses="two"), TypeError, "str"),
    ],
)
def test_handles_refuse_what_makes_no_sense(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_a_handle_belongs_to_its_process():
    ticket = pickle.dumps(SharedMap(a=1).handle())
    done = run_python("-c", f"import pickle; pickle.loads({ticket!r})", check=False)
    assert "ValueError: this handle belongs to process" in done.stderr

    handle = SharedMap(a=1).handle()
    opener, (process, made_with, number) = handle.__reduce__()
    with pytest.raises(ValueError, match="belongs to an earlier process of the same number"):
        opener(process, made_with ^ 1, number)
    assert handle.revoke()
    assert pickle.loads(ticket).redeem() == {"a": 1}


# Fork


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_after_sharing():
    shared = table()
    ticket = pickle.dumps(shared.handle())
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe()

    def child() -> None:
        assert shared == table()
        with pytest.raises(ValueError, match="belongs to process"):
            pickle.loads(ticket)
        mine = shared.set("child", 1)
        assert mine.handle().redeem()["child"] == 1
        sender.send(mine)

    process = context.Process(target=child)
    process.start()
    assert receiver.recv() == shared.set("child", 1)
    process.join()
    assert process.exitcode == 0
    assert pickle.loads(ticket).redeem() == shared


def test_the_mailbox_is_this_checkouts():
    assert mailbox.__file__ == str(ROOT / "tests" / "interp_mailbox.py")
