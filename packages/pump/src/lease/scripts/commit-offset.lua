-- Acknowledges records for one sink, and removes those that every sink of the lease has acknowledged. Sinks that the
-- caller does not have count as well.
--
-- KEYS[1] lease list       KEYS[2] lease meta      KEYS[3] set of leases
-- ARGV[1] lease id         ARGV[2] token of the hold       ARGV[3] sink            ARGV[4] new offset
--
-- Returns the number of records left in the lease; 0: the lease is finished and gone; -1: the sink is not held by this
-- token any more; -3: there is no such lease.
--
-- An offset only moves forward. So a call repeated after a lost reply changes nothing, one that goes further than the
-- call whose reply was lost goes on from there, and a Redis that lost the last commits in a failover is told again.
local meta = redis.call('HGETALL', KEYS[2])
if #meta == 0 then return -3 end
local field, holder, current = 'offset:' .. ARGV[3], 'owner:' .. ARGV[3], nil
local holds = false
for i = 1, #meta, 2 do
  if meta[i] == holder then holds = meta[i + 1] == ARGV[2] end
  if meta[i] == field then current = tonumber(meta[i + 1]) end
end
if not holds or current == nil then return -1 end
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[1])
local offset = math.max(current, tonumber(ARGV[4]))
if offset > current then redis.call('HSET', KEYS[2], field, offset) end
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
end
return left
