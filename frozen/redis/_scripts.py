"""What the server does in one step, as scripts. KEYS: the hash and the stream of one reference, in one slot.

The hash has `id`, the head; `snap` and `snapid`, an encoded version and its revision; `bytes`, of the log since the
last snapshot; `base`, if the head was put back; and `gone` alone, for a week, after the reference was unlinked. The
stream has an entry `NUMBER-0` for each version: `p` and `i`, the revisions of the version before and of this one, and
`d`, the delta.
"""

from __future__ import annotations

import hashlib
from typing import Final

__all__ = ["PUBLISH", "PUT_SNAPSHOT", "UNLINK", "Script"]


class Script:
    """A script and the digest that it is called by."""

    def __init__(self, text: str) -> None:
        self.text: Final = text
        self.digest: Final = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


_FIELD = """
local function field(entry, name)
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
end
local function number(id) return tonumber(string.match(id, '^%d+')) end
"""

# ARGV: expected, id, number of id, number of expected, delta, snapshot, base, revive, least length of a log
PUBLISH = Script(
    _FIELD
    + """
local hash, log = KEYS[1], KEYS[2]
local expected, id, at, before = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local delta, snapshot, base = ARGV[5], ARGV[6], ARGV[7]
local found = redis.call('HMGET', hash, 'id', 'gone', 'snapid')
local head, gone, snapid = found[1] or '', found[2], found[3]
if head == id then return {'done', 0, 0, redis.call('HSTRLEN', hash, 'snap')} end
if gone and ARGV[8] == '' then return {'unlinked'} end
if head ~= expected then
  if head == '' then return {'lost'} end
  local there = redis.call('XRANGE', log, at .. '-0', at .. '-0')[1]
  local since = redis.call('XRANGE', log, '(' .. before .. '-0', '+', 'COUNT', 100)
  if there and field(there, 'i') == id then return {'passed', since} end
  local trimmed = (not there) and number(head) >= tonumber(at)
  return {'behind', since, trimmed and 1 or 0}
end
if expected == '' then
  if gone then base = '' end
  redis.call('DEL', hash, log)
elseif snapshot == '' and snapid ~= head then
  local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  if not snapid or not last or field(last, 'i') ~= head or number(first[1]) > number(snapid) + 1 then
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
if snapshot ~= '' then
  redis.call('HSET', hash, 'snap', snapshot, 'snapid', id, 'bytes', 0)
  redis.call('XTRIM', log, 'MINID', at .. '-0')
  return {'done', 0, 0, #snapshot}
end
local bytes = redis.call('HINCRBY', hash, 'bytes', #delta + 100)
local size = redis.call('HSTRLEN', hash, 'snap')
local due = bytes > math.max(tonumber(ARGV[9]), size / 2)
if due then redis.call('HSET', hash, 'bytes', 0) end
return {'done', due and 1 or 0, bytes, size}
"""
)

# ARGV: id, its number, snapshot, entries to keep before it, least length of a log
PUT_SNAPSHOT = Script(
    _FIELD
    + """
local hash, log = KEYS[1], KEYS[2]
local id, at, snapshot = ARGV[1], ARGV[2], ARGV[3]
local found = redis.call('HMGET', hash, 'id', 'snapid', 'snap')
if not found[1] then return 0 end
if found[2] and found[3] and number(found[2]) >= tonumber(at) then return 0 end
if found[1] ~= id then
  local there = redis.call('XRANGE', log, at .. '-0', at .. '-0')[1]
  if not there or field(there, 'i') ~= id then return 0 end
end
redis.call('HSET', hash, 'snap', snapshot, 'snapid', id)
local first, left, kept, position = at, math.max(tonumber(ARGV[5]), #snapshot) / 4, 0, at .. '-0'
while kept < tonumber(ARGV[4]) do
  local entry = redis.call('XREVRANGE', log, position, '-', 'COUNT', 1)[1]
  if not entry then break end
  left, kept = left - #(field(entry, 'd') or '') - 100, kept + 1
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
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'gone', 1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
"""
)
