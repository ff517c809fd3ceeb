-- Says what a file of spilled records is worth.
--
-- KEYS[1] lease list the segment was       KEYS[2] owners          KEYS[3] spilled segments
-- KEYS[4] folders          KEYS[5] mark of a segment that was given up without its file
-- KEYS[6..] of each lease that was made of it, as far as the caller knows, its list and who ended it
-- ARGV[1] id of the segment        ARGV[2] owner; empty: a person asks, who has no folder
-- ARGV[3] 1: this owner is writing it at this moment       ARGV[4] name of the folder       ARGV[5] where that is, for people
-- ARGV[6] 1: the file is there; 0: it is not; empty: not known
-- ARGV[7] number of sinks          ARGV[8..] sinks of this owner, then ids of those leases
--
-- Returns
--   'spilled', entry   the file has the records, or has to be kept; the entry as JSON
--   'done', entry      no sink waits for it any more, and what was made of it is finished
--   'useless', entry   the lease has, or had, the records: it was never removed for this file
--   'busy'             a living pump is writing it
--   'alone'            Redis knows of neither file nor lease: Redis was emptied, and the file is all there is
--   'released'         a person has given it up when the file was not to be found
--   'gone'             there is neither a file nor an entry
--
-- The entry stays when it says `done` or `useless`, and goes only after the file: a file without an entry would be
-- delivered, once the lease is gone. Of sinks that this owner has the segment comes into its hands, beside those of others
-- that share the folder. A segment whose file is gone is in nobody's hands, and the entry says since when it is missed.
--
-- A lease made of the file that is gone although nobody has ended it was lost: its sinks wait for the file again.
local time = redis.call('TIME')
-- A Redis that is out of memory refuses a script's first write if that could grow; PERSIST cannot, and what follows passes.
redis.call('PERSIST', KEYS[3])
local text = redis.call('HGET', KEYS[3], ARGV[1])
if not text then
  if ARGV[6] ~= '1' then return { 'gone' } end
  if redis.call('EXISTS', KEYS[5]) == 1 then return { 'released' } end
  if redis.call('EXISTS', KEYS[1]) == 0 then return { 'alone' } end
  local entry = {
    state = 'useless', token = ARGV[2] .. '#0', folder = ARGV[4], place = ARGV[5],
    at = tonumber(time[1]), total = 0, offsets = {},
  }
  text = cjson.encode(entry)
  redis.call('HSET', KEYS[3], ARGV[1], text)
  return { 'useless', text }
end
local entry = cjson.decode(text)
if ARGV[2] ~= '' then
  local seen = redis.call('HGET', KEYS[4], ARGV[4]) or ''
  local at, by = string.match(seen, '^(%d+) (.*)$')
  if by ~= ARGV[2] or tonumber(time[1]) - tonumber(at) >= 5 then
    redis.call('HSET', KEYS[4], ARGV[4], time[1] .. ' ' .. ARGV[2])
    redis.call('EXPIRE', KEYS[4], 2592000)
  end
end
if entry.state == 'useless' then return { 'useless', text } end

local function lives(token)
  local owner = token and string.match(token, '^(.*)#')
  if not owner or owner == ARGV[2] then return owner ~= nil end
  local deadline = redis.call('HGET', KEYS[2], owner)
  return deadline ~= false and tonumber(deadline) > time[1] * 1000 + math.floor(time[2] / 1000)
end

if entry.state == 'writing' then
  local isOwn = string.match(entry.token, '^(.*)#') == ARGV[2]
  if lives(entry.token) and (not isOwn or ARGV[3] == '1') then return { 'busy' } end
  -- A pump that only slept must not commit it any more.
  entry.state = 'useless'
  text = cjson.encode(entry)
  redis.call('HSET', KEYS[3], ARGV[1], text)
  return { 'useless', text }
end
local changed = false
local sinks = tonumber(ARGV[7])
for i = 8 + sinks, #ARGV do
  local at = 6 + 2 * (i - 8 - sinks)
  local list, finished = KEYS[at], KEYS[at + 1]
  local offsets = entry.back and entry.back[ARGV[i]]
  if offsets and redis.call('EXISTS', list) == 0 then
    -- Some pump may still sleep that held the lease: it must hear that it was finished.
    if redis.call('EXPIRE', finished, 21600) == 0 then
      for sink, offset in pairs(offsets) do
        if offset < entry.total then entry.offsets[sink] = offset end
      end
    end
    entry.back[ARGV[i]] = nil
    changed = true
  end
end
local waits = next(entry.offsets) ~= nil or next(entry.given or {}) ~= nil
if ARGV[6] == '0' then
  if waits and not entry.missing then
    entry.missing, entry.holders = tonumber(time[1]), nil
    changed = true
  end
else
  if ARGV[6] == '1' and entry.missing then
    entry.missing = nil
    changed = true
  end
  entry.holders = entry.holders or {}
  for i = 8, 7 + sinks do
    local holders = entry.offsets[ARGV[i]] and (entry.holders[ARGV[i]] or '')
    if holders then
      local living, isOwn = {}, false
      for token in string.gmatch(holders, '%S+') do
        if string.match(token, '^(.*)#') == ARGV[2] then isOwn = true
        elseif lives(token) then living[#living + 1] = token
        end
      end
      if not isOwn then
        living[#living + 1] = ARGV[2] .. '#0'
        entry.holders[ARGV[i]] = table.concat(living, ' ')
        changed = true
      end
    end
  end
end
if changed then
  text = cjson.encode(entry)
  redis.call('HSET', KEYS[3], ARGV[1], text)
end
if not waits and next(entry.back or {}) == nil then return { 'done', text } end
return { 'spilled', text }
