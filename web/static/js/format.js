const DAY = 86_400_000;
const formatter = (options) => {
	const format = new Intl.DateTimeFormat("en-GB", options);
	return (date) => format.format(new Date(date));
};

export const time = formatter({ hour: "2-digit", minute: "2-digit" });
export const exact = formatter({ dateStyle: "full", timeStyle: "medium" });
const weekday = formatter({ weekday: "long" });
const dayMonth = formatter({ day: "numeric", month: "short" });
const fullDay = formatter({ day: "numeric", month: "long", year: "numeric" });

const dayKey = (date) => new Date(date).toDateString();
export const today = () => dayKey(Date.now());

/** A message with what grouping needs, worked out once. */
export const dated = (message) => ({ ...message, at: Date.parse(message.dateSent), day: dayKey(message.dateSent) });

function daysAgo(date) {
	return Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / DAY);
}

export function day(date) {
	const ago = daysAgo(date);
	return ["Today", "Yesterday"][ago] ?? (ago > 0 && ago < 7 ? weekday(date) : fullDay(date));
}

export function shortTime(date) {
	const ago = daysAgo(date);
	if (ago < 1) return time(date);
	if (ago === 1) return "Yesterday";
	return ago < 7 ? weekday(date).slice(0, 3) : dayMonth(date);
}

/** Seconds as 0:07 or 12:34. */
export function duration(seconds) {
	const whole = Math.floor(seconds || 0);
	return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function lastSeen({ online, lastSeen: seen }) {
	if (online) return "online";
	if (!seen) return "offline";
	return `last seen ${daysAgo(seen) ? dayMonth(seen) : `at ${time(seen)}`}`;
}

export function summary({ deletedAt, text, audioFileId, status }, mine) {
	if (deletedAt) return "Message deleted";
	const voice = audioFileId && `Voice message${status === "transcribing" ? ", transcribing …" : ""}`;
	return (mine ? "You: " : "") + (text || voice || "");
}

export const count = (number) => (number > 99 ? "99+" : number);
