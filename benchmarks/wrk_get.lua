-- Requests over many paths in turn, each path with the newest entity tag that was answered for it.
-- Arguments: a file with a path in each line; "tags" to send If-None-Match.
local paths, tags, conditional, key = {}, {}, false, nil

function init(args)
  key = os.getenv("BENCH_KEY")
  conditional = args[2] == "tags"
  for line in io.lines(args[1]) do
    paths[#paths + 1] = line
  end
  math.randomseed(os.time())
end

function request()
  local path = paths[math.random(#paths)]
  local headers = { ["Authorization"] = "Bearer " .. key }
  if conditional and tags[path] then
    headers["If-None-Match"] = tags[path]
  end
  return wrk.format("GET", path, headers)
end

if os.getenv("BENCH_TAGS") then
  function response(status, headers, body)
    if status == 200 then
      local id = string.match(body, '"customer_id":"([^"]+)"')
      local tag = headers["ETag"] or headers["etag"]
      if id and tag then
        tags["/v1/customers/" .. id] = tag
      end
    end
  end
end
