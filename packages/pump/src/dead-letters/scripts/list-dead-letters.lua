-- Reads what stands before the bytes of some dead letters: with them a page could be hundreds of megabytes.
--
-- KEYS[1] list of dead letters
-- ARGV[1] first index      ARGV[2] last index
--
-- Returns a list of texts.
local heads = {}
for i, entry in ipairs(redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])) do
  local at = string.find(entry, ',"raw":"', 1, true)
  heads[i] = at and string.sub(entry, 1, at - 1) or entry
end
return heads
