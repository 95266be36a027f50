// Plays CampZone's document, in /campzone: node campzone/client.mjs {"url", "people", "password"}
import assert from 'node:assert/strict'
import { Client, check, conversation, doomed, has, leave, login, request, unique, until } from '../stage.mjs'

const [ada, ben, cleo, finn, rivera, admin, dan] = await Promise.all(
  ['ada', 'ben', 'cleo', 'finn', 'rivera', 'admin', 'dan'].map(login)
)
const STATUSES = ['PENDING', 'DELIVERED', 'READ']
const MESSAGE = ['messageId', 'roomId', 'senderId', 'content', 'lamportTimestamp', 'createdAt', 'status']

async function connect(person) {
  const client = new Client('/campzone', person)
  client.connected = await client.told('connected')
  client.id = person.id
  return client
}

async function join(roomId, ...clients) {
  for (const client of clients) {
    client.say('join_room', { roomId, userId: client.id })
    await client.told('joined_room', { roomId })
  }
}

/** Sends a message as the document says, and returns both what the sender is told and the message. */
async function send(client, roomId, content, { lamportTimestamp = 1, idempotencyKey = unique() } = {}) {
  client.say('send_message', { roomId, content, lamportTimestamp, idempotencyKey })
  const sent = await client.told('message_sent', { idempotencyKey })
  const message = await client.told('new_message', { messageId: sent.messageId })
  return { sent, message }
}

async function refused(client, event, payload) {
  client.say(event, payload)
  const error = await client.told('error')
  assert.equal(typeof error.message, 'string')
  assert.notEqual(error.message, '')
  return error
}

async function messagesOf(client, roomId, more = {}) {
  client.say('get_messages', { roomId, ...more })
  return client.told('messages', { roomId })
}

async function onlineIn(client, roomId) {
  client.say('get_online_users', { roomId })
  return client.told('online_users', { roomId })
}

const roomId = await conversation('group', [ada, ben])
const [a, b, c] = await Promise.all([ada, ben, cleo].map(connect))

await check('connected tells socketId, userId and message', async () => {
  has(a.connected, 'socketId', 'userId', 'message')
  assert.deepEqual([a.connected.socketId, a.connected.userId], [a.socket.id, ada.id])
  assert.equal(typeof a.connected.message, 'string')
})

await check('who brings no token, or a wrong one, gets into no room', async () => {
  const wrong = new Client('/campzone', { token: 'nonsense', name: 'nobody' })
  assert.ok((await wrong.told('connect_error')).message)
  const nobody = new Client('/campzone')
  nobody.socket.on('connect', () => nobody.say('join_room', { roomId, userId: ada.id }))
  const refusal = await Promise.any([nobody.told('connect_error'), nobody.told('error')])
  assert.equal(typeof refusal.message, 'string')
  nobody.untold('joined_room')
})

await check('join_room is answered by joined_room, and the others are told user_joined', async () => {
  a.say('join_room', { roomId, userId: ada.id })
  const joined = await a.told('joined_room')
  assert.equal(joined.roomId, roomId)
  assert.equal(typeof joined.message, 'string')
  await join(roomId, b)
  const told = await a.told('user_joined', { userId: ben.id })
  assert.equal(told.roomId, roomId)
  assert.ok(!Number.isNaN(Date.parse(told.timestamp)))
})

for (const kind of ['direct', 'group', 'class', 'department', 'club']) {
  await check(`a room of the kind ${kind} is joined, written to and read`, async () => {
    const teacher = await connect(rivera)
    const more = {}
    if (kind === 'class') {
      const classes = await request('GET', '/classes?name=Maths', { person: rivera })
      more.classId = classes.body.data[0]._id
    }
    const place = await conversation(kind, [rivera, ben], more)
    await join(place, teacher, b)
    const { message } = await send(teacher, place, `to a ${kind}`)
    const heard = await b.told('new_message', { messageId: message.messageId })
    assert.equal(heard.content, `to a ${kind}`)
    teacher.close()
  })
}

await check('join_room with the userId of another is refused', async () => {
  await refused(c, 'join_room', { roomId, userId: ada.id })
  await refused(b, 'join_room', { roomId, userId: ada.id })
  c.untold('joined_room')
})

