// Plays the Chat System's document, at /api/chat and in /chat: node chat_system/client.mjs {"url", "people", "password"}
import assert from 'node:assert/strict'
import { Client, check, conversation, doomed, has, leave, login, member, newcomer, request, unique, until } from '../stage.mjs'

const [admin, dan, cleo] = await Promise.all(['admin', 'dan', 'cleo'].map(login))
const [anna, bruno] = await Promise.all(['Anna', 'Bruno'].map((name) => newcomer(admin, name)))
const MESSAGE = [
  ...['id', 'sender_id', 'receiver_id', 'conversation_id', 'content', 'attachment_url'],
  ...['is_read', 'read_at', 'deletedAt', 'createdAt', 'updatedAt']
]
const CONVERSATION = [
  ...['id', 'participant_1_id', 'participant_2_id', 'last_message', 'last_message_at'],
  ...['unread_count', 'createdAt', 'updatedAt']
]
const NOBODY = 'f'.repeat(24)

function api(method, path, person, body, headers) {
  return request(method, `/api/chat${path}`, { person, body, headers })
}

async function send(person, receiver, content, more = {}) {
  const answer = await api('POST', '/send', person, { receiver_id: receiver.id, content, ...more })
  assert.equal(answer.status, 201, JSON.stringify(answer))
  return answer.body
}

async function got(person, path) {
  const answer = await api('GET', path, person)
  assert.equal(answer.status, 200, JSON.stringify(answer))
  return answer.body
}

async function refused(answer, ...statuses) {
  const { status, body } = await answer
  assert.ok(statuses.includes(status), `${status} ${JSON.stringify(body)}`)
  assert.equal(typeof body.message, 'string')
  return body
}

async function unread(person) {
  return (await got(person, '/unread-count')).unread_count
}

async function connect(person) {
  const client = new Client('/chat', person)
  await new Promise((resolve, reject) => {
    client.socket.on('connect', resolve)
    client.socket.on('connect_error', reject)
  })
  return client
}

async function join(conversation_id, ...clients) {
  for (const client of clients) {
    const answer = await client.ask('join_conversation', { conversation_id })
    assert.equal(answer.error, undefined, JSON.stringify(answer))
  }
}

/** The event is refused by an acknowledgement, and by an error event to who wants none. */
async function refusedEvent(client, event, payload) {
  const answer = await client.ask(event, payload)
  assert.equal(typeof answer.error?.message, 'string', JSON.stringify(answer))
  client.say(event, payload)
  assert.equal(typeof (await client.told('error')).message, 'string')
}

function isTime(text) {
  return typeof text === 'string' && !Number.isNaN(Date.parse(text))
}

await check('POST /send stores a message, and makes the conversation of the two', async () => {
  const message = await send(anna, bruno, 'Hello Bruno')
  assert.deepEqual(MESSAGE.filter((field) => message[field] === undefined), [])
  assert.deepEqual([message.sender_id, message.receiver_id, message.content], [anna.id, bruno.id, 'Hello Bruno'])
  assert.deepEqual([message.attachment_url, message.is_read, message.read_at, message.deletedAt], [null, false, null, null])
  assert.ok(isTime(message.createdAt) && isTime(message.updatedAt))
  const answer = await send(bruno, anna, 'Hello Anna')
  assert.equal(answer.conversation_id, message.conversation_id)
  assert.notEqual(answer.id, message.id)
})

const conversation_id = (await send(anna, bruno, 'What is new?')).conversation_id

await check('a message may have an attachment, by its url', async () => {
  const attachment_url = 'https://files.example/lab/report.pdf'
  const message = await send(anna, bruno, 'The report', { attachment_url })
  assert.equal(message.attachment_url, attachment_url)
  const alone = await api('POST', '/send', anna, { receiver_id: bruno.id, attachment_url })
  assert.equal(alone.status, 201)
  const found = (await got(bruno, `/conversations/${conversation_id}/messages`)).find((one) => one.id === message.id)
  assert.equal(found.attachment_url, attachment_url)
  const script = { receiver_id: bruno.id, content: 'x', attachment_url: 'javascript:alert(1)' }
  const refusal = await refused(api('POST', '/send', anna, script), 400)
  assert.match(JSON.stringify(refusal), /attachment_url/)
})

