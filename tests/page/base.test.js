// Events, pauses between attempts, ids.

import assert from "node:assert/strict";
import { test } from "node:test";

import { backoff } from "../../web/static/js/base/backoff.js";
import { emit, on } from "../../web/static/js/base/events.js";
import { FIRST_ID, LAST_ID, newId } from "../../web/static/js/base/ids.js";

test("listeners are told in order, and no more once they stopped", () => {
	const told = [];
	const stop = on("presence", (id) => told.push(`one ${id}`));
	on("presence", (id) => told.push(`two ${id}`));
	emit("presence", "ada");
	stop();
	emit("presence", "grace");
	assert.deepEqual(told, ["one ada", "two ada", "two grace"]);
});

test("a listener may stop itself, or add another, while it is told", () => {
	const told = [];
	const stop = on("opened", () => {
		told.push("once");
		stop();
		on("opened", () => told.push("added"));
	});
	emit("opened", null);
	assert.deepEqual(told, ["once"]);
	emit("opened", null);
	assert.deepEqual(told, ["once", "added"]);
});

test("each pause is twice the one before, spread by half, and bounded", () => {
	const limits = { min: 1_000, max: 30_000 };
	for (const [attempts, middle] of [
		[0, 1_000],
		[1, 2_000],
		[4, 16_000],
		[5, 30_000],
		[2_000, 30_000],
	]) {
		for (let time = 0; time < 50; time += 1) {
			const pause = backoff(attempts, limits);
			assert.ok(pause >= middle * 0.5 && pause < middle * 1.5, `${pause} after ${attempts} attempts`);
		}
	}
});

test("every message's id lies between the first and the last", () => {
	const id = "01KB0000000000000000000000";
	assert.ok(FIRST_ID < id && id < LAST_ID);
	assert.equal(FIRST_ID.length, id.length);
	assert.equal(LAST_ID.length, id.length);
});

test("ids made here differ, and are no longer than the server takes", () => {
	const ids = Array.from({ length: 1_000 }, newId);
	assert.equal(new Set(ids).size, ids.length);
	assert.ok(ids.every((id) => id.length <= 64));
});
