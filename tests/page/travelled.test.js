// A recording that has travelled while it was made is sent with little more than its end.

import "./browser.js";

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { complete, create } from "../../web/static/js/net/tus.js";
import { enqueue, waitingFor } from "../../web/static/js/state/outbox.js";
import { digest } from "./recordings.js";
import { fromMe, Server } from "./server.js";
import { Spoken } from "./spoken.js";
import { until } from "./waiting.js";

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

test("one that has travelled is completed and claimed, without another upload", async () => {
	server.calls = [];
	journey.start();
	spoken.speak(2);
	await spoken.arrived();
	journey.stop();
	spoken.speak(1); // the last piece
	const { blob } = await recording.made();
	const { id, offset } = recording.notes;
	const receiver = spoken.partnerId;
	await enqueue(receiver, { blob, text: "corrected", travelled: { id, offset } });
	await until("outbox", () => waitingFor(receiver).length === 0);
	const [sent] = server.messages.filter(({ receiverId }) => receiverId === receiver);
	assert.deepEqual([sent.audioFileId, sent.text], [id, "corrected"]);
	assert.equal(spoken.there.length, blob.size);
	assert.equal(await digest(spoken.there.bytes), await digest(blob));
	assert.ok(!server.calls.some((call) => call.startsWith("POST /api/upload")));
});

for (const [call, pieces] of [
	["PATCH /api/recordings", 2],
	["POST /api/recordings", 1],
]) {
	test(`what is sent while ${call} is under way waits for it, and does not ask how far it came`, patient, async () => {
		journey.start();
		if (pieces > 1) {
			spoken.speak(1);
			await spoken.arrived();
		}
		const { made, release } = server.hold(call);
		spoken.speak(1);
		await made;
		server.calls = [];
		const resting = journey.rest();
		spoken.speak(1); // the last one
		const { blob } = await recording.made();
		release();
		await resting;
		journey.stop();
		const { id, offset } = recording.notes;
		await complete(id, blob, offset);
		assert.deepEqual(server.calls, [`PATCH /api/recordings/${id}`]);
		assert.equal(await digest(spoken.there.bytes), await digest(blob));
	});
}

test("a call that hangs keeps nobody from sending for long", patient, async () => {
	journey.start();
	const { made, release } = server.hold("POST /api/recordings");
	spoken.speak(1);
	await made;
	await journey.rest();
	assert.equal(recording.notes.id, null);
	release();
});

test("one that is cut off is completed with what the server has, and cut off there", async () => {
	journey.start();
	spoken.speak(3);
	await spoken.arrived();
	journey.stop();
	const { bytes } = spoken.there;
	const { id, offset } = recording.notes;
	const receiver = spoken.partnerId;
	const blob = recording.blob.slice(0, 20);
	await enqueue(receiver, { blob, travelled: { id, offset, cutAt: 1.5 } });
	await until("outbox", () => waitingFor(receiver).length === 0);
	assert.deepEqual([spoken.there.length, spoken.there.cutAt, spoken.there.bytes], [bytes.length, 1.5, bytes]);
});

test("one that another device has sent long ago is not sent a second time", async () => {
	const blob = new Blob(["kept"]);
	const receiver = spoken.partnerId;
	server.next("PATCH /api/recordings/sent", { status: 410 });
	server.next("POST /api/chat", { status: 202, problem: fromMe(7, receiver, { audioFileId: "sent" }) });
	server.uploads.clear();
	await enqueue(receiver, { blob, travelled: { id: "sent", offset: 3 } });
	await until("outbox", () => waitingFor(receiver).length === 0);
	assert.equal(server.uploads.size, 0);
});

test("one that the server has lost is uploaded whole when it is sent", async () => {
	const blob = new Blob(["kept"]);
	const receiver = spoken.partnerId;
	await enqueue(receiver, { blob, travelled: { id: "gone", offset: 3 } });
	await until("outbox", () => waitingFor(receiver).length === 0);
	const [sent] = server.messages.filter(({ receiverId }) => receiverId === receiver);
	assert.ok(server.uploads.has(sent.audioFileId));
});

test("completing it again, since the response was lost, changes nothing", async () => {
	const id = await create({ filetype: "audio/webm" });
	const blob = new Blob(["x".repeat(600 * 1024)]); // several calls
	server.next("PATCH /api/recordings", { status: 409 });
	await complete(id, blob, 0);
	await complete(id, blob, 17);
	const found = server.recordings.byId.get(id);
	assert.deepEqual([found.bytes.length, found.length], [blob.size, blob.size]);
});
