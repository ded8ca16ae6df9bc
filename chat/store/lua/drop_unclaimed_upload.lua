-- Removes an upload that nobody has claimed, so that nobody can claim it any more.
-- KEYS: the upload
-- Returns 1 if nobody had, else 0.
local upload = KEYS[1]
if redis.call('HEXISTS', upload, 'message') == 1 then return 0 end
redis.call('DEL', upload)
return 1
