-- Gives up, in spilled segments of one source list, what waits for one sink and is in no living pump's hands for it; or only
-- counts it. A pump that has other sinks of the segment goes on with those. The pump that has the files removes those that
-- nobody waits for. It also books what was given up, since only it can read of which APIs that is; until then the entry
-- says so.
--
-- KEYS[1] owners           KEYS[2] spilled segments
-- ARGV[1] sink             ARGV[2] 1: give up, 0: count            ARGV[3] 1: it is to be booked
-- ARGV[4..] ids of segments
--
-- Returns a list: segments and records that are given up, segments and records that a living pump holds and that are left.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local living = {}
local owners = redis.call('HGETALL', KEYS[1])
for i = 1, #owners, 2 do
  if tonumber(owners[i + 1]) > now then living[owners[i]] = true end
end
local answer = { 0, 0, 0, 0 }
for i = 4, #ARGV do
  local text = redis.call('HGET', KEYS[2], ARGV[i])
  local entry = text and cjson.decode(text)
  local offset = entry and entry.state == 'spilled' and entry.offsets[ARGV[1]]
  if offset then
    local place = 1
    for token in string.gmatch(entry.holders and entry.holders[ARGV[1]] or '', '%S+') do
      if living[string.match(token, '^(.*)#')] then place = 3 end
    end
    answer[place] = answer[place] + 1
    answer[place + 1] = answer[place + 1] + entry.total - offset
    if place == 1 and ARGV[2] == '1' then
      entry.offsets[ARGV[1]] = nil
      if ARGV[3] == '1' then
        entry.given = entry.given or {}
        entry.given[ARGV[1]] = offset
      end
      redis.call('HSET', KEYS[2], ARGV[i], cjson.encode(entry))
    end
  end
end
return answer
