// The official clients of Feathers, as their documentation sets them up; nothing here is made for this server.
import authentication, { MemoryStorage } from '@feathersjs/authentication-client'
import { feathers } from '@feathersjs/feathers'
import rest from '@feathersjs/rest-client'
import socketio from '@feathersjs/socketio-client'
import { io } from 'socket.io-client'

export const { url, people, password, transports } = JSON.parse(process.argv[2])

// Custom methods are known to a client that names them, as are the standard ones then.
const methods = ['find', 'get', 'create', 'patch', 'remove', 'acknowledge']

function client(connection) {
  // Without a storage of its own, a client shares the one of the process.
  const app = feathers().configure(connection).configure(authentication({ storage: new MemoryStorage() }))
  return app.use('members', connection.service('members'), { methods })
}

export function restClient() {
  return client(rest(url).fetch(fetch))
}

/** `options` are those of socket.io-client. */
export function socketClient(options = {}) {
  const socket = io(url, { transports, forceNew: true, ...options })
  return { app: client(socketio(socket)), socket }
}

export function login(app, name) {
  return app.authenticate({ strategy: 'local', email: people[name], password })
}

/** Resolves with what the emitter's next such event brings. */
export function next(emitter, event) {
  return new Promise((resolve) => emitter.once(event, (...values) => resolve(values[0])))
}
