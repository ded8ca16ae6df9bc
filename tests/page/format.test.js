// Dates, lengths and numbers as people write them.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { count, day, dayKey, duration, shortTime } from "../../web/static/js/base/format.js";
import { lastSeen, summary } from "../../web/static/js/base/phrases.js";

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
	assert.equal(summary({ text: "Hello", audioFileId: null }, true), "You: Hello");
	assert.equal(summary(voice), "Voice message");
	assert.equal(summary({ ...voice, text: "Said" }), "Said");
	assert.equal(summary({ ...voice, status: "transcribing" }), "Voice message, transcribing …");
	assert.equal(summary({ ...voice, deletedAt: "2026-06-17T12:00:00Z" }, true), "Message deleted");
});
