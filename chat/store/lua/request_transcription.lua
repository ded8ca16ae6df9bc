-- Queues a delivered voice message to be transcribed again, unless it is being transcribed already.
-- KEYS, ARGV: named below
-- Returns 1 if it was queued, else 0.
local transcriptions, again, attempts, languages = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, language = ARGV[1], ARGV[2] -- language may be ''

if redis.call('ZADD', transcriptions, 'NX', 0, id) == 0 then return 0 end
redis.call('SADD', again, id)
redis.call('HDEL', attempts, id)
if language ~= '' then redis.call('HSET', languages, id, language) end
return 1
