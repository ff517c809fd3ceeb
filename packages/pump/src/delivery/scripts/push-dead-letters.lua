-- Keeps dead letters, newest last, and removes the oldest ones beyond the bounds.
--
-- KEYS[1] list of dead letters       KEYS[2] counts: pushed, evicted, bytes
-- ARGV[1] most entries               ARGV[2] most bytes             ARGV[3..] entries
--
-- Returns a list: entries now, entries evicted by this call.
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[1])
for i = 3, #ARGV do
  redis.call('RPUSH', KEYS[1], ARGV[i])
  redis.call('HINCRBY', KEYS[2], 'bytes', #ARGV[i])
end
redis.call('HINCRBY', KEYS[2], 'pushed', #ARGV - 2)
local size = redis.call('LLEN', KEYS[1])
local bytes = tonumber(redis.call('HGET', KEYS[2], 'bytes'))
local evicted = 0
while size > tonumber(ARGV[1]) or (bytes > tonumber(ARGV[2]) and size > 1) do
  bytes = bytes - #redis.call('LPOP', KEYS[1])
  size = size - 1
  evicted = evicted + 1
end
if evicted > 0 then
  redis.call('HSET', KEYS[2], 'bytes', string.format('%.0f', bytes))
  redis.call('HINCRBY', KEYS[2], 'evicted', evicted)
end
return { size, evicted }
