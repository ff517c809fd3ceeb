-- Acknowledges records for one sink, and removes those that every sink has acknowledged.
--
-- KEYS[1] lease list       KEYS[2] lease meta      KEYS[3] set of leases
-- ARGV[1] lease id         ARGV[2] owner           ARGV[3] sink            ARGV[4] offset so far   ARGV[5] new offset
--
-- Returns the number of records left in the lease; 0: the lease is finished and gone; -1: it belongs to somebody else;
-- -2: the sink's offset is neither the one so far nor the new one; -3: there is no such lease.
--
-- A repeated call after a lost reply changes nothing: the offset already is the new one.
local owner = redis.call('HGET', KEYS[2], 'owner')
if not owner then return -3 end
if owner ~= ARGV[2] then return -1 end
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[1])
local field = 'offset:' .. ARGV[3]
local current = redis.call('HGET', KEYS[2], field)
if current ~= ARGV[5] then
  if current ~= ARGV[4] then return -2 end
  redis.call('HSET', KEYS[2], field, ARGV[5])
end
local meta = redis.call('HGETALL', KEYS[2])
local acked, slowest
for i = 1, #meta, 2 do
  if meta[i] == 'acked' then acked = tonumber(meta[i + 1]) end
  if string.sub(meta[i], 1, 7) == 'offset:' then
    local offset = tonumber(meta[i + 1])
    if slowest == nil or offset < slowest then slowest = offset end
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
