// From the handshake to the reconnection: node connections.mjs {url, people, password, transports}
import assert from 'node:assert/strict'
import { login, next, people, restClient, socketClient } from './connect.mjs'

const refused = socketClient({ auth: { token: 'nonsense' } })
const error = await next(refused.socket, 'connect_error')
assert.equal(error.message, 'jwt malformed')
assert.deepEqual(error.data, { name: 'JsonWebTokenError' })
assert.equal(refused.socket.connected, false)

const rest = restClient()
const { accessToken, user } = await login(rest, 'cleo')

for (const options of [
  { auth: { token: accessToken } },
  { extraHeaders: { Authorization: `Bearer ${accessToken}` } }
]) {
  const { app, socket } = socketClient(options)
  const connected = await next(socket, 'connected')
  assert.deepEqual([connected.userId, connected.socketId], [user._id, socket.id])
  assert.ok(Array.isArray(connected.online))
  assert.equal((await app.service('users').find({ query: { email: people.cleo } })).total, 1)
  socket.close()
}

// Calls that are made before the connection stands are made once it does, in their order.
const early = socketClient()
const answers = await Promise.all([
  login(early.app, 'cleo'),
  ...Array.from({ length: 30 }, () => early.app.service('classes').find({ query: { $limit: 1 } }).catch((e) => e))
])
assert.equal(answers.length, 31)
for (const answer of answers.slice(1)) assert.equal(answer.limit ?? answer.code, answer.code ?? 1)

// A client that loses its connection comes back as who it was.
const lost = next(early.socket, 'disconnect')
early.socket.io.engine.close()
await lost
await next(early.socket, 'connect')
const again = await early.app.service('users').find({ query: { email: people.cleo } })
assert.equal(again.total, 1)
early.socket.close()
