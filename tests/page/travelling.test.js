// A recording travels while it is made, and none of it is lost or doubled, whatever happens on the way.

import "./browser.js";

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { append, complete, create, metadataOf, progressOf } from "../../web/static/js/net/tus.js";
import { Journey } from "../../web/static/js/state/journey.js";
import { keptRecordingFor, partnersWithKept } from "../../web/static/js/state/kept-recordings.js";
import { enqueue, waitingFor } from "../../web/static/js/state/outbox.js";
import { Recording } from "../../web/static/js/state/recording.js";
import { digest } from "./recordings.js";
import { fromMe, Server } from "./server.js";
import { until } from "./waiting.js";

const server = await Server.start();
const METADATA = { filetype: "audio/webm" };
let recording;
let journey;
let count = 0;

beforeEach(() => {
	count += 1;
	recording = new Recording({ partnerId: `partner-${count}`, startedAt: count });
	journey = new Journey(recording, { receiverId: `partner-${count}`, share: "" });
});
afterEach(() => journey.stop());

/** Adds so many pieces, each different. */
function speak(pieces) {
	for (let index = 0; index < pieces; index += 1) {
		const { length } = recording.pieces;
		recording.add(new Blob([`${count}, piece ${length + index}; `], { type: "audio/webm" }), length + index + 1);
	}
}

const there = () => server.recordings.byId.get(recording.notes.id);

