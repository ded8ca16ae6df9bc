-- Begins an attempt to transcribe the next voice message in turn, and counts it. chat/voice/turns.py describes the order.
-- The attempt is leased until its new due time; the worker renews the lease while it lives.
-- `transcriptions` has every waiting message with the time its next attempt is due. A message that is due gets a place in
-- a line and the time +inf, so that each call looks only at those that have just become due.
-- A message whose workers keep crashing may be the cause. From some number of crashes on, only one such message is
-- tried at a time, so that messages that merely ran alongside the culprit stop crashing with it.
-- KEYS, ARGV: named below
-- Returns the message's id, the number of this attempt, and 1 if it is made alone, else 0; nothing if no message may be
-- taken now; or {'unknown', id, ...}: due messages whose turns must be noted first.
local transcriptions, turns, lines, used = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local people = {short = KEYS[5], long = KEYS[6], alone = KEYS[7]} -- the people with messages in that line
local attempts, crashes, tried_alone, running = KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local worker, task = ARGV[1], ARGV[2] -- that take it
local lease_ms = tonumber(ARGV[3])
local crashes_together = tonumber(ARGV[4]) -- from this many crashes on, the message is tried alone
local long_ms = tonumber(ARGV[5]) -- a longer recording is a long one
local max_long = tonumber(ARGV[6]) -- long recordings the worker may run at the same time
local patience = tonumber(ARGV[7]) -- ms a recording stands back for each ms of its length
local min_ms = tonumber(ARGV[8]) -- a shorter recording uses up as much of a turn
local used_kept_ms = tonumber(ARGV[9]) -- how long to remember what a person used beyond that time
local page = tonumber(ARGV[10]) -- messages to look at
local skips_unknown = ARGV[11] == '1'

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function turn_of(id)
  local person, entered, length = string.match(redis.call('HGET', turns, id) or '', '^(%S+) (%d+) (%d+)$')
  return person, tonumber(entered), tonumber(length)
end

local function first_in_line(kind, person)
  local from = kind .. ' ' .. person
  local member = redis.call('ZRANGE', lines, '[' .. from .. ' ', '(' .. from .. '!', 'BYLEX', 'LIMIT', 0, 1)[1]
  return member, member and string.match(member, '%S+$')
end

-- Puts a person at the place of their first message in that line, or further back by what they have used.
local function place(kind, person)
  local member, id = first_in_line(kind, person)
  if not member then
    redis.call('ZREM', people[kind], person)
    return
  end
  local _, entered, length = turn_of(id)
  local from = math.max(entered or 0, tonumber(redis.call('ZSCORE', used, person) or 0))
  redis.call('ZADD', people[kind], from + patience * (length or 0), person)
end

local unknown = {'unknown'}
for _, id in ipairs(redis.call('ZRANGE', transcriptions, '-inf', now, 'BYSCORE', 'LIMIT', 0, page)) do
  local person, entered, length = turn_of(id)
  if person then
    local kind = length > long_ms and 'long' or 'short'
    if tonumber(redis.call('HGET', crashes, id) or 0) >= crashes_together then kind = 'alone' end
    local order = string.format('%015.0f', entered + patience * length)
    redis.call('ZADD', lines, 0, kind .. ' ' .. person .. ' ' .. order .. ' ' .. id)
    redis.call('ZADD', transcriptions, 'XX', '+inf', id)
    place(kind, person)
  else
    unknown[#unknown + 1] = id
  end
end
if #unknown > 1 and not skips_unknown then return unknown end

local long_now = 0
local held = redis.call('HGETALL', running)
for i = 1, #held, 2 do
  local due = tonumber(redis.call('ZSCORE', transcriptions, held[i]) or 0)
  if due <= now or due == math.huge then
    redis.call('HDEL', running, held[i]) -- its lease has run out
  else
    local by, is_long = string.match(held[i + 1], '^(%S+) %S+ (%d)$')
    if by == worker and is_long == '1' then long_now = long_now + 1 end
  end
end

local function may_be_taken(kind, id, length)
  if length > long_ms and long_now >= max_long then return false end
  if kind ~= 'alone' then return true end
  local other = redis.call('GET', tried_alone)
  return not other or other == id
end

-- Returns the message whose turn it is, among the first of each line.
local function next_in_turn()
  local best
  for _, kind in ipairs({'short', 'long', 'alone'}) do
    local person, place_of = unpack(redis.call('ZRANGE', people[kind], 0, 0, 'WITHSCORES'))
    if person and (not best or tonumber(place_of) < best.place) then
      local member, id = first_in_line(kind, person)
      local _, _, length = turn_of(id)
      length = length or 0
      if may_be_taken(kind, id, length) then
        best = {kind = kind, person = person, place = tonumber(place_of), member = member, id = id, length = length}
      end
    end
  end
  return best
end

for _ = 1, page do
  local taken = next_in_turn()
  if not taken then return false end
  local id, person = taken.id, taken.person
  redis.call('ZREM', lines, taken.member)
  if tonumber(redis.call('ZSCORE', transcriptions, id) or 0) == math.huge then -- else it no longer waits, or not yet again
    local from = math.max(now, tonumber(redis.call('ZSCORE', used, person) or 0))
    redis.call('ZREMRANGEBYSCORE', used, '-inf', now - used_kept_ms)
    redis.call('ZADD', used, from + patience * math.max(taken.length, min_ms), person)
    for kind in pairs(people) do place(kind, person) end
    local alone = taken.kind == 'alone'
    if alone then redis.call('SET', tried_alone, id, 'PX', lease_ms) end
    redis.call('ZADD', transcriptions, 'XX', now + lease_ms, id)
    redis.call('HSET', running, id, worker .. ' ' .. task .. ' ' .. (taken.length > long_ms and 1 or 0))
    redis.call('HINCRBY', crashes, id, 1) -- removed when the attempt ends normally
    return {id, redis.call('HINCRBY', attempts, id, 1), alone and 1 or 0}
  end
  place(taken.kind, person)
end
return false
