-- Gives up, in leases of one source list, what waits for one sink that no living pump holds; or only counts it.
--
-- KEYS[1] set of leases    KEYS[2] owners          KEYS[3] spilled segments
-- KEYS[4..] of each lease its list, its meta and who ended it, then hashes of the ledger
-- ARGV[1] sink             ARGV[2] 1: give up, 0: count            ARGV[3] number of leases
-- ARGV[4..] of each lease its id. To give one lease up and book it, also: the offset and the total it was read with,
-- seconds a hash lives, number of entries, and for each entry the number of its hash from 1, field, records
--
-- Returns a list: leases and records that are given up, leases and records that a living pump holds and that are left, and
-- 1 if nothing was done because the lease is not as it was read, or else 0.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local living = {}
local owners = redis.call('HGETALL', KEYS[2])
for i = 1, #owners, 2 do
  if tonumber(owners[i + 1]) > now then living[owners[i]] = true end
end
local offsetField, ownerField = 'offset:' .. ARGV[1], 'owner:' .. ARGV[1]
local leases = tonumber(ARGV[3])
local bookings = 4 + leases

local function drop(list, meta, finished, id, left, acked)
  local total, slowest = acked + left, nil
  redis.call('PERSIST', list)
  redis.call('HDEL', meta, offsetField, ownerField)
  -- Of a lease that was made of a file: should it be lost, the file must not bring what was given up.
  local segment = redis.call('HGET', meta, 'segment')
  local text = segment and redis.call('HGET', KEYS[3], segment)
  local entry = text and cjson.decode(text)
  if entry and entry.back and entry.back[id] then
    entry.back[id][ARGV[1]] = nil
    redis.call('HSET', KEYS[3], segment, cjson.encode(entry))
  end
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
    local moved = redis.call('HGET', meta, 'moved')
    redis.call('DEL', meta)
    redis.call('SREM', KEYS[1], id)
    -- Its pump may only be asleep.
    redis.call('SET', finished, 'released', unpack(moved == 'file' and {} or { 'EX', 21600 }))
  end
end

local function book()
  for at = bookings + 4, bookings + 3 + ARGV[bookings + 3] * 3, 3 do
    local hash = KEYS[3 + 3 * leases + tonumber(ARGV[at])]
    redis.pcall('HINCRBY', hash, ARGV[at + 1], ARGV[at + 2])
    redis.pcall('EXPIRE', hash, ARGV[bookings + 2])
  end
end

local answer = { 0, 0, 0, 0, 0 }
for lease = 1, leases do
  local list, meta, finished = KEYS[3 * lease + 1], KEYS[3 * lease + 2], KEYS[3 * lease + 3]
  local found = redis.call('HMGET', meta, offsetField, ownerField, 'acked')
  local left = redis.call('LLEN', list)
  local acked = tonumber(found[3] or '0')
  local waits = found[1] and acked + left - tonumber(found[1]) or 0
  if waits > 0 then
    local isHeld = found[2] and living[string.match(found[2], '^(.*)#')]
    local read = ARGV[bookings] and not isHeld
    if read and (found[1] ~= ARGV[bookings] or acked + left ~= tonumber(ARGV[bookings + 1])) then
      answer[5] = 1
    else
      local place = isHeld and 3 or 1
      answer[place] = answer[place] + 1
      answer[place + 1] = answer[place + 1] + waits
      if not isHeld and ARGV[2] == '1' then
        drop(list, meta, finished, ARGV[3 + lease], left, acked)
        if read then book() end
      end
    end
  end
end
return answer
