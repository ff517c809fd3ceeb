-- Removes a lease whose records are safe in a file. From here on the file has them.
--
-- KEYS[1] lease list       KEYS[2] lease meta      KEYS[3] set of leases    KEYS[4] spilled segments
-- KEYS[5] who ended it     KEYS[6] tallies of spilled segments
-- ARGV[1] lease id         ARGV[2] token of the hold       ARGV[3] id of the segment
-- ARGV[4] bytes of the file        ARGV[5] records in it
-- ARGV[6] how many of which APIs, for when the file is gone, as JSON; empty: not known
--
-- Returns 1: done, now or by a call whose reply was lost; -1: the lease is not wholly this hold's any more, it stays, and the
-- file is of no use; -3: Redis knows nothing of either, so it was emptied, and the file is all there is.
local text = redis.call('HGET', KEYS[4], ARGV[3])
local exists = redis.call('EXISTS', KEYS[1]) == 1
if not text then return exists and -1 or -3 end
local entry = cjson.decode(text)
-- Perhaps another pump has it in its hands by now; no other than this one has committed it.
if entry.state == 'spilled' then return 1 end
if entry.token ~= ARGV[2] then return -1 end
-- Taken back, or somebody else has finished the lease since: its records went out, and the file would bring them again.
if entry.state ~= 'writing' or not exists then return -1 end
-- A sink that moved, came or went since the file was written: what it says of the sinks is not true any more.
for sink, offset in pairs(entry.offsets) do
  local now = redis.call('HMGET', KEYS[2], 'owner:' .. sink, 'offset:' .. sink)
  if now[1] ~= ARGV[2] or tonumber(now[2]) ~= offset then return -1 end
end
local meta = redis.call('HGETALL', KEYS[2])
local moved = nil
for i = 1, #meta, 2 do
  if meta[i] == 'moved' then moved = meta[i + 1] end
  if string.sub(meta[i], 1, 7) == 'offset:' then
    if tonumber(meta[i + 1]) < entry.total and not entry.offsets[string.sub(meta[i], 8)] then return -1 end
  end
end
-- First what gives memory back: a Redis that is out of memory lets the rest pass only after that.
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SREM', KEYS[3], ARGV[1])
entry.state, entry.bytes, entry.records = 'spilled', tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('HSET', KEYS[4], ARGV[3], cjson.encode(entry))
if ARGV[6] ~= '' then redis.call('HSET', KEYS[6], ARGV[3], ARGV[6]) end
if moved then redis.call('SET', KEYS[5], ARGV[2], unpack(moved == '1' and { 'EX', 21600 } or {})) end
return 1
