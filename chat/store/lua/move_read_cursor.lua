-- Moves a reader's cursor in a conversation forward, never back.
-- KEYS, ARGV: named below
-- Returns 2 if the cursor moved, 1 if it was there before, and 0 if it is further.
local cursors, cursors_outbox = KEYS[1], KEYS[2]
local reader, up_to = ARGV[1], ARGV[2]
local cursor = ARGV[3] -- its id in the archive

local before = redis.call('HGET', cursors, reader)
if before and before > up_to then return 0 end
if before == up_to then return 1 end
redis.call('HSET', cursors, reader, up_to)
redis.call('HSET', cursors_outbox, cursor, up_to)
return 2
