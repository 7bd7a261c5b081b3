"""A queue between interpreters, by whatever this version of Python offers: `create`, `put`, `get`, `destroy`.

Imported in subinterpreters too, so it imports nothing but what it needs. `get` raises when the queue is empty, `take`
returns None then: how CPython raises differs too much.
"""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 14):
    from concurrent import interpreters

    _open: dict[int, Any] = {}  # a queue is destroyed with its last object

    def create() -> int:
        queue = interpreters.create_queue()
        _open[queue.id] = queue
        return queue.id

    def put(box: int, obj: object) -> None:
        interpreters.Queue(box).put(obj)

    def get(box: int) -> Any:
        return interpreters.Queue(box).get_nowait()

    def take(box: int) -> Any:
        return None if interpreters.Queue(box).empty() else get(box)

    def destroy(box: int) -> None:
        del _open[box]

elif sys.version_info >= (3, 13):
    import _interpqueues

    _REMOVE, _SHARED_ONLY = 1, 0

    def create() -> int:
        return _interpqueues.create(0, _SHARED_ONLY, _REMOVE)

    def put(box: int, obj: object) -> None:
        _interpqueues.put(box, obj, _SHARED_ONLY, _REMOVE)

    def get(box: int) -> Any:
        return _interpqueues.get(box)[0]

    def take(box: int) -> Any:
        return get(box) if _interpqueues.get_count(box) else None

    destroy = _interpqueues.destroy

elif sys.version_info >= (3, 12):  # before that there is none to import
    import _xxinterpchannels

    _open: dict[int, Any] = {}

    def create() -> int:
        channel = _xxinterpchannels.create()  # destroyed with its object
        _open[int(channel)] = channel
        return int(channel)

    put, get = _xxinterpchannels.send, _xxinterpchannels.recv

    def take(box: int) -> Any:
        return get(box, None)

    def destroy(box: int) -> None:
        _xxinterpchannels.destroy(_open.pop(box))
