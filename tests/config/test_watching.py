"""Watching: by polling and by events, in threads and event loops. It ends cleanly, and goes on in a child of a fork."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import FREE_THREADED, eventually, needs_late_threads, replace_file, run_python

import frozen.config._watching as watching
from frozen import Map
from frozen.config import Call, Config, ConfigError, Directory
from frozen.config._watching import folders_of

TIMEOUT = 60.0
HAS_EVENTS = watching.watchfiles_watch("auto") is not None
MODES = ["poll", pytest.param("events", marks=pytest.mark.skipif(not HAS_EVENTS, reason="needs watchfiles"))]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.json"
    path.write_text('{"n": 0}')
    return path


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    eventually(lambda: not any(thread.name == "frozen.config" for thread in threading.enumerate()))
    assert watching._running == {}


def watched(*sources: Any, mode: str = "poll", **options: Any) -> Config[Any]:
    """By polling, as fast as it goes; by events, so seldom that only an event can be what a test sees."""
    interval = 0.005 if mode == "poll" else 600.0
    return Config(*sources, watch=mode, interval=interval, debounce=0.001, **options)  # type: ignore[call-overload]


def comes(config: Config[Any], number: int) -> None:
    """A version newer than `number - 1` is published, or the test fails after a minute."""
    assert config.ref.wait(number - 1, TIMEOUT), config.state


@pytest.mark.parametrize("mode", MODES)
def test_a_file_that_is_replaced_or_written_is_published(file: Path, mode: str) -> None:
    with watched(file, mode=mode) as config:
        assert config.state.watching
        replace_file(file, '{"n": 1}')
        comes(config, 1)
        file.write_text('{"n": 22}')
        comes(config, 2)
        (file.parent / "other.json").write_text('{"n": 333}')
        os.rename(file.parent / "other.json", file)
        comes(config, 3)
        assert config.get("n") == 333
    assert not config.state.watching
    replace_file(file, '{"n": 4}')
    assert config.get("n") == 333, "it has stopped"


@pytest.mark.parametrize("mode", MODES)
def test_a_broken_file_is_reported_and_its_repair_published(file: Path, mode: str) -> None:
    reported = threading.Event()
    with watched(file, mode=mode, on_error=lambda error: reported.set()) as config:
        replace_file(file, '{"n":')
        assert reported.wait(TIMEOUT)
        assert config.data == Map(n=0)
        replace_file(file, '{"n": 1}')
        comes(config, 1)
    assert config.state.error is None


@pytest.mark.parametrize("mode", MODES)
def test_a_file_that_goes_and_comes_back_is_published(file: Path, mode: str) -> None:
    reported = threading.Event()
    with watched(file, mode=mode, on_error=lambda error: reported.set()) as config:
        file.unlink()
        assert reported.wait(TIMEOUT)
        file.write_text('{"n": 5}')
        comes(config, 1)
        assert config.get("n") == 5


@pytest.mark.parametrize("mode", MODES)
def test_a_link_that_is_swapped_is_noticed_wherever_it_is_on_the_way(tmp_path: Path, mode: str) -> None:
    for number in range(3):
        (tmp_path / f"release{number}").mkdir()
        (tmp_path / f"release{number}" / "app.json").write_text(f'{{"n": {number}}}')
    current, new = tmp_path / "current", tmp_path / "new"
    current.symlink_to("release0")
    with watched(current / "app.json", mode=mode) as config:
        for number in (1, 2):
            new.symlink_to(f"release{number}")
            new.replace(current)
            comes(config, number)
            assert config.get("n") == number


@pytest.mark.parametrize("mode", MODES)
def test_a_mounted_folder_is_noticed(tmp_path: Path, mode: str) -> None:
    def mount(number: int) -> None:
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "n").write_text(str(number))
        (tmp_path / "..new").symlink_to(f"..{number}")
        (tmp_path / "..new").replace(tmp_path / "..data")

    mount(0)
    (tmp_path / "n").symlink_to("..data/n")
    with watched(Directory(tmp_path, values=True), mode=mode) as config:
        mount(1)
        comes(config, 1)
        assert config.get("n") == "1"


def test_folders_of_links_are_watched(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "real.json").write_text("{}")
    (tmp_path / "b" / "link.json").symlink_to("../a/real.json")
    (tmp_path / "loop").symlink_to("loop")
    assert folders_of([str(tmp_path / "b" / "link.json")]) == [str(tmp_path / "a"), str(tmp_path / "b")]
    assert folders_of([str(tmp_path / "none" / "of" / "it.json")]) == [str(tmp_path)]
    assert folders_of([str(tmp_path / "loop" / "x.json")]) == [str(tmp_path)]


def test_a_file_system_without_events_is_polled(file: Path) -> None:
    """As one over the network is: the watch that says nothing stands for its events."""

    def deaf(*folders: str, stop_event: threading.Event, rust_timeout: int, **options: Any) -> Iterator[set[Any]]:
        while not stop_event.wait(rust_timeout / 1000):
            yield set()

    config = Config(file, watch="poll", interval=0.01, debounce=0.0)
    config._watcher._watch = deaf
    with config:
        replace_file(file, '{"n": 1}')
        comes(config, 1)


def test_while_events_cannot_be_had_files_are_polled(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    tries = []

    def broken(*folders: str, **options: Any) -> Iterator[set[Any]]:
        tries.append(folders)
        raise OSError(28, "no more watches")
        yield

    config = Config(file, watch="poll", interval=0.005, debounce=0.0)
    config._watcher._watch = broken
    with config:
        replace_file(file, '{"n": 1}')
        comes(config, 1)
        eventually(lambda: len(tries) > 2)
    assert caplog.text.count("no more watches") == 1


def test_a_change_is_read_once_it_has_come_to_rest(file: Path) -> None:
    """The stamps move for a while: nothing is read before two looks in a row find the same."""
    looks: list[str] = []
    stamps = iter(["a", "b", "c", "c", "c"])

    def stamp() -> str:
        looks.append(found := next(stamps, "c"))
        return found

    def look() -> None:
        looks.append("read")
        stop.set()

    stop = threading.Event()
    watcher = watching.Watcher(look, stamp, list, 0.001, 0.0, None, logging.getLogger())
    watcher._run(stop)
    assert looks == ["a", "b", "c", "c", "read"]


def test_a_schema_that_exits_does_not_end_the_watching(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    def schema(data: Any) -> Any:
        if data["n"] == 1:
            sys.exit("no")

    with watched(file, schema=schema) as config:
        replace_file(file, '{"n": 1}')
        eventually(lambda: "looking at the sources failed" in caplog.text)
        replace_file(file, '{"n": 2}')
        comes(config, 1)


def test_a_source_without_a_stamp_is_reported(file: Path) -> None:
    reported = threading.Event()
    stamp: list[int] = [1]
    source = Call(dict, "it", stamp=lambda: stamp[0])
    with watched(source, on_error=lambda error: reported.set()) as config:
        stamp.clear()
        assert reported.wait(TIMEOUT)
        assert "a source has no stamp: IndexError" in str(config.state.error)


def test_the_interval_may_be_of_any_length(file: Path) -> None:
    with Config(file, watch="poll", interval=float("inf")) as config:
        assert config.state.watching


def test_a_thread_waits_for_the_next_version(file: Path) -> None:
    calls: list[int] = []
    config = watched(Call(lambda: {"n": len(calls)}))
    with config:
        calls.append(1)
        comes(config, 1)


def test_starting_twice_is_refused_and_stopping_twice_is_not(file: Path) -> None:
    config = watched(file)
    config.stop()
    with config, pytest.raises(RuntimeError, match=r"app\.json is watched already"):
        config.start()
    config.stop()
    with config:
        replace_file(file, '{"n": 1}')
        comes(config, 1)


def test_what_is_reported_may_stop_the_watching(file: Path) -> None:
    stopped = threading.Event()

    def stop(error: ConfigError) -> None:
        config.stop()
        stopped.set()

    config = watched(file, on_error=stop).start()
    file.unlink()
    assert stopped.wait(TIMEOUT)
    eventually(lambda: not config.state.watching)


# Event loops


def test_a_loop_iterates_over_the_versions_of_its_lifespan(file: Path) -> None:
    async def lifespan() -> list[int]:
        seen = []
        async with watched(file) as config:
            replace_file(file, '{"n": 1}')
            async for version in config.changes(since=0):
                seen.append(version.get("n"))
                if len(seen) == 3:
                    break
                replace_file(file, json_of(len(seen) + 1))
        assert not config.state.watching
        return seen

    def json_of(number: int) -> str:
        return f'{{"n": {number}}}'

    assert asyncio.run(asyncio.wait_for(lifespan(), TIMEOUT)) == [1, 2, 3]


# The ends of threads and processes


def test_a_program_that_forgets_to_stop_ends(file: Path) -> None:
    for mode in ("poll", "auto"):
        code = f"""
            from frozen.config import Config
            config = Config({str(file)!r}, watch={mode!r}, interval=600.0).start()
            print(config.state.watching)
        """
        assert run_python("-c", "if True:" + code).stdout == "True\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize("mode", MODES)
def test_the_child_of_a_fork_watches_anew(file: Path, mode: str) -> None:
    code = f"""if True:
        import os, sys, warnings
        from pathlib import Path
        from frozen.config import Config
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads
        file = Path({str(file)!r})
        config = Config(file, watch={mode!r}, interval={0.005 if mode == "poll" else 600.0}, debounce=0.001).start()
        config._loader.lock.acquire()  # by a thread that the child does not have
        child = os.fork()
        if not child:
            try:
                assert config.state.watching
                file.with_suffix(".new").write_text('{{"n": 1}}')
                os.replace(file.with_suffix(".new"), file)
                assert config.ref.wait(0, 60)
                assert config.get("n") == 1
                config.stop()
                os._exit(7)
            finally:
                os._exit(1)
        config._loader.lock.release()
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 7, status
        assert config.ref.wait(0, 60)
        config.stop()
    """
    run_python("-c", code)


MAIN_ENDED = """if True:
    import os, sys, threading
    from pathlib import Path
    from frozen.config import Config
    file, mode, start = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    config = Config(file, watch=mode, interval=0.005 if mode == "poll" else 600.0, debounce=0.001)
    if start == "early":
        config.start()

    def serve():
        threading.main_thread().join()
        if start == "late":
            config.start()
        file.with_suffix(".new").write_text('{"n": 1}')
        os.replace(file.with_suffix(".new"), file)
        print(config.ref.wait(0, 60), config.get("n"), flush=True)

    threading.Thread(target=serve).start()