await check('nobody is served who brings no token, or a wrong one', async () => {
  const body = { receiver_id: bruno.id, content: 'who am I?' }
  await refused(api('POST', '/send', null, body), 401)
  await refused(api('POST', '/send', { token: 'nonsense' }, body), 401)
  for (const path of ['/conversations', `/conversations/${conversation_id}/messages`, '/unread-count', '/search?q=x']) {
    await refused(api('GET', path), 401)
  }
  await refused(api('PUT', `/conversations/${conversation_id}/read`), 401)
  await refused(api('DELETE', `/messages/${NOBODY}`), 401)
})

await check('a message to nobody, to oneself and to another school is refused', async () => {
  const content = 'is anybody there?'
  for (const receiver_id of [NOBODY, anna.id, dan.id, 'nobody', 7, null]) {
    const refusal = await refused(api('POST', '/send', anna, { receiver_id, content }), 400, 404)
    assert.match(JSON.stringify(refusal), /receiver_id/)
  }
  await refused(api('POST', '/send', anna, { content }), 400)
  assert.deepEqual(await got(dan, '/search?q=anybody'), [])
})

await check('a message that says nothing, or too much, is refused', async () => {
  const receiver_id = bruno.id
  for (const content of [undefined, '', 7, { $gt: '' }, 'x'.repeat(4001)]) {
    await refused(api('POST', '/send', anna, { receiver_id, content }), 400)
  }
  const stranger = await member(admin, 'Stranger')
  await refused(api('POST', '/send', anna, { receiver_id: stranger.id, content: 'x'.repeat(4001) }), 400)
  const others = (await got(anna, '/conversations')).map((one) => one.other_participant.id)
  assert.deepEqual(others, [bruno.id])
})

await check("another's id as sender_id is refused, one's own is not", async () => {
  const body = { receiver_id: bruno.id, content: 'from whom?' }
  await refused(api('POST', '/send', anna, { ...body, sender_id: cleo.id }), 400, 403)
  await refused(api('POST', '/send', anna, { ...body, userId: cleo.id }), 400, 403)
  const own = await api('POST', '/send', anna, { ...body, sender_id: anna.id })
  assert.equal(own.body.sender_id, anna.id)
})

await check('a request that is sent again is answered with the first message, and stored once', async () => {
  const body = { receiver_id: bruno.id, content: 'just once' }
  const headers = { 'Idempotency-Key': unique() }
  const first = await api('POST', '/send', anna, body, headers)
  const again = await api('POST', '/send', anna, body, headers)
  assert.deepEqual([first.status, again.body.id], [201, first.body.id])
  const other = await api('POST', '/send', bruno, { receiver_id: anna.id, content: 'mine' }, headers)
  assert.equal(other.status, 201)
  assert.notEqual(other.body.id, first.body.id)
  await refused(api('POST', '/send', anna, { ...body, content: 'another' }, headers), 422)
  const kept = await got(bruno, `/conversations/${conversation_id}/messages`)
  assert.equal(kept.filter((one) => one.content === 'just once').length, 1)
})

await check('GET /conversations: the newest first, with the other, the last message and what is unread', async () => {
  await send(cleo, bruno, 'Hello from Cleo')
  const list = await got(bruno, '/conversations')
  assert.equal(list.length, 2)
  for (const one of list) assert.deepEqual(CONVERSATION.filter((field) => one[field] === undefined), [])
  const [first, second] = list
  assert.deepEqual([first.participant_1_id, first.participant_2_id].sort(), [cleo.id, bruno.id].sort())
  assert.deepEqual([first.last_message, first.unread_count], ['Hello from Cleo', 1])
  assert.deepEqual([first.other_participant.id, first.other_participant.name], [cleo.id, 'Cleo'])
  assert.equal(second.id, conversation_id)
  assert.ok(isTime(first.last_message_at) && first.last_message_at >= second.last_message_at)
  await send(anna, bruno, 'Me again')
  const [newest] = await got(bruno, '/conversations')
  assert.deepEqual([newest.id, newest.last_message], [conversation_id, 'Me again'])
  assert.equal(newest.other_participant.id, anna.id)
})

await check('GET /conversations/:id/messages: with sender and receiver, in their order', async () => {
  const list = await got(bruno, `/conversations/${conversation_id}/messages`)
  assert.deepEqual(list.slice(0, 3).map((one) => one.content), ['Hello Bruno', 'Hello Anna', 'What is new?'])
  for (const one of list) {
    assert.deepEqual(MESSAGE.filter((field) => one[field] === undefined), [])
    assert.deepEqual([one.sender.id, one.receiver.id], [one.sender_id, one.receiver_id])
    assert.deepEqual([one.sender.name, one.receiver.name].sort(), [anna.name, bruno.name])
    assert.equal(one.sender.password, undefined)
  }
})

