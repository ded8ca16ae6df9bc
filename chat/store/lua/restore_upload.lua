-- Puts an upload back that Redis lost. One that is there is left as it is: it may be claimed.
-- KEYS: upload
-- ARGV: seconds until it goes if nothing claims it, then field, value, ...
local upload, seconds, first_field = KEYS[1], ARGV[1], 2
if redis.call('EXISTS', upload) == 0 then
  redis.call('HSET', upload, unpack(ARGV, first_field))
  redis.call('EXPIRE', upload, seconds)
end
