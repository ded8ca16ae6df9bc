-- Removes a deleted message from its receiver's inbox, and remembers that for a while: a drainer may be about to add it.
-- KEYS, ARGV: named below
local unwanted, inbox = KEYS[1], KEYS[2]
local id, seconds = ARGV[1], ARGV[2]

redis.call('ZREM', inbox, id)
redis.call('SADD', unwanted, id)
redis.call('EXPIRE', unwanted, seconds)