"""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("start", ["early", pytest.param("late", marks=needs_late_threads)])
def test_threads_are_served_after_the_main_thread_and_the_program_ends(file: Path, mode: str, start: str) -> None:
    assert run_python("-c", MAIN_ENDED, file, mode, start).stdout == "True 1\n"


@pytest.mark.skipif(importlib.util.find_spec("gevent") is None, reason="needs gevent")
@pytest.mark.skipif(FREE_THREADED, reason="gevent is not made for it")
def test_files_are_polled_under_gevent(file: Path) -> None:
    """A thread is a greenlet there: one that waited for events in native code would stop all others."""
    code = """if True:
        from gevent import monkey
        monkey.patch_all()
        import os, sys, threading
        from pathlib import Path
        from frozen import FileRef
        from frozen.config import Config, ConfigError
        file, seen = Path(sys.argv[1]), threading.Event()
        with Config(file, interval=0.005, debounce=0.001) as config, config.ref.watch(lambda old, new: seen.set()):
            file.with_suffix(".new").write_text('{"n": 1}')
            os.replace(file.with_suffix(".new"), file)
            print(seen.wait(60), config.get("n"))
        seen.clear()
        with FileRef(file.parent / "ref", 0) as ref, ref.watch(lambda old, new: seen.set()):
            ref.set(1)
            print(seen.wait(60))
        try:
            Config(file, watch="events").start()
        except ImportError as error:
            print(error)
    """
    printed = run_python("-c", code, file).stdout.splitlines()
    assert printed[:2] == ["True 1", "True"]
    assert "watch='poll'" in printed[2]
