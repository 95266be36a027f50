// Follows one message through all five systems: node one_message.mjs {"url", "people", "password"}
import assert from 'node:assert/strict'
import { Client, check, conversation, leave, login, newcomer, request, unique, until } from './stage.mjs'

const admin = await login('admin')
const [ada, ben] = await Promise.all(['Ada', 'Ben'].map((name) => newcomer(admin, name)))
const place = await conversation('direct', [ada, ben])
const [school, campzone, chat, team] = ['/', '/campzone', '/chat', '/team'].map((namespace) => new Client(namespace, ben))
const sender = new Client('/campzone', ada)
await Promise.all([school, campzone, sender].map((client) => client.told('connected')))
for (const [client, person] of [[campzone, ben], [sender, ada]]) {
  client.say('join_room', { roomId: place, userId: person.id })
  await client.told('joined_room')
}
assert.equal((await chat.ask('join_conversation', { conversation_id: place })).error, undefined)
const topic = `team:${'0'.repeat(24)}:channel:${place}`
assert.equal((await team.ask('subscribe', { topic })).channel_id, place)
const content = `The one message ${unique()}`
let id

function get(path, person = ben) {
  return request('GET', path, { person })
}

await check('it is sent by a client of CampZone, and told once in each system', async () => {
  const idempotencyKey = unique()
  sender.say('send_message', { roomId: place, content, lamportTimestamp: 1, idempotencyKey })
  id = (await sender.told('message_sent', { idempotencyKey })).messageId
  await campzone.told('new_message', { messageId: id, content })
  await chat.told('new_message', { id, content })
  await chat.told('message_notification', { message_id: id })
  await team.told('message_created', { id, body: content })
  await school.told('messages created', { _id: id, content })
  await school.told('community/messages created', { _id: id, groupId: place, content })
  await request('GET', '/classes', { person: ben })
  for (const client of [campzone, chat]) client.untold('new_message')
  team.untold('message_created')
  school.untold('messages created')
})

await check('it is read in each system, and is the same message', async () => {
  const native = (await get(`/messages?conversationId=${place}`)).body.data
  const history = (await get(`/api/chat/conversations/${place}/messages`)).body
  campzone.say('get_messages', { roomId: place })
  const { messages } = await campzone.told('messages', { roomId: place })
  const channel = (await get(`/api/channels/${place}/messages`)).body.messages
  const community = (await get(`/community/messages?groupId=${place}`)).body.data
  const lists = [native, history, messages, channel, community]
  assert.deepEqual(lists.map((list) => list.length), [1, 1, 1, 1, 1])
  const [ids, contents] = [['_id', 'id', 'messageId', 'id', '_id'], ['content', 'content', 'content', 'body', 'content']]
  assert.deepEqual(lists.map(([one], at) => one[ids[at]]), [id, id, id, id, id])
  assert.deepEqual(lists.map(([one], at) => one[contents[at]]), Array(5).fill(content))
  assert.equal((await get('/api/chat/unread-count')).body.unread_count, 1)
})

await check('it gets a reaction in Team Chat, which the school tells', async () => {
  const body = { emoji: '👍' }
  assert.equal((await request('POST', `/api/messages/${id}/react`, { person: ben, body })).status, 201)
  await team.told('reaction_added', { message_id: id, user_id: ben.id })
  await school.told('reactions created', { messageId: id, emoji: '👍' })
  const { body: message } = await get(`/messages/${id}`)
  assert.deepEqual(message.reactions, [{ emoji: '👍', count: 1 }])
})

await check('it is read in the Chat System, of which its sender is told in CampZone', async () => {
  chat.say('mark_as_read', { conversation_id: place })
  const receipt = await sender.told('read_receipt', { userId: ben.id })
  assert.deepEqual([receipt.messageId, receipt.roomId], [id, place])
  await team.told('message_read', { message_id: id, user_id: ben.id })
  for (const path of ['messages', 'community/messages']) {
    assert.equal((await get(`/${path}/${id}`, ada)).body.status, 'read')
  }
  const status = async () => {
    sender.say('get_messages', { roomId: place })
    return (await sender.told('messages')).messages[0].status
  }
  await until(status, (one) => one === 'READ')
})

await check('its sender types in the Chat System, and the other sees it in CampZone and in the school', async () => {
  const typist = new Client('/chat', ada)
  typist.say('typing', { conversation_id: place })
  await campzone.told('user_typing', { userId: ada.id, isTyping: true })
  await team.told('typing', { user_id: ada.id, is_typing: true })
  await school.told('typing:start', { userId: ada.id })
  typist.close()
  await campzone.told('user_typing', { userId: ada.id, isTyping: false })
  await school.told('typing:stop', { userId: ada.id })
})

await check('it is deleted in the Chat System, and gone in every system', async () => {
  assert.equal((await request('DELETE', `/api/chat/messages/${id}`, { person: ada })).status, 200)
  assert.deepEqual((await get(`/api/chat/conversations/${place}/messages`)).body, [])
  await school.told('messages removed', { _id: id, content: null })
  await team.told('message_deleted', { id, body: null })
  await school.told('community/messages removed', { _id: id, content: null })
  campzone.say('get_messages', { roomId: place })
  const { messages } = await campzone.told('messages', { roomId: place })
  assert.ok(messages.every((one) => one.content !== content))
})

await check('one to a group is the same in all of them but the Chat System, which knows none', async () => {
  const group = await conversation('group', [ada, ben])
  sender.say('join_room', { roomId: group, userId: ada.id })
  await sender.told('joined_room', { roomId: group })
  const idempotencyKey = unique()
  sender.say('send_message', { roomId: group, content: 'to a group', lamportTimestamp: 1, idempotencyKey })
  const { messageId } = await sender.told('message_sent', { idempotencyKey })
  await school.told('messages created', { _id: messageId })
  const reacted = await request('POST', `/api/messages/${messageId}/react`, { person: ben, body: { emoji: '👍' } })
  assert.equal(reacted.status, 201)
  assert.equal((await get(`/messages/${messageId}`)).body.reactions[0].count, 1)
  assert.equal((await get(`/api/channels/${group}/messages`)).body.messages[0].id, messageId)
  assert.equal((await get(`/community/messages?groupId=${group}`)).body.data[0]._id, messageId)
  assert.equal((await get(`/api/chat/conversations/${group}/messages`)).status, 404)
  chat.untold('message_notification', { message_id: messageId })
})

leave()
