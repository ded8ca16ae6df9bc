-- Removes a voice message from those that wait for a transcript, since it was delivered with it; unless somebody has seen
-- it and had it transcribed again since.
-- KEYS: told, transcriptions, the ones delivered before, then the hashes of what is known of each
-- ARGV: the message's id
local told, transcriptions, again, first_hash = KEYS[1], KEYS[2], KEYS[3], 4
local id = ARGV[1]

if redis.call('SREM', told, id) == 0 then return end
redis.call('ZREM', transcriptions, id)
redis.call('SREM', again, id)
for i = first_hash, #KEYS do redis.call('HDEL', KEYS[i], id) end
