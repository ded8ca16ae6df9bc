// A long list makes the rows in view at once, and the others near it a few at a time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { stretchFor } from "../../web/static/js/thread/stretch.js";

const inView = { first: 10, end: 14 };
const near = { first: 5, end: 20 };
const none = () => false;

/**
 * @param {typeof inView} view
 * @param {typeof inView} around
 * @param {(index: number) => boolean} isMade
 * @param {number} make
 */
const affordable = (view, around, isMade, make) => stretchFor(view, around, isMade, { make, show: Infinity });

test("the rows in view are made, however few may be", () => {
	assert.deepEqual(affordable(inView, near, none, 0), inView);
	assert.deepEqual(affordable(inView, near, none, 4), inView);
});

test("what is left goes to the rows next to the view, on both sides", () => {
	assert.deepEqual(affordable(inView, near, none, 8), { first: 8, end: 16 });
	assert.deepEqual(affordable(inView, { first: 9, end: 20 }, none, 8), { first: 9, end: 17 });
});

test("rows that are there already cost nothing", () => {
	const isMade = (/** @type {number} */ index) => index < 18;
	assert.deepEqual(affordable(inView, near, isMade, 0), { first: 5, end: 18 });
	assert.deepEqual(affordable(inView, near, isMade, 1), { first: 5, end: 19 });
});

test("a few at a time, all that are near are made in the end, and none twice", () => {
	const made = new Set();
	for (let frame = 0; frame < 10; frame += 1) {
		const { first, end } = affordable(inView, near, (index) => made.has(index), 4);
		const fresh = Array.from({ length: end - first }, (_, at) => first + at).filter((index) => !made.has(index));
		assert.ok(fresh.length <= 4);
		for (const index of fresh) made.add(index);
	}
	assert.equal(made.size, near.end - near.first);
});

test("while one scrolls fast, a frame makes only so many rows in view, next to those that are there", () => {
	const may = { make: 3, show: 2 };
	assert.deepEqual(stretchFor(inView, near, none, may), { first: 10, end: 12 });
	assert.deepEqual(
		stretchFor(inView, near, (index) => index === 13, may),
		{ first: 11, end: 14 },
	);
	assert.deepEqual(
		stretchFor(inView, near, (index) => index >= 8 && index < 12, may),
		{ first: 8, end: 15 },
	);
});
