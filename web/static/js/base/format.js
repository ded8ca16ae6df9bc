// Dates, lengths and numbers as the reader writes them.

import { localesFor, pageLanguage } from "./reading.js";
import { say } from "./sentences.js";
const DAY = 86_400_000; // milliseconds

/** @typedef {string | number | Date} Moment as `new Date` takes it */

/** The reader's languages and time zone, which may change while the page is open. */
const reader = { languages: /** @type {string[]} */ ([]), key: "" };

/**
 * Looks again where the reader is and what they read. Returns a key that is the same as long as dates look the same: until
 * midnight, or until one of the two changes.
 */
export function readingKey() {
	const languages = localesFor(globalThis.navigator?.languages ?? [], pageLanguage());
	const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
	const key = [zone, ...languages].join();
	if (key !== reader.key) Object.assign(reader, { languages, key });
	return `${today()} ${key}`;
}

/**
 * What is made for the reader's languages and time zone, and anew when they have changed.
 * @template Made
 * @param {(languages: string[]) => Made} make
 */
function forReader(make) {
	/** @type {{ key: string, made: Made } | null} */
	let last = null;
	return () => {
		if (!reader.key) readingKey();
		if (last?.key !== reader.key) last = { key: reader.key, made: make(reader.languages) };
		return last.made;
	};
}

/** @param {Intl.DateTimeFormatOptions} options */
function formatter(options) {
	const format = forReader((languages) => new Intl.DateTimeFormat(languages, options));
	return (/** @type {Moment} */ moment) => format().format(new Date(moment));
}

export const time = formatter({ timeStyle: "short" });
export const exact = formatter({ dateStyle: "full", timeStyle: "medium" });
export const dayMonth = formatter({ day: "numeric", month: "short" });
/** A day in the name of a file: 2026-03-03, where the reader is. */
export const isoDay = (/** @type {Moment} */ moment) => new Intl.DateTimeFormat("sv-SE").format(new Date(moment));
const weekday = formatter({ weekday: "long" });
const shortWeekday = formatter({ weekday: "short" });
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
	if (ago === 0) return say("day.today");
	if (ago === 1) return say("day.yesterday");
	return ago > 1 && ago < 7 ? weekday(moment) : fullDay(moment);
}

/**
 * A moment in little room: 14:05, Yesterday, Mon, 3 Mar.
 * @param {Moment} moment
 */
export function shortTime(moment) {
	const ago = daysAgo(moment);
	if (ago < 1) return time(moment);
	if (ago === 1) return say("day.yesterday");
	return ago < 7 ? shortWeekday(moment) : dayMonth(moment);
}

const plainNumber = forReader((languages) => new Intl.NumberFormat(languages));
const twoDigits = forReader((languages) => new Intl.NumberFormat(languages, { minimumIntegerDigits: 2 }));

/**
 * Seconds as 0:07 or 12:34.
 * @param {number} seconds
 */
export function duration(seconds) {
	const whole = Math.floor(seconds || 0);
	return `${number(Math.floor(whole / 60))}:${twoDigits().format(whole % 60)}`;
}

/** @param {number} value */
export const number = (value) => plainNumber().format(value);

/**
 * A number that fits a badge.
 * @param {number} value
 */
export const count = (value) => (value > 99 ? `${number(99)}+` : number(value));
