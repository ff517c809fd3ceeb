-- Puts records back as a lease of their own, for the sinks it names and no others. In the ledger they are dead no more.
--
-- KEYS[1] lease list       KEYS[2] lease meta      KEYS[3] set of leases           KEYS[4] spilled segments
-- KEYS[5] owners           KEYS[6..] hashes of the ledger
-- ARGV[1] lease id         ARGV[2] number of sinks         ARGV[3] seconds a hash of the ledger lives
-- ARGV[4] number of entries for the ledger         ARGV[5..] for each entry the number of its hash from 1, field, records;
-- then sinks, then records
--
-- Returns the number of records in the lease; 0: all of them wait for all of the sinks already, in a lease of this id or
-- a file, because of a call whose reply was lost; -1: nothing was done, because some of that is under way.
--
-- What a pump has in its hands may have been refused once more, and then nothing but the letter has it: whoever is told
-- 0 removes that.
local first = 5 + tonumber(ARGV[4]) * 3
local records = first + tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('EXISTS', KEYS[1]) == 1 then
  for i = first, records - 1 do
    local found = redis.call('HMGET', KEYS[2], 'offset:' .. ARGV[i], 'owner:' .. ARGV[i])
    local owner = found[2] and string.match(found[2], '^(.*)#')
    local deadline = owner and redis.call('HGET', KEYS[5], owner)
    if found[1] ~= '0' or (deadline and tonumber(deadline) > now) then return -1 end
  end
  return 0
end
local under_way = false
for _, segment in ipairs(redis.call('HKEYS', KEYS[4])) do
  if string.sub(segment, 1, #ARGV[1] + 1) == ARGV[1] .. '~' then
    local entry = cjson.decode(redis.call('HGET', KEYS[4], segment))
    if entry.state == 'spilled' and not entry.missing then
      local waits = true
      for i = first, records - 1 do
        if entry.offsets[ARGV[i]] ~= 0 then waits = false end
        if entry.offsets[ARGV[i]] then under_way = true end
        for _, offsets in pairs(entry.back or {}) do
          -- Of what came back from a damaged file they do not move there.
          if not entry.torn and offsets[ARGV[i]] and offsets[ARGV[i]] < entry.total then under_way = true end
        end
      end
      if waits then return 0 end
    end
  end
end
if under_way then return -1 end
local total = #ARGV - records + 1
for i = records, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[i]) end
redis.call('HSET', KEYS[2], 'acked', 0, 'total', total, 'only', 1)
for i = first, records - 1 do redis.call('HSET', KEYS[2], 'offset:' .. ARGV[i], 0) end
for entry = 5, first - 1, 3 do
  local hash = KEYS[5 + tonumber(ARGV[entry])]
  redis.pcall('HINCRBY', hash, ARGV[entry + 1], ARGV[entry + 2])
  redis.pcall('EXPIRE', hash, ARGV[3])
end
redis.call('SADD', KEYS[3], ARGV[1])
return total
