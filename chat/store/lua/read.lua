-- Move a reader's cursor in a conversation forward, never back, and empty their inbox up to it.
-- KEYS: cursors of the conversation, inbox, cursors the archive does not have yet
-- ARGV: reader, id read up to, name of the cursor for the archive
-- Returns 1 when the cursor moved.
local before = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYLEX', KEYS[2], '-', '[' .. ARGV[2])
if before and before >= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[3], ARGV[3], ARGV[2])
return 1
