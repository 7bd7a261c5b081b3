"""The benchmarks run, and refuse to time a statement that does not do what it is timed for."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import FREE_THREADED, ROOT, run_python

from frozen import AtomicRef, SharedMap, SharedRef

BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import bench_cache  # noqa: E402
import bench_config  # noqa: E402
import bench_convert  # noqa: E402
import bench_delta  # noqa: E402
import bench_encoding  # noqa: E402
import bench_everyday  # noqa: E402
import bench_file  # noqa: E402
import bench_interpreters  # noqa: E402
import bench_map  # noqa: E402
import bench_ref  # noqa: E402
import bench_set  # noqa: E402
import bench_threads  # noqa: E402
import bench_vector  # noqa: E402
import harness  # noqa: E402
import peers  # noqa: E402
import probes  # noqa: E402
import report  # noqa: E402
import slices  # noqa: E402

pytestmark = pytest.mark.once
FROZEN, DICT = peers.MAPS[0], peers.MAPS[-1]


def race(operation, *racing, n=10):
    return harness.race(operation, bench_map.World(n), racing, "frozen", rounds=3, seconds=0)


def run_script(name, *arguments, **kwargs):
    """A benchmark as its users run it: with its own folder on the path."""
    return run_python(BENCHMARKS / name, *arguments, env={"PYTHONSAFEPATH": ""}, **kwargs)


def row(ours, theirs, *targets):
    return harness.Row("get", "get", 10, "frozen", {"frozen": ours, "rival": theirs}, ["rival"], list(targets))


CASES = [
    (module, racing, operation)
    for module, racing in (
        (bench_map, peers.MAPS),
        (bench_set, peers.SETS),
        (bench_vector, peers.VECTORS),
        (bench_convert, bench_convert.PEERS),
        (bench_delta, bench_delta.PEERS),
    )
    for operation in module.OPERATIONS
]


@pytest.mark.parametrize(("module", "racing", "operation"), CASES, ids=[f"{c[0].__name__}-{c[2].name}" for c in CASES])
@pytest.mark.parametrize("n", [10, 100])
def test_every_operation_is_right_for_ours_and_for_a_builtin(module, racing, operation, n):
    for peer in (racing[0], racing[-1]):
        if operation.statement(peer, operation.timed) is not None:
            harness.Contender(peer.name, peer, operation, module.World(n)).check()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("get", "r = m.get(k) + 1"),
        ("contains", "r = True"),
        ("set", "r = m"),
        ("delete", "r = m"),
        ("build", "r = frozen.Map()"),
        ("update", "r = m"),
        ("mutate", "r = m"),
        ("items", "list(m.items())[1:]"),
        ("to_dict", "r = {}"),
        ("equal", "r = m is other"),
        ("hash", "r = object()"),
        ("diff", "r = m.diff(m)"),
        ("union", "r = m"),
        ("dumps", "r = dumps({})"),
        ("loads", "r = {}"),
    ],
)
def test_a_wrong_statement_is_refused(name, wrong):
    liar = replace(FROZEN, statements=FROZEN.statements | {name: wrong})
    operation = next(o for o in bench_map.OPERATIONS if f"{{{name}}}" in o.timed)
    with pytest.raises(harness.WrongResult, match="frozen"):
        race(operation, liar)


def test_configurations_are_read_rightly(tmp_path):
    for peer in (peer for peer in bench_config.PEERS if peer.name != "dynaconf"):
        for operation in bench_config.OPERATIONS:
            if operation.statement(peer, operation.timed) is not None:
                harness.Contender(peer.name, peer, operation, bench_config.World(10, tmp_path)).check()


@pytest.mark.parametrize("shape", bench_encoding.SHAPES)
@pytest.mark.parametrize("racing", [bench_encoding.PEERS[:2], bench_encoding.SHARED])
def test_encodings_give_back_what_they_were_given(shape, racing):
    world = bench_encoding.World(10, shape)
    for peer in racing:
        for operation in bench_encoding.operations(world, "Map", (), ()):
            harness.Contender(peer.name, peer, operation, world).check()
        world.maps.clear()


@pytest.mark.parametrize("kind", bench_everyday.KINDS)
def test_everyday_values_are_read_as_they_are(kind):
    world = bench_interpreters.World(20, bench_everyday.KINDS[kind])
    for peer in bench_interpreters.PEERS:
        harness.Contender(peer.name, peer, bench_everyday.operation_of(kind), world).check()


@pytest.mark.parametrize("shape", bench_file.SHAPES)
def test_files_and_databases_give_back_what_they_were_given(shape):
    world = bench_file.World(20, shape).bind()
    for peer in (peer for peer in bench_file.PEERS if peer.name != "lmdb"):
        for operation in bench_file.operations(world):
            harness.Contender(peer.name, peer, operation, world).check()
    world.close()


def test_the_hit_ratio_is_at_least_that_of_lru_on_every_trace():
    peers_of_traces = {name: bench_cache.PLAIN[name] for name in ("frozen", "lru_cache")}
    for title, found in bench_cache.ratios(peers_of_traces).items():
        assert found["frozen"] >= found["lru_cache"] - 1e-9, title


def test_a_result_of_another_type_is_wrong():
    liar = replace(FROZEN, statements=FROZEN.statements | {"contains": "r = 0"})
    miss = next(o for o in bench_map.OPERATIONS if o.name == "miss")
    with pytest.raises(harness.WrongResult, match="0 instead of False"):
        race(miss, liar)


def test_an_operation_that_a_peer_does_not_offer_is_reported():
    hashing = next(o for o in bench_map.OPERATIONS if o.name == "hash_after_set")
    assert race(hashing, FROZEN, DICT).missing == ["dict"]


def test_a_peer_that_is_not_installed_is_reported():
    absent = peers.Peer("absent", "no_such_module_here", "absent", peers.COMMON)
    found, missing = peers.installed([DICT, absent])
    assert found == [DICT]
    assert "no_such_module_here" in missing["absent"]


def test_ratios_are_medians_within_rounds():
    slow_second = row([1.0, 30.0, 1.0], [2.0, 60.0, 2.0])
    assert slow_second.ratio("rival") == 0.5
    assert slow_second.ratio("nobody") is None


def test_a_target_is_judged_against_the_best_rival():
    assert not row([1.0], [2.0], harness.Target(0.5)).misses
    assert row([1.1], [2.0], harness.Target(0.5)).misses
    assert not row([1.1], [2.0], harness.Target(0.5, rival="nobody")).judged


def test_verdicts_are_printed():
    text = report.text([row([1.0], [2.0], harness.Target(0.5)), row([3.0], [2.0], harness.Target(0.5))])
    assert "reached" in text
    assert "missed: 0.50" in text
    assert "1 of 2 targets reached" in text


def test_the_script_prints_a_table_and_writes_its_files(tmp_path):
    quick = ["--sizes", "10", "--peers", "dict", "--rounds", "3", "--seconds", "0"]
    done = run_script("bench_map.py", *quick, "--only", "get", "set", "tracked", "--output", tmp_path)
    assert "get, same key object" in done.stdout
    facts = json.loads((tmp_path / "map.json").read_text())
    assert {row["row"] for row in facts["rows"]} == {"get", "set"}
    assert all(row["ratios"]["dict"] > 0 for row in facts["rows"])
    assert (tmp_path / "map.md").read_text().count("|") > 10


def test_slices_count_while_every_thread_runs():
    always = [(float(i), i + 1.0, 1.0) for i in range(10)]
    late = [(float(i), i + 1.0, 1.0 if i >= 5 else 0.5) for i in range(10)]
    assert len(slices.undisturbed([always])) == 10
    assert len(slices.undisturbed([late])) == 5
    assert len(slices.undisturbed([always, late])) == 10  # five of each
    assert slices.undisturbed([always, late[:5]]) == []


@pytest.mark.parametrize("work", bench_threads.WORKS, ids=lambda work: work.name)
def test_threads_do_their_work(work):
    functions = bench_threads.team_of(FROZEN, work, threads=2)
    records = slices.in_threads(functions, rounds=1, seconds=0.01)
    assert all(record for record in records)


def test_what_fails_in_a_thread_fails_the_measurement():
    with pytest.raises(ZeroDivisionError):
        slices.in_threads([lambda rounds: rounds // 0], rounds=1)


@pytest.mark.skipif(FREE_THREADED, reason="for builds with the GIL")
def test_scaling_is_not_measured_under_the_gil():
    done = run_script("bench_threads.py", check=False)
    assert done.returncode == 2
    assert "free-threaded" in done.stderr


# References


@pytest.mark.parametrize(
    ("name", "make"), bench_ref.peers().items(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_references_are_read(name, make):
    bench_ref.reader(make())(rounds=3)


def test_a_lost_update_fails_the_measurement():
    assert bench_ref.updates_a_second(AtomicRef(0), writers=2, seconds=0.01) > 0

    class Lossy(bench_ref.Locked):
        def update(self, function):
            function(self.value)

    with pytest.raises(AssertionError, match="an update was lost"):
        bench_ref.updates_a_second(Lossy(0), writers=1, seconds=0.01)


@pytest.mark.parametrize("make", [AtomicRef, bench_ref.Locked, bench_ref.Polled])
def test_two_threads_wake_each_other(make):
    assert bench_ref.round_trip(make, trips=3) > 0


def test_the_script_of_references_prints_a_table_and_writes_its_files(tmp_path):
    done = run_script("bench_ref.py", "--rounds", "1", "--only", "waking", "--output", tmp_path)
    assert "threading.Condition" in done.stdout
    assert json.loads((tmp_path / "ref.json").read_text())["waking"]["polling"] > 0


# Interpreters

gives = pytest.mark.skipif(bench_interpreters.interpreters is None, reason="giving needs concurrent.interpreters")


@gives
def test_what_is_given_is_looked_at():
    with bench_interpreters.receivers(2) as to:
        world = bench_interpreters.World(10)
        until = bench_interpreters.give(to, SharedMap(world.d), world)
        assert 0 < until[0] < until[1]
        with pytest.raises(harness.WrongResult, match="SharedMap, n = 10"):
            bench_interpreters.give(to, SharedMap({world.keys[0]: "wrong"}), world)


@gives
def test_giving_is_timed(monkeypatch):
    monkeypatch.setattr(bench_interpreters, "RECEIVERS", (1,))
    rows = list(bench_interpreters.giving(10, SimpleNamespace(rounds=3, seconds=0)))
    assert [row.name for row in rows] == ["give_1", "build_give_1"]
    assert all(row.ratio("pickled") > 0 for row in rows)


def allocator_counts() -> bool:
    """glibc's does, from 2.33 on; not one that a sanitizer puts in its place."""
    try:
        return probes.bytes_in_use() > 0
    except AttributeError:
        return False


