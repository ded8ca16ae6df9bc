// What is recorded after a recording was stopped is put behind it, as one WebM file with times that go on.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import {
	canGoOn,
	completeSize,
	Continuation,
	endOf,
	mend,
	sizeUntil,
	WholeElements,
} from "../../web/static/js/voice/webm.js";

const UNKNOWN = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const SEGMENT = [0x18, 0x53, 0x80, 0x67, ...UNKNOWN];

const sized = (id, content) => [...id, 0x40 | (content.length >> 8), content.length & 0xff, ...content];
const head = () => [...sized([0x1a, 0x45, 0xdf, 0xa3], [1, 2, 3]), ...SEGMENT, ...sized([0x16, 0x54, 0xae, 0x6b], [9])];
const timestamp = (time) => [0xe7, 0x82, time >> 8, time & 0xff];
const block = (time, sound) => sized([0xa3], [0x81, (time >> 8) & 0xff, time & 0xff, 0x80, ...sound]);
const group = (time, sound) =>
	sized([0xa0], [...sized([0xa1], [0x81, time >> 8, time & 0xff, 0, ...sound]), 0x9b, 0x81, 60]);
const openCluster = (time, ...blocks) => [0x1f, 0x43, 0xb6, 0x75, ...UNKNOWN, ...timestamp(time), ...blocks.flat()];
const sizedCluster = (time, ...blocks) => sized([0x1f, 0x43, 0xb6, 0x75], [...timestamp(time), ...blocks.flat()]);

const first = [...head(), ...openCluster(0, block(0, [1]), block(60, [2])), ...openCluster(500, block(10, [3]))];
const second = [
	...head(),
	...openCluster(0, block(0, [4]), block(60, [5])),
	...sizedCluster(200, block(0, [6]), group(40, [7])),
];

/** As Firefox writes them: every size has eight bytes. */
const sizedLong = (id, content) => [...id, 1, 0, 0, 0, 0, 0, content.length >> 8, content.length & 0xff, ...content];
const duration = (...value) => sizedLong([0x44, 0x89], value);
const ofFirefox = (times, flags = 0, lasts = duration(0, 0, 0, 0, 0, 0, 0, 0)) => [
	...sizedLong([0x1a, 0x45, 0xdf, 0xa3], new Array(31).fill(0xec)),
	...SEGMENT,
	...sizedLong([0x11, 0x4d, 0x9b, 0x74], []),
	...sizedLong([0x15, 0x49, 0xa9, 0x66], [...sizedLong([0x4d, 0x80], new Array(24).fill(0xec)), ...lasts]),
	...openCluster(0, ...times.map((time) => sizedLong([0xa3], [0x82, 0, time, flags, ...new Array(time).fill(0xec)]))),
];

/** The blocks of a file, as one reads them who knows nothing of this: time and sound. */
function blocksOf(bytes) {
	const found = [];
	let cluster = 0;
	let at = 0;
	while (at < bytes.length) {
		if (bytes[at] === 0xe7) {
			const size = bytes[at + 1] & 0x7f;
			cluster = bytes.slice(at + 2, at + 2 + size).reduce((sum, byte) => sum * 256 + byte, 0);
			at += 2 + size;
		} else if (bytes[at] === 0xa3) {
			const size = ((bytes[at + 1] & 0x3f) << 8) | bytes[at + 2];
			const [, high, low, , ...sound] = bytes.slice(at + 3, at + 3 + size);
			found.push([cluster + ((high << 8) | low), ...sound]);
			at += 3 + size;
		} else at += 1;
	}
	return found;
}

async function appended(end, pieces) {
	const continuation = new Continuation(end);
	const taken = [];
	for (const piece of pieces) {
		const made = await continuation.take(new Blob([piece], { type: "audio/webm" }));
		taken.push(...new Uint8Array(await made.arrayBuffer()));
	}
	return taken;
}

test("it ends a block's length after its last block", () => {
	assert.equal(endOf(Uint8Array.from(first)), 510 + 120); // the most that a block lasts
	assert.equal(
		endOf(Uint8Array.from([...head(), ...openCluster(0, block(0, [1]), block(60, [2]), block(120, [3]))])),
		180,
	);
	assert.equal(endOf(Uint8Array.from([...head(), ...openCluster(0, block(0, [1]))])), 60);
	assert.equal(endOf(new Uint8Array()), 60);
});

test("the second one's sound goes on where the first ends, without its head, however its pieces are cut", async () => {
	const end = 1_000;
	const whole = [
		[1_000, 4],
		[1_060, 5],
		[1_200, 6],
		[1_240, 7],
	];
	assert.deepEqual(blocksOf(await appended(end, [Uint8Array.from(second)])), whole);
	for (let size = 1; size < 40; size += 1) {
		const pieces = [];
		for (let at = 0; at < second.length; at += size) pieces.push(Uint8Array.from(second.slice(at, at + size)));
		assert.deepEqual(blocksOf(await appended(end, pieces)), whole, `in pieces of ${size} bytes`);
	}
});