await check('a conversation is for the two who have it', async () => {
  for (const person of [cleo, dan, admin]) {
    await refused(api('GET', `/conversations/${conversation_id}/messages`, person), 403, 404)
    await refused(api('PUT', `/conversations/${conversation_id}/read`, person), 403, 404)
    assert.deepEqual(await got(person, '/search?q=Bruno'), [])
  }
  await refused(api('GET', `/conversations/${NOBODY}/messages`, anna), 404)
  await refused(api('GET', '/conversations/nonsense/messages', anna), 400, 404)
})

await check('unread messages are counted until they are read, by PUT or by POST', async () => {
  const carla = await newcomer(admin, 'Carla')
  assert.equal(await unread(carla), 0)
  const first = await send(anna, carla, 'one')
  await send(anna, carla, 'two')
  await send(bruno, carla, 'three')
  assert.equal(await unread(carla), 3)
  const read = await api('PUT', `/conversations/${first.conversation_id}/read`, carla)
  assert.equal(read.status, 200)
  assert.equal(await unread(carla), 1)
  const [message] = await got(anna, `/conversations/${first.conversation_id}/messages`)
  assert.equal(message.is_read, true)
  assert.ok(isTime(message.read_at))
  const other = (await got(carla, '/conversations')).find((one) => one.unread_count > 0)
  assert.equal((await api('POST', `/conversations/${other.id}/read`, carla)).status, 200)
  assert.equal(await unread(carla), 0)
  await send(carla, anna, 'my own is not unread')
  assert.equal(await unread(carla), 0)
  const [, , answer] = await got(carla, `/conversations/${first.conversation_id}/messages`)
  assert.deepEqual([answer.is_read, answer.read_at], [false, null])
})

await check('GET /search finds what is said in own conversations', async () => {
  const word = `zebra${Date.now()}`
  const message = await send(anna, bruno, `I saw a ${word} today`)
  await send(cleo, admin, `${word} of others`)
  for (const person of [anna, bruno]) {
    const found = await got(person, `/search?q=${word}`)
    assert.deepEqual(found.map((one) => one.id), [message.id])
    has(found[0], ...MESSAGE, 'sender', 'receiver')
  }
  assert.deepEqual(await got(bruno, '/search?q=nosuchwordatall'), [])
  await refused(api('GET', '/search', anna), 400)
  await refused(api('GET', '/search?q=', anna), 400)
})

await check('DELETE /messages/:id hides a message, which can be recovered by an admin', async () => {
  const word = `quagga${Date.now()}`
  const message = await send(anna, bruno, `a ${word}`)
  const seen = async (person) => {
    const list = await got(person, `/conversations/${conversation_id}/messages`)
    return list.some((one) => one.id === message.id)
  }
  await refused(api('DELETE', `/messages/${message.id}`, bruno), 403)
  await refused(api('DELETE', `/messages/${message.id}`, cleo), 403, 404)
  await refused(api('DELETE', `/messages/${NOBODY}`, anna), 404)
  const gone = await api('DELETE', `/messages/${message.id}`, anna)
  assert.equal(gone.status, 200)
  assert.ok(isTime(gone.body.deletedAt))
  assert.deepEqual([await seen(anna), await seen(bruno)], [false, false])
  assert.deepEqual(await got(bruno, `/search?q=${word}`), [])
  assert.notEqual((await got(bruno, '/conversations'))[0].last_message, `a ${word}`)
  await refused(api('POST', `/messages/${message.id}/restore`, anna), 403)
  const back = await api('POST', `/messages/${message.id}/restore`, admin)
  assert.equal(back.status, 200)
  assert.deepEqual([back.body.content, back.body.deletedAt], [`a ${word}`, null])
  assert.deepEqual([await seen(anna), await seen(bruno)], [true, true])
  assert.deepEqual((await got(bruno, `/search?q=${word}`)).map((one) => one.id), [message.id])
})

