-- Takes the notification that has been due longest, and leases it, so that it is taken again if its sender dies.
-- KEYS: due, messages, attempts
-- ARGV: named below
-- Returns nothing, or its name (`<receiver> <sender>`), the message id and the number of this attempt.
local due, messages, attempts = KEYS[1], KEYS[2], KEYS[3]
local now = ARGV[1] -- ms
local leased_until = ARGV[2] -- ms

local name = redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1]
if not name then return {} end
redis.call('ZADD', due, leased_until, name)
return {name, redis.call('HGET', messages, name) or '', redis.call('HINCRBY', attempts, name, 1)}
