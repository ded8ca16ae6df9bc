// A recording travels while it is made, and none of it is lost or doubled, whatever happens on the way.

import "./browser.js";

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { append, metadataOf, progressOf } from "../../web/static/js/net/tus.js";
import { Journey } from "../../web/static/js/state/journey.js";
import { keptRecordingFor, partnersWithKept } from "../../web/static/js/state/kept-recordings.js";
import { Recording } from "../../web/static/js/state/recording.js";
import { digest } from "./recordings.js";
import { Server } from "./server.js";
import { Spoken } from "./spoken.js";

const server = await Server.start();
let spoken;
let recording;
let journey;

beforeEach(() => {
	spoken = new Spoken(server);
	({ recording, journey } = spoken);
});
afterEach(() => journey.stop());

const patient = { timeout: 10_000 }; // milliseconds

test("one that ends while it is begun on the server leaves nothing there, nor notes of it here", patient, async () => {
	const held = server.hold("POST /api/recordings");
	journey.start();
	spoken.speak(1);
	await held.made;
	journey.stop();
	await recording.discard();
	const [id] = [...server.recordings.byId.keys()].slice(-1);
	held.release();
	const isDiscarded = () => server.calls.some((call) => call === `DELETE /api/recordings/${id}`);
	while (!isDiscarded()) await new Promise((resolve) => setTimeout(resolve, 5));
	assert.equal(recording.notes.id, null);
	assert.equal((await partnersWithKept()).has(recording.whose.partnerId), false);
});

test("whoever has only notes of a recording is not said to have kept one", async () => {
	recording.note({ offset: 0 });
	assert.equal((await partnersWithKept()).has(recording.whose.partnerId), false);
	spoken.speak(1);
	await recording.made();
	assert.equal((await partnersWithKept()).has(recording.whose.partnerId), true);
});

test("pieces go as they are made, in order, and are kept in the browser all the while", async () => {
	journey.start();
	spoken.speak(2);
	await spoken.arrived();
	spoken.speak(3);
	await spoken.arrived();
	assert.deepEqual(spoken.there.metadata, { filetype: "audio/webm", receiverId: recording.whose.partnerId });
	const kept = await keptRecordingFor(recording.whose.partnerId);
	assert.equal(await digest(new Recording(kept, kept).blob), await digest(recording.blob));
	assert.equal(kept.notes.id, recording.notes.id);
});

for (const call of ["POST /api/recordings", "PATCH /api/recordings", "HEAD /api/recordings"]) {
	for (const reply of [{ breakOff: true }, { status: 503 }, { status: 429 }]) {
		test(`it goes on after ${call} got ${JSON.stringify(reply)}`, async () => {
			if (call.startsWith("HEAD")) server.next("PATCH /api/recordings", { status: 409 });
			server.next(call, reply);
			journey.start();
			spoken.speak(2);
			await spoken.arrived();
		});
	}
}

test("a piece that arrived without our hearing of it is not doubled", async () => {
	journey.start();
	spoken.speak(1);
	await spoken.arrived();
	const { made, release } = server.hold("PATCH /api/recordings");
	spoken.speak(1);
	await made;
	const { offset } = await progressOf(recording.notes.id);
	await append(recording.notes.id, offset, new Blob()); // as a proxy that repeats a call
	release();
	spoken.speak(1);
	await spoken.arrived();
});

test("after a reload it goes on where the server is", async () => {
	journey.start();
	spoken.speak(2);
	await spoken.arrived();
	journey.stop();
	spoken.speak(2); // which have not gone
	await recording.made();
	const kept = await keptRecordingFor(recording.whose.partnerId);
	recording = new Recording(kept, kept);
	spoken.recording = recording;
	journey = new Journey(recording, { filetype: "audio/webm" });
	journey.start();
	await spoken.arrived();
});

test("a recording that the server has lost is sent anew from what the browser kept", async () => {
	journey.start();
	spoken.speak(2);
	await spoken.arrived();
	const lost = recording.notes.id;
	server.recordings.byId.delete(lost);
	spoken.speak(1);
	await spoken.arrived();
	assert.notEqual(recording.notes.id, lost);
});

test("whoever stops has their words settled behind the last piece, each time", async () => {
	journey.start();
	spoken.speak(2);
	await recording.made();
	journey.pause();
	while (!spoken.there?.pausedAt) await new Promise((resolve) => setTimeout(resolve, 5));
	await spoken.arrived();
	assert.equal(spoken.there.pausedAt, spoken.there.bytes.length);
	spoken.speak(1); // they go on
	await spoken.arrived();
	assert.ok(spoken.there.pausedAt < spoken.there.bytes.length);
	server.next("PATCH /api/recordings", { status: 503 });
	journey.pause();
	while (spoken.there.pausedAt !== spoken.there.bytes.length) {
		window.dispatchEvent(new Event("online"));
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
});

test("metadata is in base64, whatever is in it, and what is empty is left out", () => {
	assert.equal(metadataOf({ filename: "ä 録", share: "" }), `filename ${Buffer.from("ä 録").toString("base64")}`);
});
