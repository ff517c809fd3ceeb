-- Gives a lease back when its owner stops.
--
-- KEYS[1] source list      KEYS[2] lease list      KEYS[3] lease meta      KEYS[4] set of leases
-- ARGV[1] lease id         ARGV[2] owner           ARGV[3] 1: nothing of it was begun
--
-- Returns 1: its records are at the head of the source list again, where any pump finds them; 2: it was begun and stays
-- a lease without owner, which the next pump of this kind takes over at once; -1: it belongs to somebody else or is gone.
--
-- What came meanwhile is appended to the lease, because that is less than the lease itself, and the lease is renamed.
if redis.call('HGET', KEYS[3], 'owner') ~= ARGV[2] then return -1 end
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[2])
if ARGV[3] ~= '1' then
  redis.call('HSET', KEYS[3], 'owner', '')
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
