-- Goes through leases of one source list: claims what this pump can deliver and no living pump holds, and counts what
-- waits for sinks that this pump does not have. Those sinks' offsets are left alone.
--
-- KEYS[1] set of leases    KEYS[2] owners          KEYS[3..] of each lease its list and its meta
-- ARGV[1] owner            ARGV[2] token of this hold      ARGV[3] ms the owner lives without a sign
-- ARGV[4] number of sinks  ARGV[5..] sinks, then of each lease its id and the tokens by which this pump holds it already
--
-- Returns two lists. Of each lease of which anything was claimed: its number in KEYS from 0, its total records, 1 if
-- nobody else has a part in it any more or else 0, 1 if a file has its records as well or else 0, and for each sink in the
-- order of ARGV its offset, or -1 when this call did not claim it. Of each sink this pump does not have and for which
-- records wait that no living pump holds: its name, number of leases, number of records.
--
-- A hold of this owner that the caller does not know of was answered to nobody, and is claimed again. A lease that nobody
-- living holds is also for sinks of this pump that it does not name: a sink that is new gets whatever is left, and a
-- lease whose bookkeeping is lost is for all. Not so one marked `only`. A lease without records is cleaned up.
--
-- What is claimed is marked `moved`: whoever ends it says so, because a pump that slept may ask for it still.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local living = {}
local owners = redis.call('HGETALL', KEYS[2])
for i = 1, #owners, 2 do
  if owners[i] ~= ARGV[1] and tonumber(owners[i + 1]) > now then living[owners[i]] = true end
end
local count = tonumber(ARGV[4])
local own = {}
for i = 1, count do own[ARGV[4 + i]] = true end

-- A token is the owner, a # and a number.
local function isHeld(token, known)
  if not token then return false end
  return living[string.match(token, '^(.*)#')] == true or string.find(known, ' ' .. token .. ' ', 1, true) ~= nil
end

local function claim(at, id, known, claimed, waiting)
  local list, meta = KEYS[at], KEYS[at + 1]
  -- A key of another kind under such a name must not keep the other leases from being found.
  local left, fields = redis.pcall('LLEN', list), redis.pcall('HGETALL', meta)
  if type(left) == 'table' or fields.err then return end
  if left == 0 then
    redis.call('DEL', meta)
    redis.call('SREM', KEYS[1], id)
    return
  end
  local acked, offsets, holders, occupied, only, inFile = 0, {}, {}, false, false, 0
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if name == 'acked' then acked = tonumber(value)
    elseif name == 'only' then only = true
    elseif name == 'moved' and value == 'file' then inFile = 1
    elseif string.sub(name, 1, 7) == 'offset:' then offsets[string.sub(name, 8)] = tonumber(value)
    elseif string.sub(name, 1, 6) == 'owner:' then
      holders[string.sub(name, 7)] = value
      if isHeld(value, known) then occupied = true end
    end
  end
  local total = acked + left
  local answer, any = { (at - 3) / 2, total, 1, inFile }, false
  for i = 1, count do
    local sink = ARGV[4 + i]
    local offset = offsets[sink]
    if offset == nil and not occupied and not only then offset = acked end
    if offset == nil or offset >= total then
      offset = -1
    elseif isHeld(holders[sink], known) then
      offset, answer[3] = -1, 0
    end
    answer[4 + i] = offset
    if offset >= 0 then any = true end
  end
  local waits = false
  for sink, offset in pairs(offsets) do
    if not own[sink] and offset < total then
      answer[3] = 0
      if not isHeld(holders[sink], known) then
        local sum = waiting[sink] or { 0, 0 }
        waiting[sink] = { sum[1] + 1, sum[2] + total - offset }
        waits = true
      end
    end
  end
  if waits and redis.call('SISMEMBER', KEYS[1], id) == 0 then
    redis.call('PERSIST', list)
    redis.call('SADD', KEYS[1], id)
  end
  if any then
    -- Also the first write: a Redis that is out of memory lets a script go on only after one that cannot grow.
    redis.call('PERSIST', list)
    redis.call('HSET', meta, 'acked', acked, 'total', total)
    redis.call('HSETNX', meta, 'moved', '1')
    for i = 1, count do
      if answer[4 + i] >= 0 then
        redis.call('HSET', meta, 'offset:' .. ARGV[4 + i], answer[4 + i], 'owner:' .. ARGV[4 + i], ARGV[2])
      end
    end
    redis.call('SADD', KEYS[1], id)
    claimed[#claimed + 1] = answer
  end
end

local claimed, waiting = {}, {}
local id = 5 + count
for at = 3, #KEYS, 2 do
  claim(at, ARGV[id], ' ' .. ARGV[id + 1] .. ' ', claimed, waiting)
  id = id + 2
end
if #claimed > 0 then redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', now + ARGV[3])) end
local sums = {}
for sink, sum in pairs(waiting) do sums[#sums + 1] = { sink, sum[1], sum[2] } end
return { claimed, sums }