@gives
@pytest.mark.skipif(not allocator_counts(), reason="the C library does not say how much memory is in use")
def test_what_is_given_is_weighed(monkeypatch):
    monkeypatch.setattr(bench_interpreters, "RECEIVERS", (1,))
    before, built, given = bench_interpreters.memory_to_give("pickled", 10_000)
    assert before <= built < given


@gives
def test_readers_in_interpreters_record_slices():
    with bench_interpreters.receivers(2) as to:
        teams = bench_interpreters.teams_of_interpreters(to)
        assert [len(recorders) for _, recorders, _ in teams.values()] == [2, 2, 2]
        assert to[1].answer("slices.recorded(through_ref, 1, seconds=0)")


def test_readers_in_threads_look_at_what_they_read():
    teams = bench_interpreters.teams_of_threads()
    assert [len(recorders) for _, recorders, _ in teams.values()] == [2, 2, 2]
    world = bench_interpreters.World(10)
    wrong = SharedRef(SharedMap(dict.fromkeys(world.d, "wrong")))
    with pytest.raises(AssertionError):
        bench_interpreters.recorders_in_threads(wrong, world, bench_interpreters.THROUGH_A_REFERENCE)


def test_the_script_of_interpreters_prints_a_table_and_writes_its_files(tmp_path):
    quick = ["--sizes", "10", "--rounds", "3", "--seconds", "0", "--output", tmp_path]
    rows = {"get", "iterate_str", "publish"}
    done = run_script("bench_interpreters.py", *quick, "--only", *rows)
    assert "publish 10 changes" in done.stdout
    assert {
        row["row"] for row in json.loads((tmp_path / f"{bench_interpreters.NAME}.json").read_text())["rows"]
    } == rows


