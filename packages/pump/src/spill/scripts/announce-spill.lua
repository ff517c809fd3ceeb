-- Says that a lease is about to be written to a file. From here on a file of this id that was not committed counts for
-- nothing, because the lease has its records.
--
-- KEYS[1] lease list       KEYS[2] lease meta      KEYS[3] spilled segments      KEYS[4] folders
-- ARGV[1] lease id         ARGV[2] token of the hold       ARGV[3] id of the segment, used for no other file
-- ARGV[4] name of the folder                               ARGV[5] where that is, for people
--
-- Returns the offset of the first record in the list, the total, 1 if the lease is only for the sinks it names or else 0,
-- then of each sink that has not finished it the name and the offset; -1: somebody else has a part in it; -3: there is no
-- such lease.
local meta = redis.call('HGETALL', KEYS[2])
local left = redis.call('LLEN', KEYS[1])
if #meta == 0 or left == 0 then return { -3 } end
local acked, only, offsets, holders = 0, 0, {}, {}
for i = 1, #meta, 2 do
  local name, value = meta[i], meta[i + 1]
  if name == 'acked' then acked = tonumber(value)
  elseif name == 'only' then only = 1
  elseif string.sub(name, 1, 7) == 'offset:' then offsets[string.sub(name, 8)] = tonumber(value)
  elseif string.sub(name, 1, 6) == 'owner:' then holders[string.sub(name, 7)] = value
  end
end
local answer, pending, hands = { acked, acked + left, only }, {}, {}
for sink, offset in pairs(offsets) do
  if offset < acked + left then
    if holders[sink] ~= ARGV[2] then return { -1 } end
    pending[sink], hands[sink] = offset, ARGV[2]
    answer[#answer + 1] = sink
    answer[#answer + 1] = offset
  end
end
local now = tonumber(redis.call('TIME')[1])
local entry = {
  state = 'writing', token = ARGV[2], folder = ARGV[4], place = ARGV[5],
  at = now, total = acked + left, offsets = pending, holders = hands,
}
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[1])
redis.call('HSET', KEYS[3], ARGV[3], cjson.encode(entry))
redis.call('HSET', KEYS[4], ARGV[4], string.format('%d %s', now, string.match(ARGV[2], '^(.*)#')))
redis.call('EXPIRE', KEYS[4], 2592000)
return answer
