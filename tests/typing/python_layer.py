"""What type checkers make of the functions over the core: checked by mypy --strict and pyright, never run."""

from collections.abc import Callable
from typing import Any, assert_type

from frozen import ABSENT, Change, Delta, Map, delete_in, freeze, get_in, merge3, set_in, thaw, update_in
from frozen._apply import apply
from frozen._diff import diff

config: Map[str, int] = Map(timeout=30)


class Account:
    owner = "me"


# conversion: what comes out depends on values, so it is Any

assert_type(freeze({"a": [1]}), Any)
assert_type(thaw(config), Any)


@freeze.register(Account)
def freeze_account(account: Account, convert: Callable[[Any], Any]) -> str:
    return account.owner


assert_type(freeze_account(Account(), freeze), Any)
freeze.register(Account, lambda account, convert: account.owner)
freeze.register(Account, lambda account, convert: account.missing)  # type: ignore[attr-defined]  # pyright: ignore

# paths: any iterable of hashable keys

assert_type(get_in(config, ["timeout"], 0), Any)
assert_type(set_in(config, ("servers", 0, "host"), "localhost"), Any)
assert_type(update_in(config, iter(["timeout"]), lambda old, factor: old * factor, 2), Any)
assert_type(delete_in(config, ["timeout"]), Any)
get_in(config, [[]])  # type: ignore[list-item]  # pyright: ignore
get_in(config, 5)  # type: ignore[arg-type]  # pyright: ignore

# deltas

delta = config.diff(config.set("timeout", 60))
assert_type(delta, Delta)
assert_type(config.apply(delta), Map[Any, Any])
assert_type(diff(config, config), Delta)
assert_type(apply(config, delta.inverse()), Map[str, int])
assert_type(merge3(config, config, config), Map[str, int])
assert_type(delta.then(delta), Delta)
assert_type(Delta.from_json_patch(config, delta.to_json_patch()), Delta)
assert_type(delta["timeout",], Change)
added = [path for path in delta if delta[path].old is ABSENT]
assert_type(added, list[tuple[Any, ...]])
config.diff({"timeout": 60})  # type: ignore[arg-type]  # pyright: ignore
config.apply(config)  # type: ignore[arg-type]  # pyright: ignore
