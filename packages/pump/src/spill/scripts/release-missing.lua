-- Gives up what waits in a spilled segment whose file nobody has, and forgets the segment once no sink waits for it.
--
-- KEYS[1] spilled segments         KEYS[2] tallies of spilled segments     KEYS[3] mark of a segment that was given up so
-- KEYS[4] owners           KEYS[5] folders
-- KEYS[6..] of each lease that was made of it its meta and who ended it, then hashes of the ledger
-- ARGV[1] id of the segment        ARGV[2] the entry as it was read        ARGV[3] sink; empty: all
-- ARGV[4] seconds the mark lives   ARGV[5] number of leases
-- ARGV[6] 1: only if no living pump has its folder                         ARGV[7] seconds a hash of the ledger lives
-- ARGV[8..] of each sink its name and the number of its entries, and for each entry the number of its hash from 1,
-- field, records
--
-- Returns 1: done; 0: nothing was done, because the entry is not as it was read; -1: a living pump has the folder.
--
-- The file may still come back, from a disk that was away or from a copy. The mark then tells that its records were given up:
-- without it they would be delivered, also to sinks that had them.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
local entry = cjson.decode(ARGV[2])
if ARGV[6] == '1' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local function lives(owner)
    local deadline = owner and redis.call('HGET', KEYS[4], owner)
    return deadline and tonumber(deadline) > now
  end
  local seen = redis.call('HGET', KEYS[5], entry.folder)
  if seen and lives(string.match(seen, '^%d+ (.*)$')) then return -1 end
  -- A folder has the name of the pump that looked through it last. Another one may share it.
  for _, tokens in pairs(entry.holders or {}) do
    for token in string.gmatch(tokens, '%S+') do
      if lives(string.match(token, '^(.*)#')) then return -1 end
    end
  end
end
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[1])
local leases = tonumber(ARGV[5])
local at = 8
while ARGV[at] do
  local entries = tonumber(ARGV[at + 1])
  for i = at + 2, at + entries * 3 + 1, 3 do
    local hash = KEYS[5 + 2 * leases + tonumber(ARGV[i])]
    redis.pcall('HINCRBY', hash, ARGV[i + 1], ARGV[i + 2])
    -- Why they are dropped: the same field with another first word.
    redis.pcall('HINCRBY', hash, (string.gsub(ARGV[i + 1], '^dropped', 'file-gone')), ARGV[i + 2])
    redis.pcall('EXPIRE', hash, ARGV[7])
  end
  at = at + 2 + entries * 3
end
if ARGV[3] ~= '' then
  entry.offsets[ARGV[3]] = nil
  if entry.given then entry.given[ARGV[3]] = nil end
  if next(entry.offsets) ~= nil or next(entry.given or {}) ~= nil then
    redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(entry))
    return 1
  end
end
for lease = 1, leases do
  local meta, finished = KEYS[4 + 2 * lease], KEYS[5 + 2 * lease]
  -- Its records are in Redis alone now, and nobody looks any more for who ended it.
  if redis.call('EXISTS', meta) == 1 then
    redis.call('HSET', meta, 'moved', '1')
    redis.call('HDEL', meta, 'segment', 'base')
  end
  redis.call('EXPIRE', finished, 21600)
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('SET', KEYS[3], '1', 'EX', ARGV[4])
return 1
