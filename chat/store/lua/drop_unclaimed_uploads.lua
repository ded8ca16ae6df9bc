-- Removes uploads that nobody has claimed, so that nobody can claim them any more, and marks them for erasure.
-- KEYS: uploads pending deletion, then the uploads
-- ARGV: now (Unix seconds), then the uploads' ids
-- Returns the ids of the uploads to erase.
local pending_deletion, now = KEYS[1], ARGV[1]
local dropped = {}
for i = 2, #KEYS do
  local upload, id = KEYS[i], ARGV[i]
  if redis.call('HEXISTS', upload, 'message') == 0 then
    redis.call('DEL', upload)
    redis.call('ZADD', pending_deletion, now, id)
    dropped[#dropped + 1] = id
  end
end
return dropped
