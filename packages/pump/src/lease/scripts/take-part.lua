-- Takes the oldest records of a source list as one lease, no more than a bound, or all of it when that is below the bound.
--
-- KEYS[1] source list      KEYS[2] lease list      KEYS[3] lease meta      KEYS[4] set of leases    KEYS[5] owners
-- ARGV[1] lease id         ARGV[2] owner           ARGV[3] token of this hold
-- ARGV[4] ms the owner lives without a sign        ARGV[5] most bytes      ARGV[6] most records     ARGV[7..] sinks
--
-- Returns the number of records taken (0: nothing waits; -1: a lease of this id exists), the bytes of memory they take,
-- and the number of records left in the source list. One record is taken however long it is.
--
-- What is left keeps its TTL. What is taken has none.
if redis.call('EXISTS', KEYS[1]) == 0 then return { 0, 0, 0 } end
if redis.call('EXISTS', KEYS[2]) == 1 then return { -1, 0, 0 } end
local most_bytes, most_records = tonumber(ARGV[5]), tonumber(ARGV[6])
-- The list as it is: also the first write, which must be one that cannot grow when Redis is out of memory.
redis.call('LTRIM', KEYS[1], 0, -1)

-- The bytes of a list: what Redis says, or else made of its ends.
local function size_of(key, count)
  local bytes = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', 64)
  if type(bytes) == 'number' then return bytes end
  local sum, seen = 0, 0
  for _, part in ipairs({ redis.call('LRANGE', key, 0, 15), redis.call('LRANGE', key, -16, -1) }) do
    for i = 1, #part do
      sum = sum + #part[i] + 11
      seen = seen + 1
    end
  end
  return math.ceil(sum / seen * count)
end

local waiting = redis.call('LLEN', KEYS[1])
local bytes = size_of(KEYS[1], waiting)
local total = waiting
if bytes <= most_bytes and waiting <= most_records then
  redis.call('RENAME', KEYS[1], KEYS[2])
  redis.call('PERSIST', KEYS[2])
else
  local sum, full = 0, false
  total = 0
  while not full do
    local part = redis.call('LRANGE', KEYS[1], total, total + 49)
    local fits = 0
    for i = 1, #part do
      -- About what a record takes beside its bytes in a list of Redis.
      sum = sum + #part[i] + 11
      if total + fits > 0 and (sum > most_bytes or total + fits >= most_records) then
        full = true
        break
      end
      fits = i
    end
    if fits > 0 then redis.call('RPUSH', KEYS[2], unpack(part, 1, fits)) end
    total = total + fits
    if #part < 50 then full = true end
  end
  redis.call('LTRIM', KEYS[1], total, -1)
  bytes = size_of(KEYS[2], total)
end
redis.call('HSET', KEYS[3], 'acked', 0, 'total', total)
for i = 7, #ARGV do redis.call('HSET', KEYS[3], 'offset:' .. ARGV[i], 0, 'owner:' .. ARGV[i], ARGV[3]) end
redis.call('SADD', KEYS[4], ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[5], ARGV[2], string.format('%.0f', now + ARGV[4]))
return { total, bytes, waiting - total }
