"""Which tasks of an event loop wait for which, as far as asyncio shows it.

Seen are `await task`, `gather`, `shield`, `wait_for`, a TaskGroup whose block has ended, and `wait` for all. What is
not seen, other libraries' groups for instance, is left out: nothing is taken for a wait that is none.

asyncio keeps for each future what to call when it is done. What these callbacks belong to is what waits. All of it is
read in the loop's own thread, which is the only one that changes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from types import FunctionType
from typing import Any

MOST = 1000
"""Futures that are looked at: what is behind those is not seen."""


def tasks_that_await(task: asyncio.Task[Any]) -> set[Any]:
    """This task and those that cannot go on before it ends, however many futures are in between."""
    found, order = {task}, [task]
    for future in order:
        if len(order) > MOST:
            break
        new = set(_waiters(future)) - found
        found |= new
        order += new
    return found


def _waiters(future: Any) -> Iterator[Any]:
    for callback, _ in getattr(future, "_callbacks", None) or ():
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, asyncio.Task):  # `await`
            yield owner
        elif isinstance(owner, asyncio.TaskGroup):
            yield from _waiter_of_group(owner)
        elif isinstance(callback, partial) and getattr(callback.func, "__name__", "") == "_release_waiter":
            yield from filter(asyncio.isfuture, callback.args)  # `wait_for` before CPython 3.12
        elif isinstance(callback, FunctionType):
            yield from _waiter_in_closure(callback)


def _waiter_of_group(group: Any) -> Iterator[Any]:
    """The task of the group, if it waits at the end of the block."""
    task, end = getattr(group, "_parent_task", None), getattr(group, "_on_completed_fut", None)
    if end is not None and getattr(task, "_fut_waiter", None) is end:
        yield task


def _waiter_in_closure(callback: FunctionType) -> Iterator[Any]:
    """The future that a callback of `gather`, `shield` or `wait` sets, if that needs this one."""
    if callback.__module__ != "asyncio.tasks":
        return
    cells = zip(callback.__code__.co_freevars, callback.__closure__ or (), strict=True)
    try:
        held = {name: cell.cell_contents for name, cell in cells}
    except ValueError:  # a cell is empty yet
        return
    if held.get("return_when", asyncio.ALL_COMPLETED) == asyncio.ALL_COMPLETED:
        yield from filter(asyncio.isfuture, (held.get("outer"), held.get("waiter")))


def awaited_by(task: asyncio.Task[Any]) -> list[Any]:
    """This task and the futures that it awaits, by `await` and `gather`, and those that they await."""
    order: list[Any] = [task]
    for future in order:
        if len(order) > MOST:
            break
        below = getattr(future, "_fut_waiter", None)
        order += [] if below is None else [below]
        order += getattr(future, "_children", ())
    return order
