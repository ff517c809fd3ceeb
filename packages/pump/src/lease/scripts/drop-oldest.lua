-- Gives up the oldest records of a lease for the sinks that have not acknowledged them, and removes them.
--
-- KEYS[1] lease list       KEYS[2] lease meta      KEYS[3] set of leases
-- KEYS[4] who ended it     KEYS[5] spilled segments        KEYS[6..] hashes of the ledger
-- ARGV[1] lease id         ARGV[2] token of the hold       ARGV[3] offset up to which records are given up
-- Only with a ledger: ARGV[4] seconds a hash lives         ARGV[5..] of each sink its name and the number of its entries,
-- and for each entry the number of its hash from 1, field, records
--
-- Returns the number of records left in the lease; 0: it is gone; -1: somebody else has a part in what would be given up,
-- and nothing was changed; -3: there is no such lease; -5: somebody else has ended it.
--
-- Offsets only move forward: a call repeated after a lost reply changes nothing, and books nothing.
local meta = redis.call('HGETALL', KEYS[2])
if #meta == 0 then
  local by = redis.call('GET', KEYS[4])
  return by and by ~= ARGV[2] and -5 or -3
end
local acked, offsets, holders, moved, segment, base = 0, {}, {}, nil, nil, nil
for i = 1, #meta, 2 do
  local name, value = meta[i], meta[i + 1]
  if name == 'acked' then acked = tonumber(value)
  elseif name == 'moved' then moved = value
  elseif name == 'segment' then segment = value
  elseif name == 'base' then base = value
  elseif string.sub(name, 1, 7) == 'offset:' then offsets[string.sub(name, 8)] = tonumber(value)
  elseif string.sub(name, 1, 6) == 'owner:' then holders[string.sub(name, 7)] = value
  end
end
local total = acked + redis.call('LLEN', KEYS[1])
local to = math.min(tonumber(ARGV[3]), total)
for sink, offset in pairs(offsets) do
  if offset < to and holders[sink] ~= ARGV[2] then return -1 end
end
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[1])
local at = 5
while ARGV[at] do
  local offset, entries = offsets[ARGV[at]], tonumber(ARGV[at + 1])
  if offset and offset < to then
    for entry = at + 2, at + entries * 3 + 1, 3 do
      local hash = KEYS[5 + tonumber(ARGV[entry])]
      redis.pcall('HINCRBY', hash, ARGV[entry + 1], ARGV[entry + 2])
      redis.pcall('EXPIRE', hash, ARGV[4])
    end
  end
  at = at + 2 + entries * 3
end
local text = segment and redis.call('HGET', KEYS[5], segment)
local entry = text and cjson.decode(text)
local back = entry and entry.back and entry.back[ARGV[1]]
local slowest = total
for sink, offset in pairs(offsets) do
  if offset < to then
    redis.call('HSET', KEYS[2], 'offset:' .. sink, to)
    offset = to
    -- For when the lease is lost, and its records come from their file once more.
    if back and back[sink] then back[sink] = base + to end
  end
  slowest = math.min(slowest, offset)
end
if back then redis.call('HSET', KEYS[5], segment, cjson.encode(entry)) end
if slowest > acked then
  redis.call('LTRIM', KEYS[1], slowest - acked, -1)
  redis.call('HSET', KEYS[2], 'acked', slowest)
end
local left = redis.call('LLEN', KEYS[1])
if left == 0 then
  redis.call('DEL', KEYS[2])
  redis.call('SREM', KEYS[3], ARGV[1])
  if moved then redis.call('SET', KEYS[4], ARGV[2], unpack(moved == '1' and { 'EX', 21600 } or {})) end
end
return left
