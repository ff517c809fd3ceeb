-- Reads records of a lease from an offset on. Offsets count from the start of the lease, whatever was trimmed since.
--
-- KEYS[1] lease list       KEYS[2] lease meta      KEYS[3] who ended it
-- ARGV[1] token of the hold    ARGV[2] offset      ARGV[3] most records    ARGV[4] most bytes       ARGV[5..] its sinks
--
-- Returns the records, at least one if there is any however long it is; -1: none of the sinks is held by this token any
-- more, or the offset was trimmed away; -3: there is no such lease; -5: somebody else has ended it.
local acked = redis.call('HGET', KEYS[2], 'acked')
if not acked then
  local by = redis.call('GET', KEYS[3])
  return by and by ~= ARGV[1] and -5 or -3
end
local holds = false
for i = 5, #ARGV do
  if redis.call('HGET', KEYS[2], 'owner:' .. ARGV[i]) == ARGV[1] then holds = true end
end
local first = tonumber(ARGV[2]) - tonumber(acked)
-- A negative index would count from the end of the list.
if not holds or first < 0 then return -1 end
local found, bytes = {}, 0
-- In small steps, so that a run of long records is not read whole only to be thrown away.
local step = 50
local most = tonumber(ARGV[3])
while #found < most do
  local size = math.min(step, most - #found)
  local part = redis.call('LRANGE', KEYS[1], first + #found, first + #found + size - 1)
  for i = 1, #part do
    bytes = bytes + #part[i]
    if #found > 0 and bytes > tonumber(ARGV[4]) then return found end
    found[#found + 1] = part[i]
  end
  if #part < size then return found end
end
return found
