-- Take uploads away from whoever might still claim them, unless they are claimed.
-- KEYS: doomed uploads, then the uploads
-- ARGV: now (s), then the uploads' ids
-- Returns the ids of those that are to be erased.
local dropped = {}
for i = 2, #KEYS do
  if redis.call('HEXISTS', KEYS[i], 'message') == 0 then
    redis.call('DEL', KEYS[i])
    redis.call('ZADD', KEYS[1], ARGV[1], ARGV[i])
    dropped[#dropped + 1] = ARGV[i]
  end
end
return dropped