await check('messages come in pages of 50', async () => {
  const [emil, frida] = await Promise.all(['Emil', 'Frida'].map((name) => newcomer(admin, name)))
  const { conversation_id: id } = await send(emil, frida, 'number 1')
  for (let n = 2; n <= 53; n += 1) {
    await request('POST', '/messages', { person: emil, body: { conversationId: id, content: `number ${n}` } })
  }
  const contents = async (query) => (await got(frida, `/conversations/${id}/messages${query}`)).map((one) => one.content)
  const first = await contents('')
  assert.deepEqual([first.length, first[0], first.at(-1)], [50, 'number 4', 'number 53'])
  assert.deepEqual(await contents('?page=2'), ['number 1', 'number 2', 'number 3'])
  assert.deepEqual(await contents('?page=3'), [])
  assert.deepEqual(await contents('?page=2&limit=2'), ['number 50', 'number 51'])
  for (const query of ['?page=0', '?page=x', '?limit=0', '?limit=100000', '?limit=-1']) {
    await refused(api('GET', `/conversations/${id}/messages${query}`, frida), 400)
  }
})

await check('conversations come in pages of 20', async () => {
  const gina = await newcomer(admin, 'Gina')
  for (let n = 1; n <= 21; n += 1) await send(gina, await member(admin, `Friend${n}`), `I know you, ${n}`)
  const names = async (query) => (await got(gina, `/conversations${query}`)).map((one) => one.other_participant.name)
  const first = await names('')
  assert.deepEqual([first.length, first[0], first.at(-1)], [20, 'Friend21', 'Friend2'])
  assert.deepEqual(await names('?page=2'), ['Friend1'])
  assert.deepEqual(await names('?page=3'), [])
  assert.deepEqual(await names('?page=2&limit=1'), ['Friend20'])
  await refused(api('GET', '/conversations?page=0', gina), 400)
})

const [a, b, c] = await Promise.all([anna, bruno, cleo].map(connect))

await check('who brings no token, or a wrong one, gets into no room', async () => {
  const wrong = new Client('/chat', { token: 'nonsense', name: 'nobody' })
  assert.ok((await wrong.told('connect_error')).message)
  const nobody = new Client('/chat')
  nobody.socket.on('connect', () => nobody.say('join_conversation', { conversation_id }))
  const refusal = await Promise.any([nobody.told('connect_error'), nobody.told('error')])
  assert.equal(typeof refusal.message, 'string')
  await send(anna, bruno, 'not for nobody')
  nobody.untold('new_message')
})

await check('who has not joined is told of a message by message_notification alone', async () => {
  const message = await send(anna, bruno, 'Look here')
  const notice = await b.told('message_notification', { conversation_id })
  has(notice, 'conversation_id', 'message_id', 'sender_id', 'content')
  await b.told('message_notification', { message_id: message.id })
  b.untold('new_message')
  a.untold('message_notification')
  c.untold('message_notification', { conversation_id })
})

await check('join_conversation is for the two who have it', async () => {
  await join(conversation_id, a, b)
  await refusedEvent(c, 'join_conversation', { conversation_id })
  await refusedEvent(a, 'join_conversation', { conversation_id: NOBODY })
  await refusedEvent(a, 'join_conversation', { conversation_id: 'nonsense' })
  await refusedEvent(a, 'join_conversation', {})
})

await check('send_message is told both by new_message, and the receiver by message_notification', async () => {
  const answer = await a.ask('send_message', { receiver_id: bruno.id, content: 'by the socket' })
  assert.equal(answer.error, undefined, JSON.stringify(answer))
  const [own, other] = await Promise.all([a, b].map((client) => client.told('new_message', { content: 'by the socket' })))
  for (const message of [own, other]) {
    assert.deepEqual(MESSAGE.filter((field) => message[field] === undefined), [])
    assert.deepEqual([message.sender_id, message.receiver_id], [anna.id, bruno.id])
    assert.equal(message.conversation_id, conversation_id)
    assert.deepEqual([message.is_read, message.read_at], [false, null])
  }
  await b.told('message_notification', { message_id: other.id, sender_id: anna.id })
  await a.ask('join_conversation', { conversation_id })
  a.untold('message_notification')
  assert.ok((await got(bruno, `/conversations/${conversation_id}/messages`)).some((one) => one.id === own.id))
  a.say('send_message', { receiver_id: bruno.id, content: 'without an answer' })
  await b.told('new_message', { content: 'without an answer' })
})

