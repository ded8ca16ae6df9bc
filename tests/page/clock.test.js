// Headings change at midnight and where the reader goes, without anything else happening.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import "./browser.js";
import { startClock } from "../../web/static/js/base/clock.js";
import { on } from "../../web/static/js/base/events.js";
import { day } from "../../web/static/js/base/format.js";
import { read, readIn } from "./reader.js";

test("dates are drawn anew at midnight, in another time zone and in another language, and at no other time", () => {
	readIn("Europe/Berlin");
	read(["en-GB"]);
	mock.timers.enable({ apis: ["Date", "setTimeout"], now: new Date("2026-06-17T21:59:10Z") });
	globalThis.addEventListener = () => {};
	globalThis.window ??= globalThis;
	globalThis.document ??= new EventTarget();
	let times = 0;
	on("dates", () => {
		times += 1;
	});
	startClock();
	const sent = "2026-06-17T21:59:00Z";
	mock.timers.tick(49_999);
	assert.deepEqual([times, day(sent)], [0, "Today"]);
	mock.timers.tick(1);
	assert.deepEqual([times, day(sent)], [1, "Yesterday"]);
	mock.timers.tick(3_600_000);
	assert.equal(times, 1);
	readIn("America/New_York");
	mock.timers.tick(30_000);
	assert.deepEqual([times, day(sent)], [2, "Today"]);
	read(["de"]);
	mock.timers.tick(30_000);
	assert.equal(times, 3);
});
