-- Accept a message: an entry in the log, its clientId and its upload's claim, all or nothing. The same round trip
-- checks its sender's session and counts against their limits: messages are what there is most of.
-- KEYS: log, waking flag, receiver's user, clientId or this call's own, upload or '', sender's token if it was ended,
--       sender's sessions if they were, sender's user, hot complete, then the counters of the sender's limits
-- ARGV: sender, receiver, message (JSON), entropy, log's limit, seconds a clientId is kept, ms a wake-up holds, force,
--       token or '' when its session is not to be checked, when that was issued (ms), 1 when this call counts,
--       then for each counter: the most, seconds
-- Returns {what, ...}; what is one of
--   accepted, again (that clientId was accepted before): with entry id, entropy
--   wake (nothing accepted: first wake the drainer, then call again)
--   ended, session (Redis cannot tell whether the session holds), limited: with seconds, receiver, upload, taken, full
local log, waking, receiver, client, upload = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if ARGV[9] ~= '' then
  if redis.call('EXISTS', KEYS[6]) == 1 then return {'ended'} end
  local ended = redis.call('GET', KEYS[7])
  if ended then
    local before, but = string.match(ended, '^(%d+):(.*)$')
    if tonumber(ARGV[10]) <= tonumber(before) and ARGV[9] ~= but then return {'ended'} end
  end
  if redis.call('EXISTS', KEYS[8], KEYS[9]) < 2 then return {'session'} end
end
if ARGV[11] == '1' then
  for i = 10, #KEYS do
    local most, seconds = tonumber(ARGV[2 * i - 8]), ARGV[2 * i - 7]
    local count = redis.call('INCR', KEYS[i])
    if count == 1 then redis.call('EXPIRE', KEYS[i], seconds) end
    if count > most then return {'limited', tostring(math.max(1, redis.call('TTL', KEYS[i])))} end
  end
end
local before = redis.call('GET', client)
if before then
  local split = string.find(before, ':', 1, true)
  return {'again', string.sub(before, 1, split - 1), string.sub(before, split + 1)}
end
if redis.call('EXISTS', receiver) == 0 then return {'receiver'} end
if upload ~= '' then
  local owner = redis.call('HGET', upload, 'owner')
  if not owner then return {'upload'} end
  if owner ~= ARGV[1] or redis.call('HEXISTS', upload, 'message') == 1 then return {'taken'} end
end
if redis.call('XLEN', log) >= tonumber(ARGV[5]) then return {'full'} end
-- The flag is there while a drainer is sure to look at the log again after now.
if redis.call('EXISTS', waking) == 0 then
  redis.call('SET', waking, '1', 'PX', ARGV[7])
  if ARGV[8] ~= '1' then return {'wake'} end
end
local entry = redis.call('XADD', log, '*', 'message', ARGV[3], 'entropy', ARGV[4])
local id = entry .. ':' .. ARGV[4]
redis.call('SET', client, id, 'EX', ARGV[6])
if upload ~= '' then
  redis.call('HSET', upload, 'message', id, 'receiver', ARGV[2])
  redis.call('PERSIST', upload)
end
return {'accepted', entry, ARGV[4]}
