"""Interpreters to be given something, each with a GIL of its own (Python 3.14 and later)."""

import contextlib
import sys
import time

try:
    from concurrent import interpreters
except ImportError:  # before 3.14: `interpreters` is None, and what needs it is left out
    interpreters = None

SETUP = """
import gc, sys
sys.path[:] = path
gc.disable()
from time import thread_time as clock
import frozen, slices
"""
TAKE = """
received = None
began = clock()
received = queue.get_nowait()
took = clock() - began
answers.put((took, received and (len(received), received[key])))
"""


class Receiver:
    """One interpreter, run by whichever thread calls its methods; `received` there is what it was given last."""

    def __init__(self):
        self.queue, self.answers = interpreters.create_queue(), interpreters.create_queue()
        self.interpreter = interpreters.create()
        self.close = self.interpreter.close
        self.bind(path=tuple(sys.path), queue=self.queue, answers=self.answers)
        self.run(SETUP)

    def bind(self, **names):
        self.interpreter.prepare_main(**names)

    def run(self, code):
        self.interpreter.exec(code)

    def give(self, value, key):
        """(processor time that it took to hand `value` over, its length and its entry at `key` over there)."""
        self.bind(key=key)
        began = time.thread_time()
        self.queue.put(value)
        sent = time.thread_time() - began
        self.run(TAKE)
        taken, arrived = self.answers.get_nowait()
        return sent + taken, arrived

    def drop(self):
        self.run("received = None")

    def answer(self, expression):
        """The value that an expression has there."""
        self.run(f"answers.put({expression})")
        return self.answers.get_nowait()


@contextlib.contextmanager
def receivers(count):
    """So many receivers, closed at the end."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(Receiver())) for _ in range(count)]
