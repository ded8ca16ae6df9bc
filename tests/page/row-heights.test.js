// Where the rows of a long list are, measured or estimated.

import assert from "node:assert/strict";
import { test } from "node:test";

import { RowHeights } from "../../web/static/js/thread/row-heights.js";

const ESTIMATE = 72;

function rows(count) {
	const heights = new RowHeights();
	heights.setKeys(Array.from({ length: count }, (_, index) => `row ${index}`));
	return heights;
}

test("rows that were not seen have an estimated height", () => {
	const heights = rows(10);
	assert.equal(heights.total, 10 * ESTIMATE);
	assert.equal(heights.topOf("row 3"), 3 * ESTIMATE);
});

test("measured rows move those below them, and are told of once", () => {
	const heights = rows(10);
	assert.ok(heights.measure([["row 1", 100]]));
	assert.ok(!heights.measure([["row 1", 100.3]]), "a fraction of a pixel is no change");
	assert.equal(heights.topOf("row 1"), ESTIMATE);
	assert.equal(heights.topOf("row 2"), ESTIMATE + 100);
	assert.equal(heights.total, 9 * ESTIMATE + 100);
});

test("heights stay with their rows when others come above them", () => {
	const heights = rows(2);
	heights.measure([["row 1", 100]]);
	heights.setKeys(["new", "row 0", "row 1"]);
	assert.equal(heights.total, 2 * ESTIMATE + 100);
	assert.equal(heights.topOf("row 1"), 2 * ESTIMATE);
	assert.ok(!heights.has("row 2"));
});

test("after a change of width everything is estimated again", () => {
	const heights = rows(2);
	heights.measure([["row 1", 100]]);
	heights.clear();
	assert.equal(heights.total, 2 * ESTIMATE);
});

test("the rows within a stretch are those that reach into it, and the rest is above and below", () => {
	const heights = rows(10);
	const stretch = heights.within(2.5 * ESTIMATE, 4 * ESTIMATE);
	assert.deepEqual(stretch, { first: 2, end: 4 });
	assert.deepEqual(heights.outside(stretch), { above: 2 * ESTIMATE, below: 6 * ESTIMATE });
	assert.deepEqual(heights.within(-500, 1e6), { first: 0, end: 10 });
});

test("a stretch beyond the list, or of an empty one, has no rows", () => {
	assert.deepEqual(rows(0).within(0, 100), { first: 0, end: 0 });
	const beyond = rows(10).within(5_000, 6_000);
	assert.deepEqual(beyond, { first: 10, end: 10 });
	assert.deepEqual(rows(10).outside(beyond), { above: 10 * ESTIMATE, below: 0 });
});

test("whatever the heights, what is within a stretch is what adding them up one by one would find", () => {
	const heights = rows(137);
	const measured = Array.from({ length: 137 }, (_, index) => [`row ${index}`, (index * 53) % 211]);
	heights.measure(measured);
	const offsets = [0];
	for (const [, height] of measured) offsets.push(offsets.at(-1) + (height || ESTIMATE));
	for (let from = -50; from < heights.total; from += 97) {
		const until = from + 400;
		const first = measured.findIndex((_, index) => offsets[index + 1] > from);
		let end = first;
		while (end < measured.length && offsets[end] < until) end += 1;
		assert.deepEqual(heights.within(from, until), { first, end }, `from ${from}`);
		const outside = { above: offsets[first], below: offsets.at(-1) - offsets[end] };
		assert.deepEqual(heights.outside({ first, end }), outside, `from ${from}`);
	}
});
