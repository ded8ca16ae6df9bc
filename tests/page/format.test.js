// Dates, lengths and numbers as people write them.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import {
	count,
	day,
	dayKey,
	duration,
	exact,
	number,
	readingKey,
	shortTime,
	time,
} from "../../web/static/js/base/format.js";
import { read, readIn } from "./reader.js";
import { lastSeen, summary } from "../../web/static/js/base/phrases.js";

read(["en-GB"]);
const NOW = new Date(2026, 5, 17, 14, 5); // a Wednesday, at five past two where this runs
mock.timers.enable({ apis: ["Date"], now: NOW });

const daysBefore = (days, hour = 23) => new Date(2026, 5, 17 - days, hour, 59);

test("a day is named by how many midnights ago it was, not by hours", () => {
	assert.equal(day(new Date(2026, 5, 17, 0, 1)), "Today");
	assert.equal(day(daysBefore(1)), "Yesterday");
	assert.equal(day(daysBefore(2)), "Monday");
	assert.equal(day(daysBefore(6)), "Thursday");
	assert.equal(day(daysBefore(7)), "10 June 2026");
});

test("a day in the future, by another's clock, has its date", () => {
	assert.equal(day(daysBefore(-2)), "19 June 2026");
});

test("a time in the list is as short as it can be", () => {
	assert.equal(shortTime(new Date(2026, 5, 17, 9, 3)), "09:03");
	assert.equal(shortTime(daysBefore(1)), "Yesterday");
	assert.equal(shortTime(daysBefore(2)), "Mon");
	assert.equal(shortTime(daysBefore(30)), "18 May");
});

test("moments of one day, and of no other, have the same key", () => {
	assert.equal(dayKey(new Date(2026, 5, 17, 0, 0)), dayKey(new Date(2026, 5, 17, 23, 59)));
	assert.notEqual(dayKey(daysBefore(0)), dayKey(daysBefore(1)));
});

test("lengths are minutes and seconds", () => {
	assert.deepEqual([0, 7.9, 60, 754].map(duration), ["0:00", "0:07", "1:00", "12:34"]);
	assert.equal(duration(NaN), "0:00");
});

test("a badge has at most two digits", () => {
	assert.deepEqual([1, 99, 100].map(count), ["1", "99", "99+"]);
});

test("when somebody was last seen is a time today, and a date before", () => {
	assert.equal(lastSeen({ online: true, lastSeen: null }), "online");
	assert.equal(lastSeen({ online: false, lastSeen: null }), "offline");
	assert.equal(lastSeen({ online: false, lastSeen: new Date(2026, 5, 17, 9, 3).toISOString() }), "last seen at 09:03");
	assert.equal(lastSeen({ online: false, lastSeen: daysBefore(30).toISOString() }), "last seen 18 May");
});

test("a message in a line is its words, or what it is", () => {
	const voice = { text: "", audioFileId: "1", status: "delivered" };
	assert.equal(summary({ text: "Hello", audioFileId: null }), "Hello");
	assert.equal(summary(voice), "Voice message");
	assert.equal(summary({ ...voice, text: "Said" }), "Said");
	assert.equal(summary({ ...voice, status: "transcribing" }), "Voice message, transcribing …");
	assert.equal(summary({ ...voice, deletedAt: "2026-06-17T12:00:00Z" }), "Message deleted");
});

/** A moment as the reader sees it, without the kinds of blanks that differ between versions of ICU. */
const plain = (text) => text.replace(/[\u202f\u00a0]/g, " ");

test("times, dates and numbers are the reader's own, and change with the browser's language", () => {
	const moment = new Date(2026, 2, 3, 20, 23);
	for (const [language, clock, date, thousand, length, short] of [
		["en-US", "8:23 PM", "March 3, 2026", "1,234", "12:34", "Mar 3"],
		["en-GB", "20:23", "3 March 2026", "1,234", "12:34", "3 Mar"],
		["de-DE", "20:23", "3. März 2026", "1.234", "12:34", "3. März"],
		["fr-FR", "20:23", "3 mars 2026", "1 234", "12:34", "3 mars"],
		["ja-JP", "20:23", "2026年3月3日", "1,234", "12:34", "3月3日"],
		["ar-EG", "٨:٢٣ م", "٣ مارس ٢٠٢٦", "١٬٢٣٤", "١٢:٣٤", "٣ مارس"],
		["hi-IN", "8:23 pm", "3 मार्च 2026", "1,234", "12:34", "3 मार्च"],
	]) {
		read([language]);
		readingKey();
		const seen = [time(moment), day(moment), number(1_234), duration(754), shortTime(moment)];
		assert.deepEqual(seen.map(plain), [clock, date, thousand, length, short], language);
		assert.ok(exact(moment).length > date.length);
	}
	read(["en-GB"]);
	readingKey();
});

test("what is shown follows the reader into another time zone", () => {
	const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
	const moment = "2026-06-16T23:30:00Z";
	for (const [where, clock, key] of [
		["Europe/Berlin", "01:30", "Wed Jun 17 2026"],
		["America/New_York", "19:30", "Tue Jun 16 2026"],
		["Asia/Kolkata", "05:00", "Wed Jun 17 2026"],
		["Pacific/Kiritimati", "13:30", "Wed Jun 17 2026"],
		["Pacific/Pago_Pago", "12:30", "Tue Jun 16 2026"],
	]) {
		const before = readingKey();
		readIn(where);
		assert.notEqual(readingKey(), before);
		assert.equal(time(moment), clock, where);
		assert.equal(dayKey(moment), key, where);
	}
	readIn(zone);
	readingKey();
});

test("days are counted by midnights, also where clocks are changed, and there is no midnight", () => {
	const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
	for (const [where, now, then, name] of [
		["Europe/Berlin", "2026-03-29T21:59:00Z", "2026-03-28T23:00:00Z", "Today"], // a day of 23 hours
		["Europe/Berlin", "2026-03-29T22:01:00Z", "2026-03-29T21:59:00Z", "Yesterday"],
		["Europe/Berlin", "2026-10-25T22:59:00Z", "2026-10-24T22:00:00Z", "Today"], // of 25
		["America/New_York", "2026-11-02T05:01:00Z", "2026-11-01T04:01:00Z", "Yesterday"],
		["America/Santiago", "2026-09-06T05:00:00Z", "2026-09-06T03:59:00Z", "Yesterday"], // it began at one o'clock
		["Australia/Lord_Howe", "2026-04-05T13:00:00Z", "2026-04-04T13:30:00Z", "Today"], // half an hour longer
	]) {
		readIn(where);
		mock.timers.setTime(new Date(now).getTime());
		readingKey();
		assert.equal(day(then), name, `${where} ${now}`);
	}
	readIn(zone);
	mock.timers.setTime(NOW.getTime());
	readingKey();
});
