-- Removes a deleted message from its receiver's inbox, and remembers that for a while: a drainer may be about to add it.
-- KEYS, ARGV: named below
local unwanted, inbox = KEYS[1], KEYS[2]
local id, seconds = ARGV[1], tonumber(ARGV[2])
local keep = tonumber(ARGV[3]) -- how many to remember, the latest ones

local now = tonumber(redis.call('TIME')[1])
redis.call('ZREM', inbox, id)
redis.call('ZADD', unwanted, now, id)
redis.call('ZREMRANGEBYSCORE', unwanted, '-inf', now - seconds)
redis.call('ZREMRANGEBYRANK', unwanted, 0, -keep - 1)
redis.call('EXPIRE', unwanted, seconds)
