-- Has a recording followed while it is made, unless it is already, or all of it was heard, or it was left.
-- KEYS, ARGV: named below
-- Returns 1 if a task must be sent, else 0.
local following, heard = KEYS[1], KEYS[2]
local id = ARGV[1]
local kept_seconds = ARGV[2] -- how long to keep what was heard

local state = redis.call('HGET', heard, 'state')
if state == 'finished' or state == 'left' then return 0 end
redis.call('HSET', heard, 'state', 'followed')
redis.call('EXPIRE', heard, kept_seconds)
return redis.call('ZADD', following, 'NX', 0, id)