await check('a room is for its members, and a message that names none is refused', async () => {
  const other = await connect(dan)
  await refused(c, 'join_room', { roomId, userId: cleo.id })
  await refused(other, 'join_room', { roomId, userId: dan.id })
  await refused(a, 'join_room', { roomId: 'f'.repeat(24), userId: ada.id })
  await refused(a, 'join_room', { roomId: 'nowhere', userId: ada.id })
  await refused(a, 'join_room', { userId: ada.id })
  const content = { content: 'let me in', lamportTimestamp: 1, idempotencyKey: unique() }
  await refused(c, 'send_message', { roomId, ...content })
  await refused(c, 'get_messages', { roomId })
  await refused(c, 'get_online_users', { roomId })
  await refused(c, 'typing_start', { roomId })
  await refused(other, 'get_messages', { roomId })
  other.close()
})

await check('send_message is told to all in the room by new_message, and to the sender by message_sent', async () => {
  const idempotencyKey = `${ada.id}-${Date.now()}-${Math.random()}`
  const { sent, message } = await send(a, roomId, 'hello', { idempotencyKey })
  has(sent, 'messageId', 'idempotencyKey', 'status')
  assert.ok(STATUSES.includes(sent.status))
  const heard = await b.told('new_message', { messageId: sent.messageId })
  for (const one of [message, heard]) {
    has(one, ...MESSAGE)
    assert.deepEqual([one.roomId, one.senderId, one.content], [roomId, ada.id, 'hello'])
    assert.ok(Number.isInteger(one.lamportTimestamp))
    assert.ok(!Number.isNaN(Date.parse(one.createdAt)))
    assert.ok(['PENDING', 'DELIVERED'].includes(one.status))
  }
  b.untold('message_sent')
})

await check('what was broadcast becomes DELIVERED, and so it stands in the delivery log', async () => {
  const { message } = await send(a, roomId, 'to be delivered')
  await b.told('new_message', { messageId: message.messageId })
  const statusOf = ({ messages }) => messages.find((one) => one.messageId === message.messageId).status
  await until(() => messagesOf(a, roomId), (answer) => statusOf(answer) === 'DELIVERED')
  const log = await until(
    () => request('GET', `/deliveries?conversationId=${roomId}&$limit=100`, { person: admin }),
    ({ body }) => body.data.some((one) => one.recordId === message.messageId && one.state === 'DELIVERED')
  )
  assert.ok(log.body.data.every((one) => ['PENDING', 'DELIVERED', 'RETRY', 'FAILED'].includes(one.state)))
})

await check('the clock of the room is max(clock, given) + 1, and 2^53 does not push it away', async () => {
  const fresh = await conversation('group', [ada, ben])
  await join(fresh, a)
  const clocks = []
  for (const lamportTimestamp of [5, 1, 2 ** 53, Number.MAX_SAFE_INTEGER, 8, 100_000]) {
    clocks.push((await send(a, fresh, 'tick', { lamportTimestamp })).message.lamportTimestamp)
  }
  assert.deepEqual(clocks, [6, 7, 8, 9, 10, 11])
  const within = await send(a, fresh, 'a bit ahead', { lamportTimestamp: 500 })
  assert.equal(within.message.lamportTimestamp, 501)
  const { messages } = await messagesOf(a, fresh)
  const sorted = messages.map((one) => one.lamportTimestamp)
  assert.deepEqual(sorted, [6, 7, 8, 9, 10, 11, 501])
})

await check('a message that is sent again is acknowledged with the first one, and told once', async () => {
  const idempotencyKey = unique()
  const first = await send(a, roomId, 'once', { idempotencyKey })
  await b.told('new_message', { messageId: first.message.messageId })
  a.say('send_message', { roomId, content: 'once', lamportTimestamp: 77, idempotencyKey })
  const again = await a.told('message_sent', { idempotencyKey })
  assert.equal(again.messageId, first.sent.messageId)
  assert.ok(STATUSES.includes(again.status))
  const { messages } = await messagesOf(b, roomId)
  assert.equal(messages.filter((one) => one.content === 'once').length, 1)
  b.untold('new_message', { content: 'once' })
  a.untold('new_message', { content: 'once' })
})

await check('a message that is sent again after the connection was lost is the first one', async () => {
  const idempotencyKey = unique()
  const lost = await connect(ada)
  await join(roomId, lost)
  const first = await send(lost, roomId, 'is it there?', { idempotencyKey })
  lost.close()
  const back = await connect(ada)
  back.say('send_message', { roomId, content: 'is it there?', lamportTimestamp: 1, idempotencyKey })
  assert.equal((await back.told('message_sent')).messageId, first.sent.messageId)
  back.close()
})

