-- Gives up the claim of an upload whose message was refused, unless other calls have taken it over: they may be adding
-- a message with it.
-- KEYS, ARGV: named below
-- Returns 1 if nobody claims it any more, else 0.
local upload = KEYS[1]
local claim, seconds = ARGV[1], ARGV[2] -- `:<entropy>`; until the upload expires unclaimed

if redis.call('HGET', upload, 'message') ~= claim then return 0 end
if redis.call('HINCRBY', upload, 'claims', -1) > 0 then return 0 end
redis.call('HDEL', upload, 'message', 'receiver', 'claims')
redis.call('EXPIRE', upload, seconds)
return 1
