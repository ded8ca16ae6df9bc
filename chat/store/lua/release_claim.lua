-- Gives up the claim of an upload whose message was refused.
-- KEYS, ARGV: named below
local upload = KEYS[1]
local claim, seconds = ARGV[1], ARGV[2] -- `:<entropy>`; until the upload expires unclaimed

if redis.call('HGET', upload, 'message') ~= claim then return end
redis.call('HDEL', upload, 'message', 'receiver')
redis.call('EXPIRE', upload, seconds)
