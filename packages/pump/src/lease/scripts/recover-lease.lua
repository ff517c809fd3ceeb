-- Takes over a lease whose owner gave no sign for long, or whose bookkeeping is lost. An own lease is taken over again.
--
-- KEYS[1] lease list       KEYS[2] lease meta      KEYS[3] set of leases   KEYS[4] owners
-- ARGV[1] lease id         ARGV[2] owner           ARGV[3] ms the owner lives without a sign        ARGV[4..] sinks
--
-- Returns -1: its owner lives; 0: no records are left, the rest was cleaned up; else a list: total records, then the
-- offset of each sink in the order of ARGV, then the names of sinks that this pump does not have and that were given up.
-- Without them the other sinks may have everything already; the lease is gone then, and every offset is the total.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local owner = redis.call('HGET', KEYS[2], 'owner')
if owner and owner ~= ARGV[2] then
  local due = redis.call('HGET', KEYS[4], owner)
  if due and tonumber(due) > now then return -1 end
end
local left = redis.call('LLEN', KEYS[1])
if left == 0 then
  redis.call('DEL', KEYS[2])
  redis.call('SREM', KEYS[3], ARGV[1])
  return 0
end
redis.call('PERSIST', KEYS[1])
local acked = tonumber(redis.call('HGET', KEYS[2], 'acked') or '0')
local total = acked + left
redis.call('HSET', KEYS[2], 'owner', ARGV[2], 'acked', acked, 'total', total)
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[4], ARGV[2], string.format('%.0f', now + ARGV[3]))

local answer, wanted, slowest = { total }, {}, total
for i = 4, #ARGV do
  local field = 'offset:' .. ARGV[i]
  wanted[field] = true
  local offset = redis.call('HGET', KEYS[2], field)
  if not offset then
    -- A sink that was not there before gets whatever is left.
    offset = acked
    redis.call('HSET', KEYS[2], field, acked)
  end
  answer[#answer + 1] = tonumber(offset)
  slowest = math.min(slowest, tonumber(offset))
end
local fields = redis.call('HKEYS', KEYS[2])
for i = 1, #fields do
  if string.sub(fields[i], 1, 7) == 'offset:' and not wanted[fields[i]] then
    redis.call('HDEL', KEYS[2], fields[i])
    answer[#answer + 1] = string.sub(fields[i], 8)
  end
end
if slowest > acked then
  redis.call('LTRIM', KEYS[1], slowest - acked, -1)
  redis.call('HSET', KEYS[2], 'acked', slowest)
end
if slowest >= total then
  redis.call('DEL', KEYS[2])
  redis.call('SREM', KEYS[3], ARGV[1])
end
return answer
