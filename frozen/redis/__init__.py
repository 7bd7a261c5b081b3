"""References to variables that live on a Redis or Valkey server: `RedisRef`. See docs/redis.md.

import redis
from frozen import Map
from frozen.redis import RedisRef

config = RedisRef.attach(redis.Redis(), "app:config", initial=Map(), cache="/var/lib/app/config.frozen")
config.get()                             # of this process's memory, as fast as AtomicRef.get
config.update(Map.set, "timeout", 60)    # on all machines
"""

from frozen.redis._engine import RedisEngine
from frozen.redis._reference import RedisRef
from frozen.remote import Refused, RejectedError, Unavailable, Uncertain

__all__ = ["RedisEngine", "RedisRef", "Refused", "RejectedError", "Unavailable", "Uncertain"]

for _public in (RedisEngine, RedisRef):
    _public.__module__ = __name__
