-- Empties a person's inbox from a partner up to a message, and remembers that for a while: a drainer may be about to add
-- what was read.
-- KEYS, ARGV: named below
local read, inbox = KEYS[1], KEYS[2]
local partner, up_to = ARGV[1], ARGV[2]
local seconds = ARGV[3] -- how long to remember it

redis.call('ZREMRANGEBYLEX', inbox, '-', '[' .. up_to)
if (redis.call('HGET', read, partner) or '') < up_to then redis.call('HSET', read, partner, up_to) end
redis.call('EXPIRE', read, seconds)
