-- Takes dead letters out of the list. Each is named by what stands before its bytes and by the index it had when it was
-- listed: it may have moved towards the head of the list since, never away from it.
--
-- KEYS[1] list of dead letters       KEYS[2] counts: pushed, evicted, bytes        KEYS[3] set of the ids in the list
-- ARGV[1] the count that tells why: replayed or dropped           ARGV[2..] in pairs: index, what the letter begins with
--
-- Returns the number of letters removed.
local removed, bytes = 0, 0
local last = redis.call('LLEN', KEYS[1]) - 1
for i = 2, #ARGV, 2 do
  for index = math.min(tonumber(ARGV[i]), last), 0, -1 do
    local entry = redis.call('LINDEX', KEYS[1], index)
    if string.sub(entry, 1, #ARGV[i + 1]) == ARGV[i + 1] then
      local id = string.match(string.sub(entry, 1, 40), '^{"id":"(%w+)"')
      if id then redis.call('SREM', KEYS[3], id) end
      -- No letter is like this. All of them go at once below, so that no index changes before.
      redis.call('LSET', KEYS[1], index, 'removed')
      removed, bytes = removed + 1, bytes + #entry
      break
    end
  end
end
if removed > 0 then
  redis.call('LREM', KEYS[1], 0, 'removed')
  redis.call('HINCRBY', KEYS[2], 'bytes', -bytes)
  redis.call('HINCRBY', KEYS[2], ARGV[1], removed)
end
return removed
