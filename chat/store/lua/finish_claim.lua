-- Notes the receipt of the message that an upload was claimed for. From then on it stays until its message is archived.
-- KEYS, ARGV: named below
local upload = KEYS[1]
local receipt, receiver = ARGV[1], ARGV[2]

if redis.call('EXISTS', upload) == 0 then return end
local message = redis.call('HGET', upload, 'message')
if message and string.sub(message, 1, 1) ~= ':' then return end
redis.call('HSET', upload, 'message', receipt, 'receiver', receiver)
redis.call('HDEL', upload, 'claims')
redis.call('PERSIST', upload)
