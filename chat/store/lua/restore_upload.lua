-- Puts back an upload that Redis lost. An upload that is there is left alone: it may be claimed.
-- KEYS: upload
-- ARGV: seconds until it expires unclaimed, then field, value, ...
local upload, seconds, first_field = KEYS[1], ARGV[1], 2
if redis.call('EXISTS', upload) == 0 then
  redis.call('HSET', upload, unpack(ARGV, first_field))
  redis.call('EXPIRE', upload, seconds)
end
