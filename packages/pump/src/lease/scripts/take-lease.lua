-- Takes everything that waits in a source list, as one lease that names the sinks it is for.
--
-- KEYS[1] source list      KEYS[2] lease list      KEYS[3] lease meta      KEYS[4] set of leases    KEYS[5] owners
-- ARGV[1] lease id         ARGV[2] owner           ARGV[3] token of this hold
-- ARGV[4] ms the owner lives without a sign        ARGV[5..] sinks
--
-- Returns the number of records taken; 0: nothing waits; -1: a lease of this id exists.
--
-- RENAME keeps the TTL that a gateway puts on the source list, hence PERSIST: a taken record never expires. It also comes
-- first because a Redis that is out of memory lets a script go on only after a write that cannot grow.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('RENAMENX', KEYS[1], KEYS[2]) == 0 then return -1 end
redis.call('PERSIST', KEYS[2])
local total = redis.call('LLEN', KEYS[2])
redis.call('HSET', KEYS[3], 'acked', 0, 'total', total)
for i = 5, #ARGV do redis.call('HSET', KEYS[3], 'offset:' .. ARGV[i], 0, 'owner:' .. ARGV[i], ARGV[3]) end
redis.call('SADD', KEYS[4], ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[5], ARGV[2], string.format('%.0f', now + ARGV[4]))
return total
