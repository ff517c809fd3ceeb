-- Gives up, in leases of one source list, what waits for one sink that no living pump holds; or only counts it.
--
-- KEYS[1] set of leases    KEYS[2] owners          KEYS[3..] of each lease its list and its meta
-- ARGV[1] sink             ARGV[2] 1: give up, 0: count            ARGV[3..] of each lease its id
--
-- Returns a list: leases and records that are given up, leases and records that a living pump holds and that are left.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local living = {}
local owners = redis.call('HGETALL', KEYS[2])
for i = 1, #owners, 2 do
  if tonumber(owners[i + 1]) > now then living[owners[i]] = true end
end
local offsetField, ownerField = 'offset:' .. ARGV[1], 'owner:' .. ARGV[1]

local function drop(list, meta, id, left, acked)
  local total, slowest = acked + left, nil
  redis.call('PERSIST', list)
  redis.call('HDEL', meta, offsetField, ownerField)
  local fields = redis.call('HGETALL', meta)
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 7) == 'offset:' then
      slowest = math.min(slowest or total, tonumber(fields[i + 1]))
    end
  end
  slowest = slowest or total
  if slowest > acked then
    redis.call('LTRIM', list, slowest - acked, -1)
    redis.call('HSET', meta, 'acked', slowest)
  end
  if slowest >= total then
    redis.call('DEL', meta)
    redis.call('SREM', KEYS[1], id)
  end
end

local answer = { 0, 0, 0, 0 }
for at = 3, #KEYS, 2 do
  local list, meta = KEYS[at], KEYS[at + 1]
  local found = redis.call('HMGET', meta, offsetField, ownerField, 'acked')
  local left = redis.call('LLEN', list)
  local acked = tonumber(found[3] or '0')
  local waits = found[1] and acked + left - tonumber(found[1]) or 0
  if waits > 0 then
    local place = 1
    if found[2] and living[string.match(found[2], '^(.*)#')] then place = 3 end
    answer[place] = answer[place] + 1
    answer[place + 1] = answer[place + 1] + waits
    if place == 1 and ARGV[2] == '1' then
      drop(list, meta, ARGV[3 + (at - 3) / 2], left, acked)
    end
  end
end
return answer
