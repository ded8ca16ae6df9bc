-- Accepts a message: adds the log entry, records the clientId and claims the upload, all or nothing. The same round
-- trip checks the sender's session and counts against their limits, because messages are the most frequent calls.
-- KEYS: log, waking flag, receiver's user, clientId (or this call's own key), upload or '', the sender's revoked-token
--       and ended-sessions keys, sender's user, hot complete, then the counters of the sender's limits of messages and
--       of transcribed audio (ms)
-- ARGV: named below, then for each counter its maximum and its seconds, then the entry: field, value, ...
-- The recording's duration and peaks are copied from the upload into the entry.
-- Returns {outcome, ...}, where outcome is one of
--   accepted, again (the clientId was accepted before): followed by the receipt
--   wake: nothing was accepted; wake the drainer, then call again
--   ended: the session has ended
--   session: Redis cannot tell whether the session is valid
--   limited, audio: a limit of messages, or of transcribed audio, is reached; followed by the seconds to wait
--   receiver, upload: unknown to Redis
--   taken: the upload is somebody else's
--   sent: it was sent before; followed by the receipt of that message, and its receiver
--   full: the log has no room
local log, waking, receiver_user, client, upload = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local ended_token, ended_sessions, sender_user, hot_complete = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local first_counter = 10

local sender, receiver = ARGV[1], ARGV[2]
local receipt_suffix = ARGV[3] -- what follows the entry's id in the receipt
local log_limit = tonumber(ARGV[4])
local client_seconds = ARGV[5] -- how long to keep a clientId
local waking_ms = ARGV[6] -- how long to keep the waking flag
local force = ARGV[7] == '1' -- accept even if the flag is gone again after several wake-ups
local token = ARGV[8] -- '' if the session is not to be checked
local issued_ms = tonumber(ARGV[9]) -- when that token was issued
local counts = ARGV[10] == '1' -- whether this call counts against the limits
local limits = tonumber(ARGV[11]) -- how many counters there are
local audio_limits = tonumber(ARGV[12]) -- and how many of transcribed audio; only accepted messages count against these
local cost = tonumber(ARGV[13]) -- what this message counts for against the limits of messages
local first_limit = 14
local first_field = first_limit + 2 * (limits + audio_limits)

-- Returns the counter of a limit, its maximum and its seconds.
local function limit(i)
  return KEYS[first_counter + i], tonumber(ARGV[first_limit + 2 * i]), ARGV[first_limit + 2 * i + 1]
end

if token ~= '' then
  if redis.call('EXISTS', ended_token) == 1 then return {'ended'} end
  local ended = redis.call('GET', ended_sessions)
  if ended then
    local before, but = string.match(ended, '^(%d+):(.*)$')
    if issued_ms <= tonumber(before) and token ~= but then return {'ended'} end
  end
  if redis.call('EXISTS', sender_user, hot_complete) < 2 then return {'session'} end
end
if counts then
  for i = 0, limits - 1 do
    local counter, max, seconds = limit(i)
    local count = redis.call('INCRBY', counter, cost)
    if count == cost then redis.call('EXPIRE', counter, seconds) end
    if count > max then return {'limited', tostring(math.max(1, redis.call('TTL', counter)))} end
  end
end
local before = redis.call('GET', client)
if before then return {'again', before} end
if redis.call('EXISTS', receiver_user) == 0 then return {'receiver'} end
local audio_ms = 0
if upload ~= '' then
  local owner = redis.call('HGET', upload, 'owner')
  if not owner then return {'upload'} end
  if owner ~= sender then return {'taken'} end
  local sent = redis.call('HMGET', upload, 'message', 'receiver')
  if sent[1] then return {'sent', sent[1], sent[2]} end
  audio_ms = math.ceil(tonumber(redis.call('HGET', upload, 'duration') or 0) * 1000)
end
if redis.call('XLEN', log) >= log_limit then return {'full'} end
for i = limits, limits + audio_limits - 1 do
  local counter, max = limit(i)
  local count = tonumber(redis.call('GET', counter) or 0)
  -- The first recording passes whatever its length: it will never get shorter.
  if count > 0 and count + audio_ms > max then
    return {'audio', tostring(math.max(1, redis.call('TTL', counter)))}
  end
end
-- While the flag exists, a drainer is certain to look at the log again.
if redis.call('EXISTS', waking) == 0 then
  redis.call('SET', waking, '1', 'PX', waking_ms)
  if not force then return {'wake'} end
end
local fields = {unpack(ARGV, first_field)}
if upload ~= '' then
  for _, name in ipairs({'duration', 'peaks'}) do
    local value = redis.call('HGET', upload, name)
    if value then
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
  end
end
local receipt = redis.call('XADD', log, '*', unpack(fields)) .. receipt_suffix
redis.call('SET', client, receipt, 'EX', client_seconds)
for i = limits, limits + audio_limits - 1 do
  local counter, _, seconds = limit(i)
  if redis.call('INCRBY', counter, audio_ms) == audio_ms then redis.call('EXPIRE', counter, seconds) end
end
if upload ~= '' then
  redis.call('HSET', upload, 'message', receipt, 'receiver', receiver)
  redis.call('PERSIST', upload) -- or it would expire while its message waits for the archive
end
return {'accepted', receipt}
