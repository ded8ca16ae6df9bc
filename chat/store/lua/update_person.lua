-- Adds messages to a person's conversations and unread messages, and delivers frames to them: gives each the next of this
-- person's positions, keeps it for sockets that resume, and publishes it. One step, so that the kept order equals the
-- published order. Safe to repeat: what was added or delivered before is not added or counted again.
-- KEYS: deliveries, conversations, read marks, unwanted messages, then for each message that may be unread its inbox; then,
--       if only what the same round trip has stored is wanted, the set of its ids
-- ARGV: named below, then for each message: partner, ms, its id, 1 or '' for whether it may be unread, and up to where they
--       have read the conversation; then for each frame: channel, member (which begins with the message's id), and its
--       envelope's parts before and after the position
local deliveries, conversations, read, unwanted = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local next_inbox = 5
local id_length = 26 -- of a ULID
local keep = tonumber(ARGV[1]) -- how many frames to keep
local seconds = ARGV[2] -- how long to keep them
local keep_position = ARGV[3] == '1' -- whether a frame that was delivered before keeps its old position
local max_unread = tonumber(ARGV[4]) -- in an inbox
local batch_bytes = tonumber(ARGV[5]) -- of frames published together
local stored_now = ARGV[6] == '1' and KEYS[#KEYS]
local messages = tonumber(ARGV[7])
local first_message = 8
local first_frame = first_message + 5 * messages
local accepted = 0 -- when the newest of the messages was, by the clock of its partition

local function is_wanted(id)
  return not stored_now or redis.call('SISMEMBER', stored_now, id) == 1
end

for i = first_message, first_frame - 1, 5 do
  local partner, ms, id, may_be_unread, up_to = unpack(ARGV, i, i + 4)
  local inbox
  if may_be_unread ~= '' then
    inbox = KEYS[next_inbox]
    next_inbox = next_inbox + 1
  end
  if is_wanted(id) then
    redis.call('ZADD', conversations, 'GT', ms, partner)
    accepted = math.max(accepted, tonumber(ms) * 1000)
    -- It may have been read, or deleted, since it was stored.
    local lately = inbox and redis.call('HGET', read, partner) or ''
    if inbox and up_to < id and lately < id and not redis.call('ZSCORE', unwanted, id) then
      redis.call('ZADD', inbox, 0, id)
      redis.call('ZREMRANGEBYRANK', inbox, 0, -max_unread - 1)
    end
  end
end
if first_frame > #ARGV then return end

local newest = redis.call('ZRANGE', deliveries, -1, -1, 'WITHSCORES')[2]
local last = tonumber(newest or '0')
local time = redis.call('TIME')
-- Not before they were accepted, or whoever resumes after one whose position is unknown would miss what came with it.
local now = math.max(tonumber(time[1]) * 1000000 + tonumber(time[2]), accepted)
local channel, batch, bytes = '', {}, 0

local function publish()
  if #batch > 0 then redis.call('PUBLISH', channel, table.concat(batch, '\n')) end
  batch, bytes = {}, 0
end

for i = first_frame, #ARGV, 4 do
  local member, before, after = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if is_wanted(string.sub(member, 1, id_length)) then
    local position = keep_position and redis.call('ZSCORE', deliveries, member)
    if not position then
      last = math.max(now, last + 1)
      position = string.format('%.0f', last)
      redis.call('ZADD', deliveries, position, member)
    end
    if ARGV[i] ~= channel or bytes > batch_bytes then publish() end
    channel = ARGV[i]
    batch[#batch + 1] = before .. position .. after
    bytes = bytes + #before + #after
  end
end
publish()
redis.call('ZREMRANGEBYRANK', deliveries, 0, -keep - 1)
redis.call('EXPIRE', deliveries, seconds)
