// The official clients against the fixture app: mocha clients.conformance.js
//   FEATHERS_URL=http://127.0.0.1:8000 SHORT_URL=<with JWT_TTL=3> TRANSPORT=fetch|axios|websocket|polling
const assert = require('node:assert/strict')
const { once } = require('node:events')
const { default: authentication, MemoryStorage } = require('@feathersjs/authentication-client')
const errors = require('@feathersjs/errors')
const { feathers } = require('@feathersjs/feathers')
const rest = require('@feathersjs/rest-client')
const socketio = require('@feathersjs/socketio-client')
const axios = require('axios')
const { io } = require('socket.io-client')

const { FEATHERS_URL: url, SHORT_URL: shortUrl, TRANSPORT: transport } = process.env
const overSockets = ['websocket', 'polling'].includes(transport)
const provider = overSockets ? 'socketio' : 'rest'
const malformed = { name: 'JsonWebTokenError' }
const methods = ['find', 'get', 'create', 'update', 'patch', 'remove', 'customMethod']
const open = []
let numbers = 0

function connect(options = {}, to = url) {
  const socket = io(to, { transports: [transport], forceNew: true, ...options })
  open.push(socket)
  return socket
}

function makeClient(to = url) {
  const socket = overSockets ? connect({}, to) : null
  const connection = overSockets
    ? socketio(socket)
    : transport === 'axios' ? rest(to).axios(axios) : rest(to).fetch(fetch)
  const app = feathers().configure(connection).configure(authentication({ storage: new MemoryStorage() }))
  app.use('todos', connection.service('todos'), { methods })
  return { app, socket, todos: app.service('todos') }
}

// All transports are tested at once, on one server: whatever is to be found again needs a name of its own.
const unique = (name) => `${transport}-${process.pid}-${++numbers}-${name}`

async function makeUser(app) {
  const email = unique('user@clients.example')
  const user = await app.service('users').create({ email, password: 'supersecret' })
  return { user, credentials: { strategy: 'local', email, password: 'supersecret' } }
}

async function refusal(promise, type, expected) {
  const error = await promise.then(() => assert.fail(`no ${type.name}`), (reason) => reason)
  assert.ok(error instanceof type, `${error.name} (${error.message}) is no ${type.name}`)
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(error[key], value, key)
  return error
}

const emit = (socket, ...call) => new Promise((answered) => socket.emit(...call, (...ack) => answered(ack)))
const next = async (emitter, event) => (await once(emitter, event))[0]

