-- Queues a delivered voice message to be transcribed again, unless it is being transcribed already.
-- KEYS, ARGV: named below
-- Returns 1 if it was queued, else 0.
local transcriptions, again, attempts, languages = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local turns, revisions, told, crashes, running = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local id, language = ARGV[1], ARGV[2] -- language may be ''
local person, length_ms = ARGV[3], ARGV[4] -- whose turn it takes, and how long the recording is
local revision = ARGV[5] -- of the message, if its text may be overwritten although it is the sender's own; else ''

if redis.call('SREM', told, id) == 0 and redis.call('ZSCORE', transcriptions, id) then return 0 end
local time = redis.call('TIME')
redis.call('ZADD', transcriptions, 0, id)
redis.call('SADD', again, id)
for _, left in ipairs({attempts, crashes, running}) do redis.call('HDEL', left, id) end
redis.call('HSET', turns, id, string.format('%s %d%03d %s', person, time[1], math.floor(time[2] / 1000), length_ms))
if language ~= '' then redis.call('HSET', languages, id, language) end
if revision ~= '' then redis.call('HSET', revisions, id, revision) end
return 1