await check('the same key of another user is another message', async () => {
  const idempotencyKey = unique()
  const first = await send(a, roomId, "mine", { idempotencyKey })
  const second = await send(b, roomId, 'and mine', { idempotencyKey })
  assert.notEqual(first.sent.messageId, second.sent.messageId)
  assert.deepEqual([second.message.senderId, second.message.content], [ben.id, 'and mine'])
})

await check('the same key with other content is refused', async () => {
  const idempotencyKey = unique()
  await send(a, roomId, 'this', { idempotencyKey })
  await refused(a, 'send_message', { roomId, content: 'that', lamportTimestamp: 1, idempotencyKey })
})

await check('a message by another userId, and one that says nothing, is refused', async () => {
  const message = { roomId, lamportTimestamp: 1 }
  await refused(b, 'send_message', { ...message, content: 'as Ada', userId: ada.id, idempotencyKey: unique() })
  await refused(b, 'send_message', { ...message, content: 'as Ada', senderId: ada.id, idempotencyKey: unique() })
  await refused(b, 'send_message', { ...message, content: '', idempotencyKey: unique() })
  await refused(b, 'send_message', { ...message, idempotencyKey: unique() })
  await refused(b, 'send_message', { ...message, content: 'x'.repeat(4001), idempotencyKey: unique() })
  await refused(b, 'send_message', { ...message, content: { $gt: '' }, idempotencyKey: unique() })
  const { messages } = await messagesOf(a, roomId)
  assert.deepEqual(messages.filter((one) => one.content === 'as Ada'), [])
})

await check('get_messages answers by the clock, with a limit and a skip', async () => {
  const place = await conversation('group', [ada, ben])
  await join(place, a, b)
  for (const content of ['one', 'two', 'three', 'four', 'five']) await send(a, place, content)
  const all = await messagesOf(b, place)
  assert.deepEqual([all.roomId, all.count], [place, 5])
  assert.deepEqual(all.messages.map((one) => one.content), ['one', 'two', 'three', 'four', 'five'])
  for (const one of all.messages) has(one, ...MESSAGE)
  // The document does not say at which end it begins to skip: page by page each message is there once.
  const pages = []
  for (const skip of [0, 2, 4, 5]) pages.push(await messagesOf(b, place, { limit: 2, skip }))
  assert.deepEqual(pages.map((one) => one.count), [2, 2, 1, 0])
  const inOrder = pages.flatMap((one) => one.messages).sort((x, y) => x.lamportTimestamp - y.lamportTimestamp)
  assert.deepEqual(inOrder.map((one) => one.content), all.messages.map((one) => one.content))
  await refused(b, 'get_messages', { roomId: place, limit: -1 })
  await refused(b, 'get_messages', { roomId: place, limit: 'many' })
})

await check('typing_start and typing_stop are told the others by user_typing', async () => {
  a.say('typing_start', { roomId })
  const started = await b.told('user_typing', { userId: ada.id })
  assert.deepEqual(started, { roomId, userId: ada.id, isTyping: true })
  a.say('typing_stop', { roomId })
  const stopped = await b.told('user_typing', { userId: ada.id })
  assert.deepEqual(stopped, { roomId, userId: ada.id, isTyping: false })
  await onlineIn(a, roomId)
  a.untold('user_typing', { userId: ada.id })
})

await check('typing ends with the message', async () => {
  a.say('typing_start', { roomId })
  await b.told('user_typing', { userId: ada.id, isTyping: true })
  await send(a, roomId, 'typed')
  await b.told('user_typing', { userId: ada.id, isTyping: false })
})

await check('typing ends when the client has crashed', async () => {
  const client = doomed('/campzone', ada, [
    ['join_room', { roomId, userId: ada.id }],
    ['typing_start', { roomId }]
  ])
  await b.told('user_typing', { userId: ada.id, isTyping: true })
  client.kill()
  await b.told('user_typing', { userId: ada.id, isTyping: false })
})

