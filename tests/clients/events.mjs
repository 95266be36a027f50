// Who hears of a message: node events.mjs {url, people, password, transports}
import assert from 'node:assert/strict'
import { login, next, people, restClient, socketClient } from './connect.mjs'

const clients = {}
const heard = {}
for (const name of ['ada', 'ben', 'cleo', 'admin', 'dan']) {
  clients[name] = socketClient()
  await login(clients[name].app, name)
  heard[name] = []
  for (const event of ['created', 'patched', 'removed']) {
    clients[name].app.service('messages').on(event, (message) => heard[name].push([event, message.content]))
  }
}
const { app } = clients.ada
const ben = (await app.service('users').find({ query: { email: people.ben } })).data[0]
const talk = await app.service('conversations').create({ kind: 'group', name: 'Talk', memberIds: [ben._id] })
const messages = app.service('messages')

const arrived = next(clients.ben.app.service('messages'), 'created')
const sent = await messages.create({ conversationId: talk._id, content: 'hello' })
assert.deepEqual(await arrived, sent)

const patched = next(clients.ben.app.service('messages'), 'patched')
await messages.patch(sent._id, { content: 'hello again' })
assert.equal((await patched).content, 'hello again')
const removed = next(clients.ben.app.service('messages'), 'removed')
await messages.remove(sent._id)
assert.equal((await removed).content, null)

// By REST too: who sends does not matter to who hears.
const rest = restClient()
await login(rest, 'ada')
const fromRest = next(clients.ben.app.service('messages'), 'created')
await rest.service('messages').create({ conversationId: talk._id, content: 'by REST' })
assert.equal((await fromRest).content, 'by REST')

// An answer comes after every event that was sent before it.
for (const name of Object.keys(clients)) await clients[name].app.service('users').find({ query: { $limit: 1 } })
const all = [['created', 'hello'], ['patched', 'hello again'], ['removed', null], ['created', 'by REST']]
assert.deepEqual(heard, { ada: all, ben: all, cleo: [], admin: [], dan: [] })

await clients.ben.app.logout()
await messages.create({ conversationId: talk._id, content: 'after the logout' })
await assert.rejects(clients.ben.app.service('users').find({}), { name: 'NotAuthenticated' })
assert.equal(heard.ben.length, all.length)

for (const { socket } of Object.values(clients)) socket.close()
