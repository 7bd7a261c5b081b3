"""Where the memory behind a buffer is. Imported in subinterpreters too, so it imports nothing but what it needs."""

from __future__ import annotations

import ctypes


class _Buffer(ctypes.Structure):
    _fields_ = (("address", ctypes.c_void_p), ("rest", ctypes.c_byte * 128))


def address_of(view: memoryview) -> int:
    buffer = _Buffer()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(view), ctypes.byref(buffer), 0)
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(buffer))
    return buffer.address