/** Resolves once the server has all of it. */
async function arrived() {
	const { blob } = await recording.made();
	while (there()?.bytes.length !== blob.size) {
		window.dispatchEvent(new Event("online")); // so that nothing waits for its next attempt
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	assert.equal(await digest(there().bytes), await digest(blob));
}

const patient = { timeout: 10_000 }; // milliseconds

test("one that ends while it is begun on the server leaves nothing there, nor notes of it here", patient, async () => {
	const held = server.hold("POST /api/recordings");
	journey.start();
	speak(1);
	await held.made;
	journey.stop();
	await recording.discard();
	const [id] = [...server.recordings.byId.keys()].slice(-1);
	held.release();
	const isDiscarded = () => server.calls.some((call) => call === `DELETE /api/recordings/${id}`);
	while (!isDiscarded()) await new Promise((resolve) => setTimeout(resolve, 5));
	assert.equal(recording.notes.id, null);
	assert.equal((await partnersWithKept()).has(`partner-${count}`), false);
});

test("whoever has only notes of a recording is not said to have kept one", async () => {
	recording.note({ offset: 0 });
	assert.equal((await partnersWithKept()).has(`partner-${count}`), false);
	speak(1);
	await recording.made();
	assert.equal((await partnersWithKept()).has(`partner-${count}`), true);
});

test("pieces go as they are made, in order, and are kept in the browser all the while", async () => {
	journey.start();
	speak(2);
	await arrived();
	speak(3);
	await arrived();
	assert.deepEqual(there().metadata, { filetype: "audio/webm", receiverId: `partner-${count}` });
	const kept = await keptRecordingFor(`partner-${count}`);
	assert.equal(await digest(new Recording(kept, kept).blob), await digest(recording.blob));
	assert.equal(kept.notes.id, recording.notes.id);
});

for (const call of ["POST /api/recordings", "PATCH /api/recordings", "HEAD /api/recordings"]) {
	for (const reply of [{ breakOff: true }, { status: 503 }, { status: 429 }]) {
		test(`it goes on after ${call} got ${JSON.stringify(reply)}`, async () => {
			if (call.startsWith("HEAD")) server.next("PATCH /api/recordings", { status: 409 });
			server.next(call, reply);
			journey.start();
			speak(2);
			await arrived();
		});
	}
}

test("a piece that arrived without our hearing of it is not doubled", async () => {
	journey.start();
	speak(1);
	await arrived();
	const { made, release } = server.hold("PATCH /api/recordings");
	speak(1);
	await made;
	const { offset } = await progressOf(recording.notes.id);
	await append(recording.notes.id, offset, new Blob()); // as a proxy that repeats a call
	release();
	speak(1);
	await arrived();
});

test("after a reload it goes on where the server is", async () => {
	journey.start();
	speak(2);
	await arrived();
	journey.stop();
	speak(2); // which have not gone
	await recording.made();
	const kept = await keptRecordingFor(`partner-${count}`);
	recording = new Recording(kept, kept);
	journey = new Journey(recording, METADATA);
	journey.start();
	await arrived();
});

test("a recording that the server has lost is sent anew from what the browser kept", async () => {
	journey.start();
	speak(2);
	await arrived();
	const lost = recording.notes.id;
	server.recordings.byId.delete(lost);
	speak(1);
	await arrived();
	assert.notEqual(recording.notes.id, lost);
});

test("one that has travelled is completed and claimed, without another upload", async () => {
	server.calls = [];
	journey.start();
	speak(2);
	await arrived();
	journey.stop();
	speak(1); // the last piece
	const { blob } = await recording.made();
	const { id, offset } = recording.notes;
	const receiver = recording.whose.partnerId;
	await enqueue(receiver, { blob, text: "corrected", travelled: { id, offset } });
	await until("outbox", () => waitingFor(receiver).length === 0);
	const [sent] = server.messages.filter(({ receiverId }) => receiverId === receiver);
	assert.deepEqual([sent.audioFileId, sent.text], [id, "corrected"]);
	assert.equal(there().length, blob.size);
	assert.equal(await digest(there().bytes), await digest(blob));
	assert.ok(!server.calls.some((call) => call.startsWith("POST /api/upload")));
});

test("whoever stops has their words settled behind the last piece, each time", async () => {
	journey.start();
	speak(2);
	await recording.made();
	journey.pause();
	while (!there()?.pausedAt) await new Promise((resolve) => setTimeout(resolve, 5));
	await arrived();
	assert.equal(there().pausedAt, there().bytes.length);
	speak(1); // they go on
	await arrived();
	assert.ok(there().pausedAt < there().bytes.length);
	server.next("PATCH /api/recordings", { status: 503 });
	journey.pause();
	while (there().pausedAt !== there().bytes.length) {
		window.dispatchEvent(new Event("online"));
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
});

test("one that is cut off is completed with what the server has, and cut off there", async () => {
	journey.start();
	speak(3);
	await arrived();
	journey.stop();
	const { bytes } = there();
	const { id, offset } = recording.notes;
	const receiver = recording.whose.partnerId;
	const blob = recording.blob.slice(0, 20);
	await enqueue(receiver, { blob, travelled: { id, offset, cutAt: 1.5 } });
	await until("outbox", () => waitingFor(receiver).length === 0);
	assert.deepEqual([there().length, there().cutAt, there().bytes], [bytes.length, 1.5, bytes]);
});

test("one that another device has sent long ago is not sent a second time", async () => {
	const blob = new Blob(["kept"]);
	const receiver = recording.whose.partnerId;
	server.next("PATCH /api/recordings/sent", { status: 410 });
	server.next("POST /api/chat", { status: 202, problem: fromMe(7, receiver, { audioFileId: "sent" }) });
	server.uploads.clear();
	await enqueue(receiver, { blob, travelled: { id: "sent", offset: 3 } });
	await until("outbox", () => waitingFor(receiver).length === 0);
	assert.equal(server.uploads.size, 0);
});

test("one that the server has lost is uploaded whole when it is sent", async () => {
	const blob = new Blob(["kept"]);
	const receiver = recording.whose.partnerId;
	await enqueue(receiver, { blob, travelled: { id: "gone", offset: 3 } });
	await until("outbox", () => waitingFor(receiver).length === 0);
	const [sent] = server.messages.filter(({ receiverId }) => receiverId === receiver);
	assert.ok(server.uploads.has(sent.audioFileId));
});

test("completing it again, since the response was lost, changes nothing", async () => {
	const id = await create(METADATA);
	const blob = new Blob(["x".repeat(600 * 1024)]); // several calls
	server.next("PATCH /api/recordings", { status: 409 });
	await complete(id, blob, 0);
	await complete(id, blob, 17);
	const found = server.recordings.byId.get(id);
	assert.deepEqual([found.bytes.length, found.length], [blob.size, blob.size]);
});

test("metadata is in base64, whatever is in it, and what is empty is left out", () => {
	assert.equal(metadataOf({ filename: "ä 録", share: "" }), `filename ${Buffer.from("ä 録").toString("base64")}`);
});
