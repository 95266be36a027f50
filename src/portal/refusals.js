/** What the server says no with, in plain words. */

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

const WORDS = {
  ARCHIVED: () => 'This conversation is archived. Nobody can write in it.',
  SILENCED: ({ until }) => `A moderator has muted you here${untilWhen(until)}.`,
  SUSPENDED: ({ until }) => `Your account is suspended${untilWhen(until)}. You can read, but not write.`,
  BLOCKED: () => 'You cannot write to this person.',
  ANNOUNCEMENT: () => 'Only those who manage this conversation write here.',
  SLOW_MODE: ({ retryAfter }) => `This conversation is slow. Your message goes out in ${inSeconds(retryAfter)}.`,
  EDIT_WINDOW_EXPIRED: ({ editWindowMinutes }) => `Messages can be changed for ${editWindowMinutes} minutes only.`,
  SUCCESSOR_NEEDED: () => 'You are the only admin here. Make somebody else one before you leave.',
};

/** @param {{code?: number, message: string, data?: object}} error */
export function sayRefusal({ code, message, data = {} }) {
  if (Object.hasOwn(WORDS, data?.code ?? '')) return WORDS[data.code](data);
  if (code === 429) return `That was a lot at once. It goes on in ${inSeconds(data?.retryAfter)}.`;
  return message;
}

function untilWhen(until) {
  return until ? ` until ${moment.format(new Date(until))}` : '';
}

function inSeconds(seconds) {
  const whole = Math.ceil(Number(seconds));
  if (!(whole > 0)) return 'a moment';
  return whole === 1 ? 'a second' : `${whole} seconds`;
}
