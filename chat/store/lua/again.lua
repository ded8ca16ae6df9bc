-- Have a voice message that was delivered transcribed again, unless it is being transcribed.
-- KEYS: transcriptions, those that are again, attempts, languages
-- ARGV: id, language or ''
-- Returns 1 when it waits for an attempt now.
if redis.call('ZADD', KEYS[1], 'NX', 0, ARGV[1]) == 0 then return 0 end
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[4], ARGV[1], ARGV[2]) end
return 1
