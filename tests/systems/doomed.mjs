// A client that is to be killed: node doomed.mjs {"url", "token", "says": [[event, payload], …]}
import { createRequire } from 'node:module'

const { io } = createRequire(new URL('../clients/package.json', import.meta.url))('socket.io-client')
const { url, token, says } = JSON.parse(process.argv[2])

const socket = io(url, { auth: { token }, transports: ['websocket'] })
socket.on('connect', () => {
  for (const [event, payload] of says) socket.emit(event, payload)
})
