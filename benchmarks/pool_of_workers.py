"""The pools that bench_workers.py measures, each as the whole of a program."""

import json
import multiprocessing

WORKERS, TASKS_PER_CHILD = 4, 2


def first():
    import loaded

    return loaded.first()


def read(seconds):
    import loaded

    return loaded.read_all(seconds)


def run(method):
    """Print that the first look-up was answered, and the memory of each worker.

    Forked workers have the table of this process, and are renewed after two tasks each, as by Celery. Others load it.
    """
    if method == "fork":
        import loaded  # noqa: F401
    context = multiprocessing.get_context(method)
    renewed = {"maxtasksperchild": TASKS_PER_CHILD} if method == "fork" else {}
    with context.Pool(WORKERS, **renewed) as workers:
        workers.apply(first)
        print("answered", flush=True)
        tasks = WORKERS * TASKS_PER_CHILD * 2 if renewed else WORKERS
        found = workers.map(read, [1.0] * tasks, chunksize=1)
    print(json.dumps(list({one["pid"]: one for one in found}.values())[-WORKERS:]))