test("what is let through ends with a whole element wherever it breaks off, and nothing of it is lost", async () => {
	for (let size = 1; size < 40; size += 1) {
		const whole = new WholeElements();
		const all = [];
		for (let at = 0; at < second.length; at += size) {
			const piece = new Blob([Uint8Array.from(second.slice(at, at + size))], { type: "audio/webm" });
			all.push(...new Uint8Array(await (await whole.take(piece)).arrayBuffer()));
			assert.equal(completeSize(Uint8Array.from(all)), all.length);
		}
		assert.deepEqual([all, whole.rest().size], [second, 0]);
	}
});

test("what Firefox records is let through as it comes, and ends and is cut off where its sound does", async () => {
	const file = Uint8Array.from(ofFirefox([0, 20, 40, 77, 97]));
	const whole = new WholeElements();
	const passed = await whole.take(new Blob([file], { type: "audio/webm" }));
	assert.deepEqual([passed.size, whole.rest().size, completeSize(file)], [file.length, 0, file.length]);
	assert.equal(endOf(file), 117);
	assert.equal(sizeUntil(file, 50), ofFirefox([0, 20, 40]).length);
	const unfinished = file.slice(0, -1); // it broke off
	assert.equal(completeSize(unfinished), ofFirefox([0, 20, 40, 77]).length);
});

test("what Firefox says wrongly of its recordings is mended, while they are made and before they are played", async () => {
	const passedOver = [0xec, 0x80 + 16, ...new Array(16).fill(0)];
	const right = ofFirefox([0, 20, 40], 0x80, passedOver);
	assert.deepEqual([...mend(Uint8Array.from(ofFirefox([0, 20, 40])))], right);
	assert.deepEqual([...mend(Uint8Array.from(right))], right);
	const said = ofFirefox([0, 20], 0x80, duration(0x40, 0xb0, 0, 0, 0, 0, 0, 0));
	assert.deepEqual([...mend(Uint8Array.from(said))], said, "a duration that is one is left");
	const whole = new WholeElements();
	const all = [];
	for (const byte of ofFirefox([0, 20, 40])) {
		const passed = await whole.take(new Blob([Uint8Array.of(byte)], { type: "audio/webm" }));
		all.push(...new Uint8Array(await passed.arrayBuffer()));
	}
	assert.deepEqual(all, right);
	const more = [...head(), ...openCluster(0, sized([0xa3], [0x81, 0, 7, 0, 4]))];
	assert.equal((await appended(1_000, [Uint8Array.from(more)])).at(-2), 0x80, "also where it goes on");
});

test("a real file of Firefox is let through whole, and is mended where it is wrong, nowhere else", async () => {
	const file = new Uint8Array(await readFile(new URL("../audio/firefox.webm", import.meta.url)));
	assert.equal(completeSize(file), file.length);
	assert.equal(endOf(file), 2_966);
	const mended = mend(file.slice());
	const changed = [...mended.keys()].filter((at) => mended[at] !== file[at]);
	const blocks = changed.filter((at) => mended[at] === 0x80 && file[at] === 0);
	assert.ok(blocks.length > 100, "each block is one to begin with");
	assert.ok(changed.length - blocks.length <= 18, "and no duration of 0 is left");
});

test("blocks too short to have flags are left, and so is what follows them", () => {
	for (const content of [[], [0x82], [0, 0, 0], [0x82, 0, 1]]) {
		const file = Uint8Array.from([...head(), ...openCluster(0, sized([0xa3], content), new Array(20).fill(0xec))]);
		assert.deepEqual(mend(file.slice()), file);
	}
});

test("other files, and what never ends, are let through as they come", async () => {
	const mp4 = new Blob(["ftyp"], { type: "audio/mp4" });
	assert.equal(await new WholeElements().take(mp4), mp4);
	const endless = new Uint8Array([...head(), 0xa3, 0x10, 0xff, 0xff, 0xff, ...new Uint8Array(70_000)]);
	const taken = await new WholeElements().take(new Blob([endless], { type: "audio/webm" }));
	assert.equal(taken.size, endless.length);
});

test("what is left of one that is cut off has the blocks before that", () => {
	const left = (time) =>
		blocksOf(second.slice(head().length, sizeUntil(Uint8Array.from(second), time))).map(([at]) => at);
	assert.deepEqual([0, 1, 61, 240, 241].map(left), [[], [0], [0, 60], [0, 60, 200], [0, 60, 200]]);
	assert.equal(sizeUntil(Uint8Array.from(second), 1_000), second.length);
});

test("only a WebM file can be gone on with", () => {
	assert.deepEqual(["audio/webm;codecs=opus", "video/webm", "audio/mp4", "audio/ogg", ""].map(canGoOn), [
		true,
		true,
		false,
		false,
		false,
	]);
});
