// Errors arrive as the classes that they were: node errors.mjs {url, people, password, transports}
import assert from 'node:assert/strict'
import errors from '@feathersjs/errors'
import { login, people, restClient, socketClient, transports } from './connect.mjs'

const { app, socket } = transports ? socketClient() : { app: restClient() }

async function refused(promise, type, more = {}) {
  const error = await promise.then(
    () => assert.fail(`no ${type.name}`),
    (reason) => reason
  )
  assert.ok(error instanceof type, `${error.name}: ${error.message} is no ${type.name}`)
  for (const [key, value] of Object.entries(more)) assert.deepEqual(error[key], value, key)
}

const users = app.service('users')
await refused(users.find({}), errors.NotAuthenticated, { code: 401, className: 'not-authenticated' })
const wrong = { strategy: 'local', email: people.ada, password: 'wrong' }
await refused(app.authenticate(wrong), errors.NotAuthenticated, { message: 'Invalid login' })
await refused(app.authenticate({ strategy: 'magic' }), errors.NotAuthenticated)
await app.authentication.setAccessToken('nonsense')
await refused(app.reAuthenticate(), errors.NotAuthenticated, {
  message: 'jwt malformed',
  data: { name: 'JsonWebTokenError' }
})
await app.authentication.removeAccessToken()
app.authentication.authenticated = false

const { user } = await login(app, 'ada')
const nobody = 'f'.repeat(24)
await refused(users.get(nobody), errors.NotFound, { message: `No record found for id '${nobody}'` })
await refused(users.get(undefined), errors.BadRequest)
await refused(users.patch(user._id, { role: 'admin' }), errors.Forbidden, { data: { fields: ['role'] } })
await refused(users.create({ name: 'Eve' }), errors.Forbidden)
await refused(users.update(user._id, { name: 'Eve' }), errors.MethodNotAllowed)
await refused(users.find({ query: { $where: '1' } }), errors.BadRequest)
await refused(users.find({ query: { $or: [{ name: { $regex: '.*' } }] } }), errors.BadRequest)
await refused(app.service('nowhere').find({}), errors.NotFound, { code: 404 })

const { data } = await users.find({ query: { email: people.ben } })
const talk = await app.service('conversations').create({ kind: 'group', name: 'Talk', memberIds: [data[0]._id] })
const messages = app.service('messages')
const idempotencyKey = crypto.randomUUID()
const missing = await messages.create({ conversationId: talk._id }).catch((error) => error)
assert.ok(missing instanceof errors.BadRequest)
assert.deepEqual(Object.keys(missing.errors), ['content'])
await messages.create({ conversationId: talk._id, content: 'a', idempotencyKey })
await refused(
  messages.create({ conversationId: talk._id, content: 'b', idempotencyKey }),
  errors.Unprocessable,
  { code: 422 }
)

socket?.close()