await check('send_message makes a conversation that is not there', async () => {
  const hugo = await newcomer(admin, 'Hugo')
  const h = await connect(hugo)
  a.say('send_message', { receiver_id: hugo.id, content: 'the first one' })
  await a.told('new_message', { content: 'the first one' })
  const notice = await h.told('message_notification', { sender_id: anna.id })
  await join(notice.conversation_id, h)
  a.say('send_message', { receiver_id: hugo.id, content: 'the second one' })
  const message = await h.told('new_message', { content: 'the second one' })
  assert.equal(message.conversation_id, notice.conversation_id)
  h.close()
})

await check('events that do not fit are refused', async () => {
  const content = 'as somebody else'
  await refusedEvent(b, 'send_message', { receiver_id: anna.id, content, sender_id: cleo.id })
  await refusedEvent(b, 'send_message', { receiver_id: dan.id, content })
  await refusedEvent(b, 'send_message', { receiver_id: NOBODY, content })
  await refusedEvent(b, 'send_message', { receiver_id: anna.id })
  await refusedEvent(b, 'send_message', { content })
  await refusedEvent(c, 'typing', { conversation_id })
  await refusedEvent(c, 'mark_as_read', { conversation_id })
  await refusedEvent(b, 'typing', { conversation_id, user_id: anna.id })
  await refusedEvent(b, 'mark_as_read', { conversation_id, user_id: anna.id })
  assert.deepEqual(await got(anna, `/search?q="${content}"`), [])
})

await check('an event that is sent again is answered with the first message', async () => {
  const message = { receiver_id: bruno.id, content: 'by the socket, once', idempotency_key: unique() }
  const first = await a.ask('send_message', message)
  const again = await a.ask('send_message', message)
  assert.equal(again.id, first.id)
  await b.told('new_message', { id: first.id })
  const other = await b.ask('send_message', { ...message, receiver_id: anna.id })
  assert.notEqual(other.id, first.id)
  await a.told('new_message', { id: other.id })
  b.untold('new_message', { id: first.id })
})

await check('typing and stop_typing are told the other', async () => {
  a.say('typing', { conversation_id })
  assert.deepEqual(await b.told('typing'), { conversation_id, user_id: anna.id })
  a.say('stop_typing', { conversation_id })
  assert.deepEqual(await b.told('stop_typing'), { conversation_id, user_id: anna.id })
  await a.ask('join_conversation', { conversation_id })
  a.untold('typing')
  a.untold('stop_typing')
})

await check('typing ends when the client has crashed', async () => {
  const client = doomed('/chat', anna, [['typing', { conversation_id }]])
  await b.told('typing', { user_id: anna.id })
  client.kill()
  await b.told('stop_typing', { user_id: anna.id })
})

await check('mark_as_read is kept, and told the sender', async () => {
  const { id } = await a.ask('send_message', { receiver_id: bruno.id, content: 'read me' })
  await b.told('new_message', { id })
  const before = await unread(bruno)
  assert.ok(before > 0)
  b.say('mark_as_read', { conversation_id })
  const told = await a.told('messages_read', { conversation_id })
  assert.equal(told.user_id, bruno.id)
  assert.ok(isTime(told.read_at))
  await until(() => unread(bruno), (count) => count < before)
  const message = (await got(anna, `/conversations/${conversation_id}/messages`)).find((one) => one.id === id)
  assert.equal(message.is_read, true)
  c.untold('messages_read')
})

await check('a message of the school is told in the Chat System, and one of the Chat System is read in the school', async () => {
  const place = await conversation('direct', [bruno, anna])
  assert.equal(place, conversation_id)
  const stored = await request('POST', '/messages', { person: bruno, body: { conversationId: place, content: 'portal' } })
  const heard = await a.told('new_message', { id: stored.body._id })
  assert.deepEqual([heard.receiver_id, heard.content], [anna.id, 'portal'])
  await a.told('message_notification', { message_id: stored.body._id })
  const { id } = await send(anna, bruno, 'from the Chat System')
  const read = await request('GET', `/messages/${id}`, { person: bruno })
  assert.equal(read.body.content, 'from the Chat System')
})

await check('what is said in a group is not told as if it were said to one', async () => {
  const place = await conversation('group', [anna, bruno, cleo])
  await request('POST', '/messages', { person: cleo, body: { conversationId: place, content: 'to all' } })
  await send(anna, bruno, 'to you')
  await b.told('new_message', { content: 'to you' })
  b.untold('message_notification', { conversation_id: place })
  assert.ok((await got(bruno, '/conversations')).every((one) => one.id !== place))
})

leave()
