"""What the server does in one step, as scripts. KEYS: those of one reference, in one slot: a hash, a stream, a string.

The hash has `id`, the head; `snapid`, the revision of the version that is, encoded, the string; `bytes`, of the log
since then; `base`, if the head was put back; and `gone` alone, for a week, after the reference was unlinked. The stream
has an entry `NUMBER-0` for each version: `p` and `i`, the revisions of the version before and of this one, and `d`, the
delta.

A snapshot comes as a fourth key, which the same transaction sets, and which takes the place of the string by RENAME. An
argument of a script would be copied into Lua's memory and out of it, and stay there until Lua collects it: the server
would take four times the size of the snapshot for a moment, and twice for long.
"""

from __future__ import annotations

import hashlib
from typing import Final

from frozen.remote._memory import ENTRY, KEPT, LEAST_LOG

__all__ = ["PUBLISH", "PUT_SNAPSHOT", "UNLINK", "Script"]

_FIGURES = {"ENTRY": ENTRY, "KEPT": KEPT, "LEAST_LOG": LEAST_LOG}


class Script:
    """A script and the digest that it is called by."""

    def __init__(self, text: str) -> None:
        for name, value in _FIGURES.items():
            text = text.replace(f"<{name}>", str(value))
        self.text: Final = text
        self.digest: Final = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


_FIELD = """
local function field(entry, name)
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
end
local function digits(id) return string.match(id, '^%d+') or '0' end
local function number(id) return tonumber(digits(id)) end
"""

# ARGV: expected, id, delta, base, revive
PUBLISH = Script(
    _FIELD
    + """
local hash, log, snap, staged = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local expected, id, delta, base = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local at = digits(id)
local found = redis.call('HMGET', hash, 'id', 'gone', 'snapid')
local head, gone, snapid = found[1] or '', found[2], found[3]
if head == id then return {'done', 0, 0, redis.call('STRLEN', snap)} end
if gone and ARGV[5] == '' then return {'unlinked'} end
if head ~= expected then
  if head == '' then return {'lost'} end
  local there = redis.call('XRANGE', log, at .. '-0', at .. '-0')[1]
  local since = redis.call('XRANGE', log, '(' .. digits(expected) .. '-0', '+', 'COUNT', 100)
  if there and field(there, 'i') == id then return {'passed', since} end
  local trimmed = (not there) and number(head) >= tonumber(at)
  return {'behind', since, trimmed and 1 or 0}
end
local size = redis.call('STRLEN', snap)
if expected == '' then
  if gone then base = '' end
  redis.call('DEL', hash, log, snap)
elseif not staged and (size == 0 or snapid ~= head) then
  local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  if size == 0 or not snapid or not last or field(last, 'i') ~= head or number(first[1]) > number(snapid) + 1 then
    return {'incomplete'}
  end
end
local added = redis.pcall('XADD', log, at .. '-0', 'p', expected, 'i', id, 'd', delta)
if type(added) == 'table' and added.err then
  -- no version is written yet, so that a server without memory refuses; the rest of an old reference may be gone
  if not string.find(added.err, 'equal or smaller', 1, true) then return added end
  redis.call('DEL', log)  -- of another history, which went further
  redis.call('XADD', log, at .. '-0', 'p', expected, 'i', id, 'd', delta)
end
redis.call('HSET', hash, 'id', id)
if base == '' then redis.call('HDEL', hash, 'base') else redis.call('HSET', hash, 'base', base) end
if staged then
  redis.call('RENAME', staged, snap)
  redis.call('HSET', hash, 'snapid', id, 'bytes', 0)
  redis.call('XTRIM', log, 'MINID', at .. '-0')
  return {'done', 0, 0, redis.call('STRLEN', snap)}
end
local bytes = redis.call('HINCRBY', hash, 'bytes', #delta + <ENTRY>)
local most = math.max(<LEAST_LOG>, size / 2)
local due = bytes > most
if due then redis.call('HSET', hash, 'bytes', math.floor(most * 3 / 4)) end  -- another one is told if this one dies
return {'done', due and 1 or 0, bytes, size}
"""
)

# ARGV: id
PUT_SNAPSHOT = Script(
    _FIELD
    + """
local hash, log, snap, staged = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id = ARGV[1]
local at = digits(id)
local found = redis.call('HMGET', hash, 'id', 'snapid')
if not found[1] then return 0 end
if found[2] and number(found[2]) >= tonumber(at) and redis.call('EXISTS', snap) == 1 then return 0 end
if found[1] ~= id then
  local there = redis.call('XRANGE', log, at .. '-0', at .. '-0')[1]
  if not there or field(there, 'i') ~= id then return 0 end
end
redis.call('RENAME', staged, snap)
local bytes = 0
for _, entry in ipairs(redis.call('XRANGE', log, '(' .. at .. '-0', '+')) do
  bytes = bytes + #(field(entry, 'd') or '') + <ENTRY>
end
redis.call('HSET', hash, 'snapid', id, 'bytes', bytes)
local left = math.max(<LEAST_LOG> / 4, redis.call('STRLEN', snap) / 8)
local first, kept, position = at, 0, at .. '-0'
while kept < <KEPT> do
  local entry = redis.call('XREVRANGE', log, position, '-', 'COUNT', 1)[1]
  if not entry then break end
  left, kept = left - #(field(entry, 'd') or '') - <ENTRY>, kept + 1
  if left < 0 then break end
  first, position = string.match(entry[1], '^%d+'), '(' .. entry[1]
end
redis.call('XTRIM', log, 'MINID', first .. '-0')
return 1
"""
)

# ARGV: seconds for which the word stays
UNLINK = Script(
    """
local id = redis.call('HGET', KEYS[1], 'id')
if not id then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'gone', 1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
"""
)
