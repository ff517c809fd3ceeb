-- Reads records of a lease from an offset on. Offsets count from the start of the lease, whatever was trimmed since.
--
-- KEYS[1] lease list       KEYS[2] lease meta
-- ARGV[1] owner            ARGV[2] offset          ARGV[3] most records    ARGV[4] most bytes
--
-- Returns the records, at least one if there is any however long it is; -1: the lease belongs to somebody else;
-- -3: there is no such lease.
local owner = redis.call('HGET', KEYS[2], 'owner')
if not owner then return -3 end
if owner ~= ARGV[1] then return -1 end
local first = tonumber(ARGV[2]) - tonumber(redis.call('HGET', KEYS[2], 'acked'))
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
