-- Keeps dead letters, newest last, and removes the oldest ones beyond the bounds. One that is there already is not kept
-- twice: a pump that was killed between this and its commit refuses the same record again.
--
-- KEYS[1] list of dead letters       KEYS[2] counts: pushed, evicted, bytes        KEYS[3] set of the ids in the list
-- ARGV[1] most entries               ARGV[2] most bytes                            ARGV[3..] entries
--
-- Returns a list: entries now, entries evicted by this call.
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[1])
-- Every entry begins with its id; those of the first release had none.
local function idOf(entry) return string.match(string.sub(entry, 1, 40), '^{"id":"(%w+)"') end
-- The set may be wrong after somebody took letters out by hand: only the list itself is believed.
local function isThere(id)
  if redis.call('SADD', KEYS[3], id) == 1 then return false end
  for index = redis.call('LLEN', KEYS[1]) - 1, 0, -1 do
    if idOf(redis.call('LINDEX', KEYS[1], index)) == id then return true end
  end
  return false
end
local pushed = 0
for i = 3, #ARGV do
  local id = idOf(ARGV[i])
  if not id or not isThere(id) then
    redis.call('RPUSH', KEYS[1], ARGV[i])
    redis.call('HINCRBY', KEYS[2], 'bytes', #ARGV[i])
    pushed = pushed + 1
  end
end
if pushed > 0 then redis.call('HINCRBY', KEYS[2], 'pushed', pushed) end
local size = redis.call('LLEN', KEYS[1])
local bytes = tonumber(redis.call('HGET', KEYS[2], 'bytes') or '0')
local evicted = 0
while size > tonumber(ARGV[1]) or (bytes > tonumber(ARGV[2]) and size > 1) do
  local entry = redis.call('LPOP', KEYS[1])
  local id = idOf(entry)
  if id then redis.call('SREM', KEYS[3], id) end
  bytes = bytes - #entry
  size = size - 1
  evicted = evicted + 1
end
if evicted > 0 then
  redis.call('HSET', KEYS[2], 'bytes', string.format('%.0f', bytes))
  redis.call('HINCRBY', KEYS[2], 'evicted', evicted)
end
return { size, evicted }
