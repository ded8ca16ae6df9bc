// Times, names and numbers as people read them.

const LOCALE = document.documentElement.lang || "en";
const clock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const weekday = new Intl.DateTimeFormat(LOCALE, { weekday: "long" });
const dayMonth = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });
const fullDay = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "long", year: "numeric" });
const exactly = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "medium", hourCycle: "h23" });

const DAY_MS = 86_400_000;

export const time = (date) => clock.format(new Date(date));
export const exact = (date) => exactly.format(new Date(date));

export function dayKey(date) {
  return new Date(date).toDateString();
}

function daysAgo(date) {
  const midnight = (moment) => new Date(moment).setHours(0, 0, 0, 0);
  return Math.round((midnight(Date.now()) - midnight(date)) / DAY_MS);
}

/** The day of a message: Today, Yesterday, Monday, 3 May 2026. */
export function day(date) {
  const ago = daysAgo(date);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  return ago > 1 && ago < 7 ? weekday.format(new Date(date)) : fullDay.format(new Date(date));
}

/** The same, as short as a list has room for. */
export function shortTime(date) {
  const ago = daysAgo(date);
  if (ago <= 0) return time(date);
  if (ago === 1) return "Yesterday";
  if (ago < 7) return weekday.format(new Date(date)).slice(0, 3);
  return dayMonth.format(new Date(date));
}

/** Seconds as 0:07 or 12:34. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function spokenDuration(seconds) {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  const minutes = Math.floor(whole / 60);
  return `${minutes ? `${minutes} min ` : ""}${whole % 60} s`;
}

export function lastSeen({ online, lastSeen: seen } = {}) {
  if (online) return "online";
  if (!seen) return "offline";
  const minutes = Math.floor((Date.now() - new Date(seen)) / 60_000);
  if (minutes < 1) return "seen just now";
  if (minutes < 60) return `seen ${minutes} min ago`;
  return daysAgo(seen) === 0 ? `seen at ${time(seen)}` : `seen ${day(seen).replace(/^(To|Yester)/, (d) => d.toLowerCase())}`;
}

/** What a list shows of a message. */
export function summary(message, mine) {
  if (message.deletedAt) return "Message deleted";
  const own = mine ? "You: " : "";
  if (!message.audioFileId) return own + message.text;
  if (message.text) return own + message.text;
  return `${own}Voice message${message.status === "transcribing" ? ", transcribing …" : ""}`;
}

export function count(number) {
  return number > 99 ? "99+" : String(number);
}
