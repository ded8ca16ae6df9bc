-- Changes a stored message, if the sender is right and it is not deleted, and puts it in the outbox. If the change
-- removes a recording, the same step notes that it is to be erased, so that a crash right afterwards cannot leave it behind.
-- A deletion may come twice, since the client of Redis repeats it if the connection breaks before the reply.
-- KEYS, ARGV: named below
-- Returns the message's JSON as it is now, or nothing if it was not changed.
local message, outbox, doomed = KEYS[1], KEYS[2], KEYS[3]
local id, sender = ARGV[1], ARGV[2]
local fields = ARGV[3] -- JSON of the fields to merge; null removes one
local loaded_seconds = ARGV[4] -- how long an old message stays in Redis after a change; see load_for_change.lua
local recording = ARGV[5] -- the upload to erase, or ''

local found = redis.call('JSON.GET', message, '$.senderId', '$.deletedAt', '$.revision')
if not found then return false end
local before = cjson.decode(found)
if before['$.senderId'][1] ~= sender then return false end
local deleted_at = before['$.deletedAt'][1]
if deleted_at then return deleted_at == cjson.decode(fields).deletedAt and redis.call('JSON.GET', message, '.') end
local revision = before['$.revision'][1] + 1
redis.call('JSON.MERGE', message, '$', fields)
redis.call('JSON.SET', message, '.revision', revision)
redis.call('ZADD', outbox, revision, id)
if redis.call('TTL', message) > 0 then redis.call('EXPIRE', message, loaded_seconds) end
if recording ~= '' then redis.call('SADD', doomed, recording) end
return redis.call('JSON.GET', message, '.')
