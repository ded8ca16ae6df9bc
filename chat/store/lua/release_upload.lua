-- Count a recording no longer that is gone.
-- KEYS: its owner's unclaimed uploads, the bytes of all their recordings
-- ARGV: its id, its bytes
redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('DECRBY', KEYS[2], ARGV[2]) end
