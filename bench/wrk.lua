-- Signs every request as it goes out: one buffer, the token and the signature written in place.
-- Arguments: a file with the whole request, the slot that stands in it for the token, the secret, the tag.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { uint32_t h[8]; uint32_t Nl, Nh; uint32_t data[16]; unsigned int num, md_len; } SHA256_CTX;
  int SHA256_Init(SHA256_CTX *c);
  int SHA256_Update(SHA256_CTX *c, const void *data, size_t len);
  int SHA256_Final(unsigned char *md, SHA256_CTX *c);
]]

local function libcrypto()
  for _, name in ipairs({ "libcrypto.so.3", "libcrypto.so.1.1", "crypto" }) do
    local found, library = pcall(ffi.load, name)
    if found then return library end
  end
  error("no libcrypto")
end

local crypto = libcrypto()
local context_size = ffi.sizeof("SHA256_CTX")
local inner, outer, work = ffi.new("SHA256_CTX"), ffi.new("SHA256_CTX"), ffi.new("SHA256_CTX")
local digest = ffi.new("unsigned char[32]")
local hex = ffi.new("char[513]")
local buffer, length, body, body_length, signature_at
local tokens, tag_size, counter_size, counter = {}, 8, 12, 0

-- HMAC (RFC 2104) with the two padded keys hashed once: what is left is the body and one block.
local function prepare_key(secret)
  assert(#secret <= 64)
  local pad = ffi.new("unsigned char[64]")
  for _, side in ipairs({ { inner, 0x36 }, { outer, 0x5c } }) do
    for i = 0, 63 do pad[i] = bit.bxor(i < #secret and secret:byte(i + 1) or 0, side[2]) end
    crypto.SHA256_Init(side[1])
    crypto.SHA256_Update(side[1], pad, 64)
  end
end

local function find_all(text, slot, tag)
  local at = text:find(slot, 1, true)
  while at do
    ffi.copy(buffer + at - 1, tag, tag_size)
    tokens[#tokens + 1] = at - 1 + tag_size
    at = text:find(slot, at + 1, true)
  end
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local text = file:read("*a")
  file:close()
  for i = 0, 255 do ffi.copy(hex + 2 * i, string.format("%02x", i), 2) end
  length = #text
  buffer = ffi.new("char[?]", length + 1)
  ffi.copy(buffer, text)
  local body_at = select(2, text:find("\r\n\r\n", 1, true))
  body, body_length = buffer + body_at, length - body_at
  signature_at = select(2, text:find("X-Signature: ", 1, true))
  find_all(text, args[2], args[4])
  prepare_key(args[3])
end

local function write_token()
  local rest = counter
  for place = counter_size - 1, 0, -1 do
    local digit = rest % 10
    rest = (rest - digit) / 10
    for i = 1, #tokens do buffer[tokens[i] + place] = 48 + digit end
  end
end

local function sign()
  ffi.copy(work, inner, context_size)
  crypto.SHA256_Update(work, body, body_length)
  crypto.SHA256_Final(digest, work)
  ffi.copy(work, outer, context_size)
  crypto.SHA256_Update(work, digest, 32)
  crypto.SHA256_Final(digest, work)
  for i = 0, 31 do
    buffer[signature_at + 2 * i] = hex[2 * digest[i]]
    buffer[signature_at + 2 * i + 1] = hex[2 * digest[i] + 1]
  end
end

function request()
  counter = counter + 1
  write_token()
  sign()
  return ffi.string(buffer, length)
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"seconds":%.6f,"answered":%d,"refused":%d,"broken":%d,"p50_ms":%.4f,"p99_ms":%.4f,"max_ms":%.4f}\n',
    summary.duration / 1e6, summary.requests, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