def test_the_plot_of_interpreters_has_every_part(tmp_path):
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    counts, ways = bench_interpreters.RECEIVERS, bench_interpreters.GIVEN
    costs = {"shared": [1.0], "pickled": [2.0]}
    given = [bench_interpreters.row(f"{way}_{count}", "", 10, costs, "pickled") for way in ways for count in counts]
    bench_interpreters.plot([*given, row([1.0], [2.0])], "shared", tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 0


@pytest.mark.skipif(importlib.util.find_spec("gunicorn") is None, reason="needs gunicorn")
def test_servers_answer():
    table = run_script("bench_servers.py", "--rounds", "1", "--seconds", "0.5", timeout=200)
    assert "answers that fail or mix two versions" in table.stdout


# Forked workers

weighs_itself = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc/self/smaps_rollup")


@weighs_itself
def test_the_script_of_forked_workers_prints_a_table_and_writes_its_files(tmp_path):
    done = run_script("bench_prefork.py", "--sizes", "3000", "--peers", "dict", "--output", tmp_path)
    assert "after 1,000 publications of 10" in done.stdout
    facts = json.loads((tmp_path / "prefork.json").read_text())
    assert {row["row"] for row in facts["rows"]} >= {"read_str", "published_1000_nested"}


def test_the_operations_that_are_compared_with_earlier_commits_work():
    said = run_python("-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", BENCHMARKS / "regressions")
    assert " passed" in said.stdout
