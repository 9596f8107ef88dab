-- Puts a value, unless a write has laid its mark there since the value was read.
-- KEYS[1]: the key. ARGV: the mark; the value; its life in milliseconds.
if redis.call('GET', KEYS[1]) == ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