await check('mark_read is told by read_receipt, and makes the status READ when all have read', async () => {
  const place = await conversation('group', [ada, ben, cleo])
  await join(place, a, b, c)
  const { message } = await send(a, place, 'read me')
  const status = async () => (await messagesOf(a, place)).messages[0].status
  assert.notEqual(await status(), 'READ')
  b.say('mark_read', { messageId: message.messageId, roomId: place })
  const receipt = await a.told('read_receipt', { userId: ben.id })
  assert.deepEqual([receipt.messageId, receipt.roomId], [message.messageId, place])
  assert.ok(!Number.isNaN(Date.parse(receipt.readAt)))
  assert.notEqual(await status(), 'READ')
  c.say('mark_read', { messageId: message.messageId, roomId: place })
  await a.told('read_receipt', { userId: cleo.id, messageId: message.messageId })
  await until(status, (one) => one === 'READ')
})

await check('what is not there, or not in the room, cannot be marked as read', async () => {
  const place = await conversation('group', [ada, cleo])
  await join(place, a)
  const { message } = await send(a, place, 'not for Ben')
  await refused(b, 'mark_read', { messageId: 'f'.repeat(24), roomId })
  await refused(b, 'mark_read', { messageId: message.messageId, roomId })
  await refused(b, 'mark_read', { messageId: message.messageId, roomId: place })
  await refused(b, 'mark_read', { roomId })
  await refused(b, 'mark_read', { messageId: message.messageId, roomId: place, userId: cleo.id })
})

await check('get_online_users tells who is online in the room', async () => {
  const answer = await until(() => onlineIn(a, roomId), ({ onlineUsers }) => onlineUsers.includes(ben.id))
  has(answer, 'roomId', 'onlineUsers', 'count')
  assert.equal(answer.count, answer.onlineUsers.length)
  assert.ok(!answer.onlineUsers.includes(cleo.id), 'who is not in the room is not told of')
})

await check('nobody is online any more whose client has crashed', async () => {
  const place = await conversation('class', [rivera, ada, finn], {
    classId: (await request('GET', '/classes?name=Physics', { person: rivera })).body.data[0]._id
  })
  const teacher = await connect(rivera)
  await join(place, teacher)
  const client = doomed('/campzone', finn, [['join_room', { roomId: place, userId: finn.id }]])
  await teacher.told('user_joined', { userId: finn.id })
  await until(() => onlineIn(teacher, place), ({ onlineUsers }) => onlineUsers.includes(finn.id))
  client.kill()
  await until(() => onlineIn(teacher, place), ({ onlineUsers }) => !onlineUsers.includes(finn.id))
  teacher.close()
})

await check('leave_room is told the others by user_left, and nothing is heard after it', async () => {
  b.say('leave_room', { roomId })
  const left = await a.told('user_left', { userId: ben.id })
  assert.equal(left.roomId, roomId)
  assert.ok(!Number.isNaN(Date.parse(left.timestamp)))
  const { message } = await send(a, roomId, 'behind your back')
  const { messages } = await messagesOf(b, roomId)
  assert.equal(messages.at(-1).messageId, message.messageId, 'still a member, who may read')
  b.untold('new_message', { messageId: message.messageId })
  await join(roomId, b)
  await send(a, roomId, 'welcome back')
  await b.told('new_message', { content: 'welcome back' })
})

await check('who is no member any more hears nothing, in the room or not', async () => {
  const place = await conversation('group', [ada, ben, cleo])
  await join(place, a, b, c)
  const found = await request('GET', `/members?conversationId=${place}&userId=${cleo.id}`, { person: ada })
  const removed = await request('DELETE', `/members/${found.body.data[0]._id}`, { person: ada })
  assert.equal(removed.status, 200)
  await send(a, place, 'among us')
  await b.told('new_message', { content: 'among us' })
  await refused(c, 'get_messages', { roomId: place })
  c.untold('new_message', { content: 'among us' })
})

await check('a message of the school is told in CampZone, and one of CampZone is read in the school', async () => {
  const body = { conversationId: roomId, content: 'from the portal' }
  const stored = await request('POST', '/messages', { person: ben, body })
  const heard = await a.told('new_message', { messageId: stored.body._id })
  assert.deepEqual([heard.senderId, heard.content], [ben.id, 'from the portal'])
  const { message } = await send(a, roomId, 'from CampZone')
  const read = await request('GET', `/messages/${message.messageId}`, { person: ben })
  assert.deepEqual([read.body.content, read.body.senderId], ['from CampZone', ada.id])
})

leave()
