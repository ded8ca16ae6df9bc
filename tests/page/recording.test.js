// A recording while it is made: its pieces in order, whatever they go through, here and in the browser's store.

import "./browser.js";

import assert from "node:assert/strict";
import { test } from "node:test";

import { keptRecordingFor, partnersWithKept } from "../../web/static/js/state/kept-recordings.js";
import { Recording } from "../../web/static/js/state/recording.js";

const TYPE = "audio/webm";
let count = 0;

function begin() {
	count += 1;
	return new Recording({ partnerId: `spoken-to-${count}`, startedAt: count });
}

/** Holds back the last character of what it is given. */
class HoldsBack {
	held = "";

	async take(piece) {
		const text = this.held + (await piece.text());
		this.held = text.slice(-1);
		return new Blob([text.slice(0, -1)], { type: piece.type });
	}

	rest() {
		return new Blob([this.held]);
	}
}

const add = (recording, text, seconds) => recording.add(new Blob([text], { type: TYPE }), seconds);
const textOf = async (recording) => (await recording.made()).blob.text();

test("pieces that come before and after a filter go through it once, and what it held back comes at the end", async () => {
	for (const before of [0, 1, 2]) {
		const recording = begin();
		const pieces = ["one ", "two ", "three"];
		pieces.slice(0, before).forEach((text, index) => add(recording, text, index + 1));
		const passed = recording.pass(new HoldsBack());
		pieces.slice(before).forEach((text, index) => add(recording, text, before + index + 1));
		await passed;
		assert.equal(await textOf(recording), "one two three");
		assert.deepEqual([recording.type, recording.seconds], [TYPE, 3]);
		const kept = await keptRecordingFor(recording.whose.partnerId);
		assert.equal(await textOf(new Recording(kept, kept)), "one two three");
	}
});

test("what is cut off is gone, here and from the store, and what follows comes behind the rest", async () => {
	const recording = begin();
	["one ", "two ", "three "].forEach((text, index) => add(recording, text, index + 1));
	await recording.made();
	await recording.cutOff(6, 1.5);
	recording.keepAgain();
	add(recording, "four", 2);
	assert.equal(await textOf(recording), "one twfour");
	const kept = await keptRecordingFor(recording.whose.partnerId);
	assert.equal(await textOf(new Recording(kept, kept)), "one twfour");
});

test("what is discarded can be had back, and only then is kept", async () => {
	const recording = begin();
	const { partnerId } = recording.whose;
	add(recording, "one", 1);
	await recording.made();
	recording.note({ cutAt: 0.5 });
	await recording.discard();
	assert.equal(await keptRecordingFor(partnerId), null);
	assert.ok(!(await partnersWithKept()).has(partnerId));
	recording.keepAgain();
	const kept = await keptRecordingFor(partnerId);
	assert.equal(kept.notes.cutAt, 0.5);
	assert.equal(await textOf(new Recording(kept, kept)), "one");
});