describe(`official clients via ${transport}`, () => {
  let app, socket, todos
  beforeEach(() => ({ app, socket, todos } = makeClient()))
  afterEach(() => open.splice(0).forEach((one) => one.close()))

  describe('calls', () => {
    it('find, get, create, update, patch and remove', async () => {
      const created = await todos.create({ text: 'dishes', at: new Date(0), list: [], n: 1.5, z: null })
      const { _id, id } = created
      assert.deepEqual(created, { text: 'dishes', at: '1970-01-01T00:00:00.000Z', list: [], n: 1.5, z: null, _id, id })
      assert.deepEqual(await todos.get(id), { ...created, query: {} })
      assert.ok((await todos.find()).some((one) => one.id === id))
      assert.deepEqual(await todos.patch(id, { n: 2 }), { ...created, n: 2 })
      assert.deepEqual(await todos.update(id, { text: 'laundry' }), { text: 'laundry', _id, id })
      assert.deepEqual(await todos.remove(id), { text: 'laundry', _id, id })
    })

    it('create, patch and remove many', async () => {
      const texts = [unique('a'), unique('b')]
      const created = await todos.create(texts.map((text) => ({ text })))
      assert.deepEqual(created.map((one) => one.text), texts)
      const patched = await todos.patch(null, { done: true }, { query: { text: { $in: texts } } })
      assert.deepEqual(patched, created.map((one) => ({ ...one, done: true })))
      assert.deepEqual(await todos.remove(null), { id: null, text: 'deleted many' })
    })

    it('get null for no result', async () => {
      const { id } = await todos.create({ text: 'x' })
      const nothing = transport === 'axios' ? '' : null // axios itself makes an empty text of it
      assert.equal(await app.service('readonly').find(), nothing)
      assert.equal(await todos.remove(id, { query: { noContent: true } }), nothing)
    })

    it('get the dispatch', async () => {
      const { id, ...rest } = await todos.create({ text: 'x', dispatchOnly: true })
      assert.deepEqual(rest, { fromDispatch: true })
      assert.equal((await todos.get(id)).text, 'x')
    })

    it('call custom methods', async () => {
      const result = await todos.customMethod({ message: 'hi' }, { query: { a: 1 } })
      assert.deepEqual(result, { data: { message: 'hi' }, provider, type: 'customMethod' })
    })

    it('fill the route', async () => {
      const things = app.service('echo/:room/things')
      const route = { room: 'blue' }
      assert.deepEqual(await things.find({ route, query: {} }), { query: {}, route, provider })
      assert.deepEqual(await things.get('a/b c?d=é#%', { route }), { id: 'a/b c?d=é#%', query: {}, route })
    })

    it('send queries', async () => {
      const things = app.service('echo/blue/things')
      const query = {
        text: 'a b+c&d=e', at: new Date(0), deep: { $gt: 'x', list: ['a', 'b'] },
        $or: [{ a: '1' }, { b: { $in: ['x'] } }], $sort: { name: '-1' }
      }
      const expected = { ...query, at: '1970-01-01T00:00:00.000Z' }
      assert.deepEqual((await things.find({ query })).query, expected)
      const { query: typed } = await things.get(1, { query: { n: 1, t: true, z: null, none: undefined } })
      assert.deepEqual(typed, overSockets ? { n: 1, t: true, z: null } : { n: '1', t: 'true', z: '' })
    })

    it('many at a time', async () => {
      const things = app.service('echo/blue/things')
      const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => things.get(n)))
      assert.deepEqual(answers.map((one) => Number(one.id)), Array.from({ length: 50 }, (_, n) => n))
    })
  })

  describe('errors', () => {
    it('are of the class that they were, with their data', async () => {
      const { id } = await todos.create({ text: 'x' })
      await refusal(todos.get(id, { query: { error: true } }), errors.GeneralError, {
        message: 'Something went wrong', code: 500, className: 'general-error', data: undefined
      })
      await refusal(todos.get(id, { query: { feathersError: true } }), errors.NotAcceptable, {
        message: 'This is a Feathers error', code: 406, className: 'not-acceptable', data: { data: true }
      })
      await refusal(todos.get('nope'), errors.NotFound, {
        message: "No record found for id 'nope'", code: 404, className: 'not-found', name: 'NotFound'
      })
    })

    it('are known before anything is sent', async () => {
      await refusal(todos.get(undefined), errors.BadRequest, {})
      await refusal(todos.patch(undefined, {}), errors.BadRequest, {})
    })

    it('name what was wrong with the data', async () => {
      const people = app.service('people-beanie')
      const error = await refusal(people.create({ age: 'old' }), errors.BadRequest, { code: 400 })
      assert.deepEqual(Object.keys(error.errors).sort(), ['age', 'name'])
    })

    it('tell of unknown services and methods', async () => {
      const message = overSockets ? "Service 'nope' not found" : 'Path /nope not found'
      await refusal(app.service('nope').find(), errors.NotFound, { message })
      const notAllowed = overSockets
        ? "Method 'create' not allowed on service 'readonly'"
        : 'Method `create` is not supported by this endpoint.'
      await refusal(app.service('readonly').create({}), errors.MethodNotAllowed, { message: notAllowed })
    })

    it('refuse queries that are not allowed', async () => {
      const people = app.service('people-mongo')
      await refusal(people.find({ query: { $where: '1' } }), errors.BadRequest, {
        message: 'Invalid filter value $where'
      })
      await refusal(people.find({ query: { name: { $regex: 'a' } } }), errors.BadRequest, {
        message: 'Invalid query parameter $regex', data: { $regex: 'a' }
      })
    })
  })

  describe('authentication', () => {
    it('logs in, is known, logs out', async () => {
      const { user, credentials } = await makeUser(app)
      assert.deepEqual(Object.keys(user).sort(), ['_id', 'email', 'id'])
      const heard = []
      app.on('login', (result) => heard.push(['login', result.user.email]))
      app.on('logout', (result) => heard.push(['logout', result.user.email]))

      const login = await app.authenticate(credentials)
      assert.deepEqual(Object.keys(login).sort(), ['accessToken', 'authentication', 'user'])
      assert.equal(login.authentication.strategy, 'local')
      assert.equal(login.authentication.payload.sub, String(user.id))
      assert.deepEqual(login.user, user)
      assert.equal(await app.authentication.getAccessToken(), login.accessToken)
      assert.deepEqual(await app.get('authentication'), login)

      const dummy = await app.service('dummy').find()
      assert.equal(dummy.provider, provider)
      assert.equal(dummy.authentication.payload.sub, String(user.id))
      assert.deepEqual(dummy.user, user)

      const again = await app.reAuthenticate(true)
      assert.equal(again.authentication.strategy, 'jwt')
      assert.equal(again.accessToken, login.accessToken)
      const logout = await app.logout()
      assert.equal(logout.accessToken, login.accessToken)
      assert.equal(await app.authentication.getAccessToken(), null)
      assert.equal(app.get('authentication'), null)
      await refusal(app.service('dummy').find(), errors.NotAuthenticated, { message: 'Not authenticated', code: 401 })
      assert.deepEqual(heard, [['login', user.email], ['login', user.email], ['logout', user.email]])
    })

    it('takes a token of another client', async () => {
      const { user, credentials } = await makeUser(app)
      const { accessToken } = await app.authenticate(credentials)
      const other = makeClient().app
      await other.authentication.setAccessToken(accessToken)
      assert.deepEqual((await other.reAuthenticate()).user, user)
      assert.deepEqual((await other.service('dummy').find()).user, user)
    })

    it('says why it refuses', async () => {
      const { credentials } = await makeUser(app)
      await refusal(app.authenticate({ ...credentials, password: 'no' }), errors.NotAuthenticated, {
        message: 'Invalid login', code: 401, className: 'not-authenticated', data: undefined
      })
      await refusal(app.authenticate({ strategy: 'jwt', accessToken: 'nonsense' }), errors.NotAuthenticated, {
        message: 'jwt malformed', data: malformed
      })
      await refusal(app.authenticate({ strategy: 'nope' }), errors.NotAuthenticated, {
        message: 'Invalid authentication information (strategy not allowed in authStrategies)'
      })
      await refusal(app.authenticate({}), errors.NotAuthenticated, {
        message: 'Invalid authentication information (no `strategy` set)'
      })
      await refusal(app.service('dummy').find(), errors.NotAuthenticated, {})
    })

    it('ends with the token', async () => {
      const { app, socket } = makeClient(shortUrl)
      const { credentials } = await makeUser(app)
      const { accessToken, authentication } = await app.authenticate(credentials)
      if (overSockets) {
        assert.equal(await next(socket, 'disconnect'), 'io server disconnect')
        socket.connect()
      }
      const late = makeClient(shortUrl).app
      await new Promise((due) => setTimeout(due, authentication.payload.exp * 1000 + 50 - Date.now()))
      const error = await refusal(late.authenticate({ strategy: 'jwt', accessToken }), errors.NotAuthenticated, {
        message: 'jwt expired'
      })
      assert.equal(error.data.name, 'TokenExpiredError')
      assert.equal(new Date(error.data.expiredAt).getTime(), authentication.payload.exp * 1000)
    })
  })

  if (!overSockets) {
    it('events of own calls are heard on a REST client', async () => {
      const heard = next(todos, 'created')
      const created = await todos.create({ text: 'x' })
      assert.deepEqual(await heard, created)
    })

    it('headers of a call reach the server', async () => {
      const { credentials } = await makeUser(app)
      const { accessToken } = await app.service('authentication').create(credentials)
      const headers = { Authorization: `JWT ${accessToken}` }
      assert.equal((await app.service('dummy').find({ headers })).user.email, credentials.email)
    })
    return
  }

  describe('events', () => {
    it('of every changing method reach every client', async () => {
      const other = makeClient()
      await other.todos.find()
      const heard = { own: [], other: [] }
      for (const event of ['created', 'updated', 'patched', 'removed', 'log']) {
        todos.on(event, (item) => heard.own.push([event, item]))
        other.todos.on(event, (item) => heard.other.push([event, item]))
      }
      const text = unique('x')
      const created = await todos.create({ text, emitLog: true })
      const patched = await todos.patch(created.id, { n: 1 })
      const updated = await todos.update(created.id, { text: 'y' })
      const removed = await todos.remove(created.id)
      // An answer comes after every event that was sent before it.
      await Promise.all([todos.find(), other.todos.find()])
      const { _id, id, ...data } = created
      const expected = [
        ['log', { message: 'Custom log event', data }],
        ['created', created], ['patched', patched], ['updated', updated], ['removed', removed]
      ]
      const mine = ([, item]) => item.id === id || item.data?.text === text
      assert.deepEqual(heard.own.filter(mine), expected)
      assert.deepEqual(heard.other.filter(mine), expected)
    })

    it('are heard once, or no more, as asked', async () => {
      let once = 0, gone = 0
      const listener = () => gone++
      todos.once('created', () => once++)
      todos.on('created', listener)
      todos.removeListener('created', listener)
      await todos.create([{ text: 'a' }, { text: 'b' }])
      await todos.find()
      assert.deepEqual([once, gone], [1, 0])
    })

    it('carry the dispatch', async () => {
      const heard = []
      todos.on('created', (item) => heard.push(item))
      const result = await todos.create({ text: 'x', dispatchOnly: true })
      await todos.find()
      assert.deepEqual(heard.filter((item) => item.id === result.id), [result])
    })

    it('end with a logout', async () => {
      const { credentials } = await makeUser(app)
      await app.authenticate(credentials)
      await app.logout()
      let heard = 0
      todos.on('created', () => heard++)
      await todos.create({ text: 'x' })
      await todos.find()
      assert.equal(heard, 0)
    })
  })

  describe('connections', () => {
    it('acknowledge with an error alone, or null and a result', async () => {
      assert.deepEqual(await emit(socket, 'find', 'readonly', {}), [null, null])
      const [nothing, echo] = await emit(socket, 'get', 'echo/blue/things', 7)
      assert.deepEqual([nothing, echo], [null, { id: 7, query: {}, route: { room: 'blue' } }])
      const refused = await emit(socket, 'find', 'nope', {})
      assert.deepEqual(refused, [
        { name: 'NotFound', message: "Service 'nope' not found", code: 404, className: 'not-found' }
      ])
      for (const event of ['nope', 'internalMethod']) {
        const [error] = await emit(socket, event, 'todos', {}, {})
        assert.equal(error.name, 'MethodNotAllowed')
      }
    })

    it('come back as who they were', async () => {
      const { user, credentials } = await makeUser(app)
      await app.authenticate(credentials)
      const lost = next(socket, 'disconnect')
      socket.io.engine.close()
      await lost
      const reconnected = next(socket, 'connect')
      await reconnected
      assert.deepEqual((await app.service('dummy').find()).user, user)
    })

    it('are authenticated by a header of the handshake', async () => {
      const { user, credentials } = await makeUser(app)
      const { accessToken } = await app.authenticate(credentials)
      for (const value of [`Bearer ${accessToken}`, `JWT ${accessToken}`, accessToken]) {
        const other = connect({ extraHeaders: { Authorization: value } })
        const [, dummy] = await emit(other, 'find', 'dummy', {})
        assert.deepEqual(dummy.user, user)
      }
    })

    it('are refused with a bad token', async () => {
      const refused = connect({ extraHeaders: { Authorization: 'Bearer nonsense' } })
      const error = await next(refused, 'connect_error')
      assert.deepEqual([error.message, error.data], ['jwt malformed', malformed])
      assert.equal(refused.connected, false)
    })
  })
})
