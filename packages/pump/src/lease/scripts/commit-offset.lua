-- Acknowledges records for one sink, and removes those that every sink of the lease has acknowledged. Sinks that the
-- caller does not have count as well.
--
-- KEYS[1] lease list       KEYS[2] lease meta      KEYS[3] set of leases
-- KEYS[4] who ended it     KEYS[5] spilled segments        KEYS[6..] hashes of the ledger
-- ARGV[1] lease id         ARGV[2] token of the hold       ARGV[3] sink            ARGV[4] new offset
-- Only with a ledger: ARGV[5] the offset the caller knows of     ARGV[6] seconds a hash lives      ARGV[7..] for each
-- stretch of offsets its end and its number of entries, and for each entry the number of its hash from 1, field, records
--
-- Returns the number of records left in the lease; 0: the lease is finished and gone; -1: the sink is not held by this
-- token any more; -3: there is no such lease; -4: nothing was done, because the offset here lies before the one the caller
-- knows of, whose stretches are to be sent again; -5: somebody else has ended the lease.
--
-- An offset only moves forward. So a call repeated after a lost reply changes nothing, one that goes further than the
-- call whose reply was lost goes on from there, and a Redis that lost the last commits in a failover is told again. The same
-- holds for the ledger, because only stretches that end beyond the stored offset are booked; an offset is always an end.
--
-- Of a lease that was made of a file the entry of the segment has the offset as well, for when the lease is lost.
local meta = redis.call('HGETALL', KEYS[2])
if #meta == 0 then
  local by = redis.call('GET', KEYS[4])
  return by and by ~= ARGV[2] and -5 or -3
end
local field, holder, current, moved = 'offset:' .. ARGV[3], 'owner:' .. ARGV[3], nil, nil
local segment, base = nil, nil
local holds = false
for i = 1, #meta, 2 do
  if meta[i] == holder then holds = meta[i + 1] == ARGV[2] end
  if meta[i] == field then current = tonumber(meta[i + 1]) end
  if meta[i] == 'moved' then moved = meta[i + 1] end
  if meta[i] == 'segment' then segment = meta[i + 1] end
  if meta[i] == 'base' then base = meta[i + 1] end
end
if not holds or current == nil then return -1 end
if ARGV[5] and current < tonumber(ARGV[5]) then return -4 end
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[1])
local offset = math.max(current, tonumber(ARGV[4]))
if offset > current then
  redis.call('HSET', KEYS[2], field, offset)
  local text = segment and redis.call('HGET', KEYS[5], segment)
  local entry = text and cjson.decode(text)
  local offsets = entry and entry.back and entry.back[ARGV[1]]
  if offsets and offsets[ARGV[3]] then
    offsets[ARGV[3]] = base + offset
    redis.call('HSET', KEYS[5], segment, cjson.encode(entry))
  end
end
local booked, at = {}, 7
while ARGV[at] do
  local isNew, entries = tonumber(ARGV[at]) > current, tonumber(ARGV[at + 1])
  for entry = at + 2, at + entries * 3 + 1, 3 do
    if isNew then
      local hash = KEYS[5 + tonumber(ARGV[entry])]
      -- A key of another kind under such a name must not keep records from being acknowledged.
      redis.pcall('HINCRBY', hash, ARGV[entry + 1], ARGV[entry + 2])
      booked[hash] = true
    end
  end
  at = at + 2 + entries * 3
end
for hash in pairs(booked) do redis.pcall('EXPIRE', hash, ARGV[6]) end
local acked, slowest = 0, offset
for i = 1, #meta, 2 do
  if meta[i] == 'acked' then acked = tonumber(meta[i + 1]) end
  if meta[i] ~= field and string.sub(meta[i], 1, 7) == 'offset:' then
    slowest = math.min(slowest, tonumber(meta[i + 1]))
  end
end
if slowest > acked then
  redis.call('LTRIM', KEYS[1], slowest - acked, -1)
  redis.call('HSET', KEYS[2], 'acked', slowest)
end
local left = redis.call('LLEN', KEYS[1])
if left == 0 then
  redis.call('DEL', KEYS[2])
  redis.call('SREM', KEYS[3], ARGV[1])
  -- Of a lease that was made of a file it stays until the pump with the file has seen it.
  if moved then redis.call('SET', KEYS[4], ARGV[2], unpack(moved == '1' and { 'EX', 21600 } or {})) end
end
return left
