-- Stops counting a recording that was deleted.
-- KEYS: its owner's unclaimed recordings and stored bytes
-- ARGV: its id, its bytes
redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('DECRBY', KEYS[2], ARGV[2]) end
