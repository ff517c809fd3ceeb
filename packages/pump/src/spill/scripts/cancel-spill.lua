-- Takes back what announce-spill.lua said, unless it was committed.
--
-- KEYS[1] spilled segments
-- ARGV[1] id of the segment        ARGV[2] token of the hold       ARGV[3] 1: there is no file and will be none
--
-- Returns 1: taken back, or nothing was there; 0: it was committed, or is somebody else's.
--
-- While a file may be there, or may come, the entry has to stay: without one the file would count once the lease is gone.
local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text then return 1 end
local entry = cjson.decode(text)
if entry.state == 'spilled' or entry.token ~= ARGV[2] then return 0 end
entry.state = 'useless'
if ARGV[3] == '1' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(entry))
end
return 1
