-- Publishes a frame about a person with whether they are online now, so that no older state overtakes a newer one.
-- KEYS, ARGV: named below
local online, last_seen = KEYS[1], KEYS[2]
local channel, id = ARGV[1], ARGV[2]
local if_online, if_offline, after = ARGV[3], ARGV[4], ARGV[5] -- the parts around the JSON of when they were last seen

local before = redis.call('SISMEMBER', online, id) == 1 and if_online or if_offline
local seen = redis.call('HGET', last_seen, id)
redis.call('PUBLISH', channel, before .. (seen and cjson.encode(seen) or 'null') .. after)
