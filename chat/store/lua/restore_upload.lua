-- Put an upload back that Redis lost. One that is there is left as it is: it may be claimed.
-- KEYS: upload
-- ARGV: seconds until it goes if nothing claims it, then field, value, ...
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], unpack(ARGV, 2))
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
