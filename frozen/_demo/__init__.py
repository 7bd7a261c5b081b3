"""The parts of `python -m frozen`: what it loads, the threads it runs, what it reports."""
