// Everything a client calls, by REST or on a socket: node calls.mjs {url, people, password, transports}
import assert from 'node:assert/strict'
import { login, people, restClient, socketClient, transports } from './connect.mjs'

const { app, socket } = transports ? socketClient() : { app: restClient() }

const { user, accessToken, refreshToken, authentication } = await login(app, 'ada')
assert.equal(user.email, people.ada)
assert.equal(user.password, undefined)
assert.equal(authentication.strategy, 'local')
assert.equal(authentication.payload.sub, user._id)
assert.equal(await app.authentication.getAccessToken(), accessToken)

const users = app.service('users')
const page = await users.find({ query: { $limit: 2, $skip: 1, $sort: { name: 1 }, $select: ['name', 'role'] } })
assert.deepEqual([page.limit, page.skip, page.data.length], [2, 1, 2])
assert.ok(page.total >= 7)
for (const one of page.data) assert.deepEqual(Object.keys(one).sort(), ['_id', 'name', 'role'])
assert.deepEqual(page.data.map((one) => one.name), page.data.map((one) => one.name).sort())

const backwards = await users.find({ query: { $sort: { email: -1 }, email: { $in: [people.ada, people.ben] } } })
assert.deepEqual(backwards.data.map((one) => one.email), [people.ben, people.ada])
const either = await users.find({
  query: {
    role: { $ne: 'admin' },
    $or: [{ email: people.ben }, { $and: [{ role: 'teacher' }, { email: { $gte: 'r', $lt: 's' } }] }],
    $sort: { email: 1 }
  }
})
assert.deepEqual(either.data.map((one) => one.email), [people.ben, people.rivera])
const ben = either.data[0]
assert.deepEqual((await users.find({ query: { email: { $nin: [people.ben] }, name: ben.name } })).data, [])
assert.deepEqual((await users.find({ query: { $limit: 0 } })).data, [])
assert.equal((await users.get(ben._id, { query: { $select: ['email'] } })).email, people.ben)

const talk = await app.service('conversations').create({ kind: 'group', name: 'Talk', memberIds: [ben._id] })
assert.equal(talk.memberCount, 2)
assert.match(talk.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const messages = app.service('messages')
const sent = []
for (const content of ['one', 'two', 'three']) {
  sent.push(await messages.create({ conversationId: talk._id, content }))
}
assert.deepEqual(sent.map((one) => one.seq), [1, 2, 3])
const between = await messages.find({
  query: { conversationId: talk._id, seq: { $gt: 1, $lte: 3 }, $sort: { seq: -1 }, $select: ['seq', 'senderId'] }
})
assert.deepEqual(between.data.map((one) => [one.seq, one.senderId, one.content]), [
  [3, user._id, undefined],
  [2, user._id, undefined]
])

const patched = await messages.patch(sent[0]._id, { content: 'first' })
assert.equal(patched.content, 'first')
assert.ok(patched.editedAt)
const removed = await messages.remove(sent[1]._id)
assert.deepEqual([removed._id, removed.content], [sent[1]._id, null])
assert.ok(removed.deletedAt)
assert.equal((await messages.get(sent[0]._id)).content, 'first')

const members = app.service('members')
const cursors = await members.acknowledge({ conversationId: talk._id, readSeq: 3 })
assert.deepEqual([cursors.readSeq, cursors.deliveredSeq], [3, 3])
assert.equal((await members.find({ query: { conversationId: talk._id } })).total, 2)

await app.authentication.setAccessToken(accessToken)
const again = await app.reAuthenticate(true)
assert.equal(again.user._id, user._id)
assert.equal(again.authentication.strategy, 'jwt')
assert.equal(again.accessToken, accessToken)

const renewed = await app.authenticate({ strategy: 'refresh', refreshToken })
assert.equal(renewed.user._id, user._id)
assert.notEqual(renewed.refreshToken, refreshToken)
assert.equal(await app.authentication.getAccessToken(), renewed.accessToken)
assert.equal((await users.find({ query: { email: people.ada } })).total, 1)

const logout = await app.logout()
assert.equal(logout.accessToken, renewed.accessToken)
assert.equal(await app.authentication.getAccessToken(), null)
await assert.rejects(users.find({}), { name: 'NotAuthenticated', code: 401 })

await app.authentication.setAccessToken(renewed.accessToken)
await assert.rejects(app.reAuthenticate(), { name: 'NotAuthenticated', code: 401 })

socket?.close()
