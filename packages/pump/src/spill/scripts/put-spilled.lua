-- Puts records of a file back as a lease, for sinks of this pump that the segment waits for. The entry keeps which sinks'
-- part is in which lease, and the file stays, until those leases are finished. A lease is for the sinks that it names and no
-- others: those that had finished the records are not named any more, and must not be taken for new ones.
--
-- KEYS[1] lease list       KEYS[2] lease meta      KEYS[3] set of leases    KEYS[4] owners           KEYS[5] spilled segments
-- KEYS[6..] hashes of the ledger
-- ARGV[1] id of the segment        ARGV[2] id of the lease         ARGV[3] owner           ARGV[4] token of this hold
-- ARGV[5] ms the owner lives without a sign        ARGV[6] entry of the segment if Redis has none, or empty
-- ARGV[7] offset in the segment of the first record; empty: the file is damaged, so they do not follow each other
-- ARGV[8] number of sinks         ARGV[9] number of arguments for the ledger
-- ARGV[10..] sinks with offsets in the lease; for the ledger, which has what is lost of the file as dropped, the seconds a
-- hash lives, then of each sink its name and the number of its entries, and for each entry the number of its hash from 1,
-- field, records; then records
--
-- Returns the entry as JSON, then the sinks that the lease is for; none when the segment waits for none of them there any
-- more.
-- Returns -1 when Redis has no entry and none was given, or one that says that the file does not count.
--
-- The lease says which segment it is of, so that the scripts that move its offsets move those in the entry as well. What was
-- acknowledged of a lease that is lost afterwards is then not brought, nor booked, once more.
local text = redis.call('HGET', KEYS[5], ARGV[1])
if not text then text = ARGV[6] end
if text == '' then return { -1 } end
local entry = cjson.decode(text)
if entry.state ~= 'spilled' then return { -1 } end
local isDamaged = ARGV[7] == ''
local ledger = 10 + 2 * ARGV[8]
local records = ledger + ARGV[9]
local total = #ARGV - records + 1
local sinks, fields, back = {}, {}, {}
for i = 10, ledger - 1, 2 do
  local sink = ARGV[i]
  local offset = entry.offsets[sink]
  -- It may have moved since the caller has read the entry.
  if offset and (isDamaged or offset == ARGV[7] + ARGV[i + 1]) then
    sinks[#sinks + 1] = sink
    if tonumber(ARGV[i + 1]) < total then
      for _, field in ipairs({ 'offset:' .. sink, ARGV[i + 1], 'owner:' .. sink, ARGV[4] }) do
        fields[#fields + 1] = field
      end
      back[sink] = offset
    end
  end
end
if #sinks == 0 then return { text } end
if #fields > 0 then
  for i = records, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[i]) end
  redis.call('HSET', KEYS[2], 'acked', 0, 'total', total, 'only', 1, 'moved', 'file', unpack(fields))
  if not isDamaged then redis.call('HSET', KEYS[2], 'segment', ARGV[1], 'base', ARGV[7]) end
  redis.call('SADD', KEYS[3], ARGV[2])
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('HSET', KEYS[4], ARGV[3], string.format('%.0f', now + ARGV[5]))
  entry.back = entry.back or {}
  entry.back[ARGV[2]] = back
end
-- As above of a Redis that is out of memory: here nothing grows that could not be spared.
if #fields == 0 then redis.call('PERSIST', KEYS[5]) end
local at = ledger + 1
while at < records do
  local entries = tonumber(ARGV[at + 1])
  entry.damaged = entry.damaged or {}
  -- Once, also when what was made of the file is lost and it is read again.
  if entry.offsets[ARGV[at]] ~= nil and not entry.damaged[ARGV[at]] then
    entry.damaged[ARGV[at]] = 1
    for i = at + 2, at + entries * 3 + 1, 3 do
      local hash = KEYS[5 + tonumber(ARGV[i])]
      redis.pcall('HINCRBY', hash, ARGV[i + 1], ARGV[i + 2])
      redis.pcall('EXPIRE', hash, ARGV[ledger])
    end
  end
  at = at + 2 + entries * 3
end
for _, sink in ipairs(sinks) do entry.offsets[sink] = nil end
if isDamaged then entry.torn = 1 end
text = cjson.encode(entry)
redis.call('HSET', KEYS[5], ARGV[1], text)
return { text, unpack(sinks) }
