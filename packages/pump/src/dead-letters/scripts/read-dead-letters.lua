-- Reads whole dead letters. Each is named by what stands before its bytes and by the index it had when it was listed: it
-- may have moved towards the head of the list since, never away from it.
--
-- KEYS[1] list of dead letters
-- ARGV in pairs: index, what the letter begins with
--
-- Returns a list of texts in the order of the pairs, an empty text for one that is gone.
local found = {}
local last = redis.call('LLEN', KEYS[1]) - 1
for i = 1, #ARGV, 2 do
  local place = (i + 1) / 2
  found[place] = ''
  for index = math.min(tonumber(ARGV[i]), last), 0, -1 do
    local entry = redis.call('LINDEX', KEYS[1], index)
    if string.sub(entry, 1, #ARGV[i + 1]) == ARGV[i + 1] then
      found[place] = entry
      break
    end
  end
end
return found
