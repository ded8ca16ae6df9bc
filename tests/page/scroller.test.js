// A list stays at its end until somebody goes up, however slowly, and again once they come back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { followsAfter } from "../../web/static/js/thread/scroller.js";

/** A view of 600 pixels on a list of 2,000, so far from its end. */
const view = (toEnd, fields = {}) => ({ clientHeight: 600, scrollHeight: 2_000, scrollTop: 1_400 - toEnd, ...fields });

test("a step up of any size leaves the end", () => {
	for (const step of [3, 16, 59, 61, 800]) assert.equal(followsAfter(view(step), 1_400, true), false);
});

test("what grows beneath leaves nobody behind", () => {
	assert.equal(followsAfter(view(500), 900, true), true);
});

test("a view that the browser moves, as less is beneath it, stays at the end", () => {
	for (const distance of [0, 0.5, 1]) assert.equal(followsAfter(view(distance), 1_500, true), true);
});

test("whoever comes near the end from above stays there, and nobody else does", () => {
	assert.equal(followsAfter(view(59), 1_300, false), true);
	assert.equal(followsAfter(view(61), 1_300, false), false);
	assert.equal(followsAfter(view(30), 1_370, false), false, "the view has not moved");
});

test("a list that is not shown stays as it was", () => {
	const hidden = view(0, { clientHeight: 0, scrollHeight: 0, scrollTop: 0 });
	for (const follows of [true, false]) assert.equal(followsAfter(hidden, 1_400, follows), follows);
});
