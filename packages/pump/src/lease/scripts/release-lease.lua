-- Gives a lease back when its owner stops.
--
-- KEYS[1] source list      KEYS[2] lease list      KEYS[3] lease meta      KEYS[4] set of leases
-- ARGV[1] lease id         ARGV[2] token of the hold       ARGV[3] 1: nothing of it was begun
--
-- Returns 1: its records are at the head of the source list again, where any pump finds them; 2: it stays a lease whose
-- sinks nobody holds, because it was begun, is for more sinks than this hold has, or for no others; the next pump that has them goes on
-- with it at once; -1: nothing of it is held by this token.
--
-- What came meanwhile is appended to the lease, because that is less than the lease itself, and the lease is renamed.
local meta = redis.call('HGETALL', KEYS[3])
local sinks, holders, only = {}, {}, false
for i = 1, #meta, 2 do
  if string.sub(meta[i], 1, 7) == 'offset:' then sinks[#sinks + 1] = string.sub(meta[i], 8) end
  if meta[i] == 'only' then only = true end
  if string.sub(meta[i], 1, 6) == 'owner:' then holders[string.sub(meta[i], 7)] = meta[i + 1] end
end
local held = {}
for i = 1, #sinks do
  if holders[sinks[i]] == ARGV[2] then held[#held + 1] = 'owner:' .. sinks[i] end
end
if #held == 0 then return -1 end
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[2])
if ARGV[3] ~= '1' or #held < #sinks or only then
  for i = 1, #held do redis.call('HDEL', KEYS[3], held[i]) end
  return 2
end
local size = redis.call('LLEN', KEYS[1])
for first = 0, size - 1, 1000 do
  redis.call('RPUSH', KEYS[2], unpack(redis.call('LRANGE', KEYS[1], first, first + 999)))
end
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('RENAME', KEYS[2], KEYS[1]) end
redis.call('DEL', KEYS[3])
redis.call('SREM', KEYS[4], ARGV[1])
return 1
