-- Measures leases of one source list.
--
-- KEYS[1..] of each lease its list
--
-- Returns of each lease in the order of KEYS: bytes of memory, number of records. Both are 0 for what is no list.
--
-- The memory is what Redis says, from the first nodes of the list: a lease is mostly of records of one kind. Where the
-- command is not allowed or not known it is made of the records at both ends.
local function measure(key)
  local count = redis.pcall('LLEN', key)
  if type(count) == 'table' or count == 0 then return 0, 0 end
  local bytes = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', 64)
  if type(bytes) == 'number' then return bytes, count end
  local sum, seen = 0, 0
  for _, part in ipairs({ redis.call('LRANGE', key, 0, 15), redis.call('LRANGE', key, -16, -1) }) do
    for i = 1, #part do
      sum = sum + #part[i] + 11
      seen = seen + 1
    end
  end
  return math.ceil(sum / seen * count), count
end

local answer = {}
for i = 1, #KEYS do
  local bytes, count = measure(KEYS[i])
  answer[2 * i - 1], answer[2 * i] = bytes, count
end
return answer
