-- Change a stored message, if it is its sender's and not deleted, and note it for the archive.
-- KEYS: message, outbox
-- ARGV: id, sender, JSON of the fields to merge (null removes one), seconds an old message stays after a change
-- Returns the message's JSON as it is now, or nothing.
local found = redis.call('JSON.GET', KEYS[1], '$.senderId', '$.deletedAt', '$.revision')
if not found then return false end
local now = cjson.decode(found)
if now['$.senderId'][1] ~= ARGV[2] or now['$.deletedAt'][1] then return false end
local revision = now['$.revision'][1] + 1
redis.call('JSON.MERGE', KEYS[1], '$', ARGV[3])
redis.call('JSON.SET', KEYS[1], '.revision', revision)
redis.call('ZADD', KEYS[2], revision, ARGV[1])
if redis.call('TTL', KEYS[1]) > 0 then redis.call('EXPIRE', KEYS[1], ARGV[4]) end -- see warm.lua
return redis.call('JSON.GET', KEYS[1], '.')
