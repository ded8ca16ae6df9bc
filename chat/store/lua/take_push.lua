-- Takes the notification that has been due longest, and leases it, so that it is taken again if its sender dies.
-- KEYS: due, messages, attempts, devices not reached yet
-- ARGV: named below
-- Returns nothing, or its name (`<receiver> <sender>`), the message id, the number of this attempt, and the devices that
-- the earlier attempts did not reach ('' before the first one has ended).
local due, messages, attempts, unreached = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local lease_ms = tonumber(ARGV[1])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local name = redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1]
if not name then return {} end
redis.call('ZADD', due, now + lease_ms, name)
local attempt = redis.call('HINCRBY', attempts, name, 1)
return {name, redis.call('HGET', messages, name) or '', attempt, redis.call('HGET', unreached, name) or ''}
