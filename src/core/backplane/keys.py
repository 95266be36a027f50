"""The names under which the backplane keeps its things in Redis, and what it asks for in one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .outgoing import DIED

SEPARATOR: Final = b"|"
"""Between a node, whose name has none, and a key in the fields of what is held."""


@dataclass(frozen=True, slots=True)
class Keys:
    """``name`` tells installations apart that share a server. In a cluster all keys lie on one node."""

    name: str

    @property
    def root(self) -> str:
        return f"stonechat:{{{self.name}}}:"

    @property
    def epoch(self) -> str:
        """A random text that is gone when the server has lost everything."""
        return f"{self.root}epoch"

    @property
    def nodes(self) -> str:
        """The set of all nodes that have not been reaped."""
        return f"{self.root}nodes"

    def stream(self, topic: str) -> str:
        return f"{self.root}t:{topic}"

    def held(self, topic: str) -> str:
        """A hash: ``<node>|<key>`` → value."""
        return f"{self.root}h:{topic}"

    def lease(self, node: str) -> str:
        return f"{self.root}lease:{node}"

    def places(self, node: str) -> str:
        """The set of topics in which the node holds something."""
        return f"{self.root}places:{node}"

    def bell(self, node: str) -> str:
        """A stream that the node itself writes to, to wake its reader."""
        return f"{self.root}bell:{node}"


REAP: Final = f"""
local root, node, longest = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', root .. 'lease:' .. node) == 1 then return false end
if redis.call('SREM', root .. 'nodes', node) == 0 then return false end
local function tell(topic)
  redis.call('XADD', root .. 't:' .. topic, 'MAXLEN', '~', longest, '*',
    'n', node, 's', '0', 'k', '{DIED}', 'b', '')
end
local left = {{}}
for _, topic in ipairs(redis.call('SMEMBERS', root .. 'places:' .. node)) do
  local held = root .. 'h:' .. topic
  local all = redis.call('HGETALL', held)
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, #node + 1) == node .. '|' then
      table.insert(left, {{topic, string.sub(all[i], #node + 2), all[i + 1]}})
      redis.call('HDEL', held, all[i])
    end
  end
  if topic ~= '' then tell(topic) end
end
tell('')
redis.call('DEL', root .. 'places:' .. node)
return left
"""
"""Take a dead node out, unless it lives or somebody else has: its entries as (topic, key, value)."""
