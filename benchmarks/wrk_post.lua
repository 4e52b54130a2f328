-- Events of random customers, each with an id of its own.
-- Arguments: a file with a customer in each line; how many events a request has; their instant.
local customers, count, instant, key, sent, run = {}, 1, "", nil, 0, ""

function init(args)
  key = os.getenv("BENCH_KEY")
  count, instant = tonumber(args[2]), args[3]
  for line in io.lines(args[1]) do
    customers[#customers + 1] = line
  end
  math.randomseed(os.time())
  run = string.format("%d-%d", os.time(), math.random(1000000))
end

local function event()
  sent = sent + 1
  return '{"id":"' .. run .. "-" .. sent .. '","source":"bench","type":"feature.used","customer_id":"'
    .. customers[math.random(#customers)] .. '","contact_id":"u-1","occurred_at":"' .. instant
    .. '","data":{"feature":"reports.export","quantity":3}}'
end

function request()
  local headers = { ["Authorization"] = "Bearer " .. key, ["Content-Type"] = "application/json" }
  if count == 1 then
    return wrk.format("POST", nil, headers, event())
  end
  local events = {}
  for place = 1, count do
    events[place] = event()
  end
  return wrk.format("POST", nil, headers, "[" .. table.concat(events, ",") .. "]")
end
