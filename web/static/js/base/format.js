// Dates, lengths and numbers as people write them.

const DAY = 86_400_000; // milliseconds
const LOCALE = "en-GB";

/** @typedef {string | number | Date} Moment as `new Date` takes it */

/** @param {Intl.DateTimeFormatOptions} options */
function formatter(options) {
	const format = new Intl.DateTimeFormat(LOCALE, options);
	return (/** @type {Moment} */ moment) => format.format(new Date(moment));
}

export const time = formatter({ hour: "2-digit", minute: "2-digit" });
export const exact = formatter({ dateStyle: "full", timeStyle: "medium" });
export const dayMonth = formatter({ day: "numeric", month: "short" });
/** A day in the name of a file: 2026-03-03, where the reader is. */
export const isoDay = (/** @type {Moment} */ moment) => new Intl.DateTimeFormat("sv-SE").format(new Date(moment));
const weekday = formatter({ weekday: "long" });
const fullDay = formatter({ day: "numeric", month: "long", year: "numeric" });
export const wholeDay = formatter({ dateStyle: "full" });

/**
 * The same for all moments of a day where the reader is, and for no others.
 * @param {Moment} moment
 */
export const dayKey = (moment) => new Date(moment).toDateString();

export const today = () => dayKey(Date.now());

/**
 * How many midnights lie between then and now.
 * @param {Moment} moment
 */
export function daysAgo(moment) {
	return Math.round((new Date().setHours(0, 0, 0, 0) - new Date(moment).setHours(0, 0, 0, 0)) / DAY);
}

/**
 * A day as a heading: Today, Yesterday, Monday, 3 March 2026.
 * @param {Moment} moment
 */
export function day(moment) {
	const ago = daysAgo(moment);
	if (ago === 0) return "Today";
	if (ago === 1) return "Yesterday";
	return ago > 1 && ago < 7 ? weekday(moment) : fullDay(moment);
}

/**
 * A moment in little room: 14:05, Yesterday, Mon, 3 Mar.
 * @param {Moment} moment
 */
export function shortTime(moment) {
	const ago = daysAgo(moment);
	if (ago < 1) return time(moment);
	if (ago === 1) return "Yesterday";
	return ago < 7 ? weekday(moment).slice(0, 3) : dayMonth(moment);
}

/**
 * Seconds as 0:07 or 12:34.
 * @param {number} seconds
 */
export function duration(seconds) {
	const whole = Math.floor(seconds || 0);
	return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/**
 * A number that fits a badge.
 * @param {number} number
 */
export const count = (number) => (number > 99 ? "99+" : String(number));
