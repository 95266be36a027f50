/** What is written in the messages of the benchmark. */

export const CONVERSATIONS = 50;
const TEXT_LENGTH = 120;
const FILLER = 'the quick brown fox jumps over the lazy dog, '.repeat(3);

export const makeMessage = (i) => ({
  conversationId: `c${i % CONVERSATIONS}`,
  senderId: `u${i % 200}`,
  text: FILLER.slice(0, TEXT_LENGTH),
});

/** A message whose number can be read from the event without parsing it. */
export const makeNumbered = (conversationId, number) => ({
  conversationId,
  senderId: 'u1',
  text: `@${number};${FILLER}`.slice(0, TEXT_LENGTH),
});

/** The number in the text `@<number>;` of an event. */
export function numberIn(bytes, start, end) {
  let number = 0;
  for (let at = bytes.indexOf(64, start) + 1; at < end && bytes[at] !== 59; at++) number = number * 10 + bytes[at] - 48;
  return number;
}
