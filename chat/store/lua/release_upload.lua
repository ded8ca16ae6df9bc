-- Stops counting a recording that was deleted.
-- KEYS: its owner's unclaimed recordings and stored bytes
-- ARGV: its id, its bytes
local unclaimed, stored = KEYS[1], KEYS[2]
local recording, bytes = ARGV[1], ARGV[2]
redis.call('HDEL', unclaimed, recording)
if redis.call('EXISTS', stored) == 1 then redis.call('DECRBY', stored, bytes) end
