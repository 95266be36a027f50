/** Dates in the reader's own language and time zone. */

const DAY = 86_400_000;
const UNITS = [['day', DAY], ['hour', 3_600_000], ['minute', 60_000]];

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
const shortDate = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const longDate = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const longDateWithYear = new Intl.DateTimeFormat(undefined, { dateStyle: 'long' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

export function timeOfDay(date) {
  return clock.format(new Date(date));
}

export function fullTime(date) {
  return full.format(new Date(date));
}

/** As short as a list of conversations needs it. */
export function briefTime(date) {
  const age = daysAgo(date);
  if (age === 0) return timeOfDay(date);
  if (age === 1) return capitalised(relative.format(-1, 'day'));
  return (age < 7 ? weekday : shortDate).format(new Date(date));
}

/** The heading above a day's messages. */
export function dayHeading(date) {
  const age = daysAgo(date);
  if (age < 2) return capitalised(relative.format(-age, 'day'));
  return (age < 180 ? longDate : longDateWithYear).format(new Date(date));
}

export function ago(date) {
  const age = Date.now() - new Date(date).getTime();
  const [unit, size] = UNITS.find(([, least]) => age >= least) ?? ['minute', 60_000];
  return relative.format(-Math.floor(age / size), unit);
}

export function isSameDay(one, other) {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

function daysAgo(date) {
  const midnight = (moment) => new Date(moment).setHours(0, 0, 0, 0);
  return Math.max(0, Math.round((midnight(Date.now()) - midnight(date)) / DAY));
}

function capitalised(text) {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
