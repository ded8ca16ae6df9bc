-- Accept a message: an entry in the log, its clientId and its upload's claim, all or nothing.
-- KEYS: log, waking flag, receiver's user, clientId or '', upload or ''
-- ARGV: sender, receiver, message (JSON), entropy, log's limit, seconds a clientId is kept, ms a wake-up holds, force
-- Returns {what, entry id, entropy}; what is one of
--   accepted, again (that clientId was accepted before), wake (nothing accepted: first wake the drainer,
--   then call again), receiver, upload, taken, full
local log, waking, receiver, client, upload = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if client ~= '' then
  local before = redis.call('GET', client)
  if before then
    local split = string.find(before, ':', 1, true)
    return {'again', string.sub(before, 1, split - 1), string.sub(before, split + 1)}
  end
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
if client ~= '' then redis.call('SET', client, id, 'EX', ARGV[6]) end
if upload ~= '' then
  redis.call('HSET', upload, 'message', id, 'receiver', ARGV[2])
  redis.call('PERSIST', upload)
end
return {'accepted', entry, ARGV[4]}
