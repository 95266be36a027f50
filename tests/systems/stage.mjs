// What the client programs of the systems share: the school's login, sockets that keep what they are told, checks.
// Each is started as: node PROGRAM {"url", "people": {name: email}, "password"}, writes {"check", "ok", "ms" | "why"}
// for each of its checks, a line each, with the time since its start, and ends with 1 where one has failed.
import { AssertionError } from 'node:assert'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const { io } = createRequire(new URL('../clients/package.json', import.meta.url))('socket.io-client')

export const { url, people, password } = JSON.parse(process.argv[2])
const SECONDS = 5
const opened = []
const children = []

/** What a system promises; the next one is played whether or not this one holds. */
export async function check(name, play) {
  try {
    await play()
    console.log(JSON.stringify({ check: name, ok: true, ms: Math.round(performance.now()) }))
  } catch (error) {
    const why = error instanceof AssertionError ? `${error.message} (${error.stack.split('\n').at(-1).trim()})` : error.stack
    console.log(JSON.stringify({ check: name, ok: false, why }))
    process.exitCode = 1
  }
}

export function leave() {
  for (const client of opened) client.close()
  for (const child of children) child.kill('SIGKILL')
}

/** The status and the body of an answer; `person` is who asks. */
export async function request(method, path, { person, body, headers = {} } = {}) {
  const sent = { 'Content-Type': 'application/json', ...headers }
  if (person) sent.Authorization = `Bearer ${person.token}`
  const answer = await fetch(url + path, { method, headers: sent, body: body && JSON.stringify(body) })
  const text = await answer.text()
  return { status: answer.status, body: text ? JSON.parse(text) : null }
}

export async function login(name) {
  return loginAs(people[name])
}

/** Somebody new of the admin's school, whom no other program knows. */
export async function newcomer(admin, name) {
  return loginAs((await member(admin, name)).email)
}

/** The same, who does not log in. */
export async function member(admin, name) {
  const email = `${name.toLowerCase()}-${unique()}@new.example`
  const body = { email, name, role: 'student', password }
  const answer = await request('POST', '/users', { person: admin, body })
  assert.equal(answer.status, 201)
  return { email, name, id: answer.body._id }
}

/** The id of a new conversation, which its first person makes. */
export async function conversation(kind, [person, ...others], more = {}) {
  const named = kind === 'direct' ? {} : { name: `A ${kind}` }
  const body = { kind, ...named, memberIds: others.map((one) => one.id), ...more }
  const answer = await request('POST', '/conversations', { person, body })
  assert.ok(answer.status < 300, JSON.stringify(answer))
  return answer.body._id
}

export function unique() {
  return `${Date.now()}-${Math.random()}`
}

/** All of these fields are there, whatever their values. */
export function has(object, ...fields) {
  const missing = fields.filter((field) => object?.[field] === undefined)
  assert.deepEqual(missing, [], `fields are missing in ${JSON.stringify(object)}`)
}

/** Asks again until the answer fits. */
export async function until(ask, fits) {
  const end = Date.now() + SECONDS * 1000
  for (;;) {
    const answer = await ask()
    if (fits(answer)) return answer
    assert.ok(Date.now() < end, `the last answer was ${JSON.stringify(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** A socket of a namespace, which keeps the events that nobody has asked for yet. */
export class Client {
  constructor(namespace, person) {
    this.name = person?.name ?? 'nobody'
    this.heard = []
    this.waiting = []
    const auth = person ? { token: person.token } : {}
    this.socket = io(url + namespace, { auth, transports: ['websocket'], forceNew: true, reconnection: false })
    this.socket.onAny((event, payload) => this.keep(event, payload))
    this.socket.on('connect_error', (error) => this.keep('connect_error', { message: error.message }))
    opened.push(this)
  }

  close() {
    this.socket.close()
    for (const { timer } of this.waiting) clearTimeout(timer)
  }

  say(event, payload) {
    this.socket.emit(event, payload)
  }

  /** What the server acknowledges the event with. */
  ask(event, payload) {
    return this.socket.timeout(SECONDS * 1000).emitWithAck(event, payload)
  }

  /** The oldest such event with these fields that was not asked for before; waits for it. */
  told(event, fields = {}) {
    const kept = this.find(event, fields)
    if (kept) {
      this.heard.splice(this.heard.indexOf(kept), 1)
      return Promise.resolve(kept[1])
    }
    return new Promise((resolve, reject) => {
      const waiting = { event, fields, resolve }
      waiting.timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(waiting), 1)
        const heard = JSON.stringify(this.heard.slice(-8))
        reject(new Error(`${this.name} was not told ${event} ${JSON.stringify(fields)}; the last was ${heard}`))
      }, SECONDS * 1000)
      this.waiting.push(waiting)
    })
  }

  /** It has not been told so: ask behind an answer that came after whatever was sent before. */
  untold(event, fields = {}) {
    assert.equal(this.find(event, fields), undefined, `${this.name} was told ${event}`)
  }

  find(event, fields) {
    return this.heard.find(([name, payload]) => name === event && fit(payload, fields))
  }

  keep(event, payload) {
    const waiting = this.waiting.find((one) => one.event === event && fit(payload, one.fields))
    if (!waiting) {
      this.heard.push([event, payload])
      return
    }
    this.waiting.splice(this.waiting.indexOf(waiting), 1)
    clearTimeout(waiting.timer)
    waiting.resolve(payload)
  }
}

/** A client in a process of its own that says these events; `kill()` is its crash. */
export function doomed(namespace, person, says) {
  const what = JSON.stringify({ url: url + namespace, token: person.token, says })
  const child = spawn(process.execPath, [fileURLToPath(new URL('doomed.mjs', import.meta.url)), what])
  children.push(child)
  return { kill: () => child.kill('SIGKILL') }
}

async function loginAs(email) {
  const body = { strategy: 'local', email, password }
  const answer = await request('POST', '/authentication', { body })
  assert.equal(answer.status, 201, JSON.stringify(answer))
  const { accessToken, user } = answer.body
  return { token: accessToken, id: user._id, name: user.name }
}

function fit(payload, fields) {
  return Object.entries(fields).every(([name, value]) => payload?.[name] === value)
}
