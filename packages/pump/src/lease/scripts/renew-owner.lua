-- Says that an owner lives, and forgets owners that gave no sign for long.
--
-- KEYS[1] owners
-- ARGV[1] owner            ARGV[2] ms the owner lives without a sign
--
-- Returns the number of owners that live, this one included.
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now + ARGV[2]))
local owners = redis.call('HGETALL', KEYS[1])
local living = 0
for i = 1, #owners, 2 do
  if tonumber(owners[i + 1]) < now then redis.call('HDEL', KEYS[1], owners[i]) else living = living + 1 end
end
return living
