-- Books what was given up of a spilled segment by command, which could not read the file.
--
-- KEYS[1] spilled segments         KEYS[2..] hashes of the ledger
-- ARGV[1] id of the segment        ARGV[2] 1: its file is damaged          ARGV[3] seconds a hash lives
-- ARGV[4..] of each sink its name and the number of its entries, and for each entry the number of its hash from 1, field,
-- records
--
-- Returns the entry as JSON, or nothing when there is none any more.
local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text then return false end
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[1])
local entry = cjson.decode(text)
if ARGV[2] == '1' then entry.torn = 1 end
local at = 4
while ARGV[at] do
  local entries = tonumber(ARGV[at + 1])
  if entry.given and entry.given[ARGV[at]] then
    for i = at + 2, at + entries * 3 + 1, 3 do
      local hash = KEYS[1 + tonumber(ARGV[i])]
      redis.pcall('HINCRBY', hash, ARGV[i + 1], ARGV[i + 2])
      redis.pcall('EXPIRE', hash, ARGV[3])
    end
    entry.given[ARGV[at]] = nil
  end
  at = at + 2 + entries * 3
end
text = cjson.encode(entry)
redis.call('HSET', KEYS[1], ARGV[1], text)
return text
