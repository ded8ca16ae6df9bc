// What is written goes out, once, in order, whatever happens on the way.

import { ME } from "./browser.js";

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { on } from "../../web/static/js/base/events.js";
import { session } from "../../web/static/js/net/session.js";
import * as store from "../../web/static/js/state/outbox-store.js";
import { discard, enqueue, flush, loadOutbox, retry, waitingFor } from "../../web/static/js/state/outbox.js";
import { Server } from "./server.js";
import { until } from "./waiting.js";

const server = await Server.start();
const voice = { blob: new Blob(["sound"]), name: "voice" };
let receivers = 0;
let receiver; // somebody new for each test, since the outbox is that of one page

const sent = () => server.messages.filter(({ receiverId }) => receiverId === receiver);
const isEmpty = () => waitingFor(receiver).length === 0;
const emptied = () => until("outbox", isEmpty);
const keptFor = async (id) => (await store.readAll()).filter(({ receiverId }) => receiverId === id);

beforeEach(() => {
	receivers += 1;
	receiver = `receiver-${receivers}`;
	server.conversations = [];
});

test("messages go out in the order they were written, and nothing of them is kept", async () => {
	for (const text of ["one", "two", "three"]) enqueue(receiver, { text });
	await emptied();
	assert.deepEqual(
		sent().map(({ text }) => text),
		["one", "two", "three"],
	);
	await until("outbox", isEmpty);
	assert.deepEqual(await keptFor(receiver), []);
});

test("what another tab wrote earlier goes out earlier", async () => {
	session.token = null; // nothing is sent until both are written
	await enqueue(receiver, { text: "second" });
	await store.put({ clientId: `tab-${receiver}`, userId: ME._id, receiverId: receiver, createdAt: 1, text: "first" });
	session.token = "token";
	await flush();
	await emptied();
	assert.deepEqual(
		sent().map(({ text }) => text),
		["first", "second"],
	);
});

test("what the server accepted without our hearing of it is not sent twice", async () => {
	server.next("POST /api/chat", { breakOff: true });
	await enqueue(receiver, { text: "once" });
	await until("outbox", () => sent().length === 1);
	await flush();
	await emptied();
	assert.equal(sent().length, 1);
});

test("while the server is in trouble a message waits, and is not refused", async () => {
	server.next("POST /api/chat", { status: 503 });
	await enqueue(receiver, { text: "patient" });
	assert.equal(waitingFor(receiver)[0].error ?? null, null);
	await emptied(); // by itself, after a pause
	assert.equal(sent().length, 1);
});

test("a message the server refuses is kept with the reason, and holds up no other", async () => {
	session.token = null; // nothing is sent until both are written
	await enqueue(receiver, { text: "refused" });
	await enqueue(receiver, { text: "taken" });
	session.token = "token";
	server.next("POST /api/chat", { status: 422, problem: { detail: "Not like this." } });
	await flush();
	await until("outbox", () => sent().length === 1 && waitingFor(receiver).length === 1);
	const [item] = waitingFor(receiver);
	assert.deepEqual([item.text, item.error], ["refused", "Not like this."]);
	await retry(item.clientId);
	await emptied();
	assert.deepEqual(
		sent().map(({ text }) => text),
		["taken", "refused"],
	);
});

test("one conversation in trouble holds up no other", async () => {
	const other = `${receiver}-other`;
	const { release } = server.hold("POST /api/chat");
	await enqueue(receiver, { text: "held" });
	await enqueue(other, { text: "free" });
	await until("outbox", () => waitingFor(other).length === 0);
	assert.equal(waitingFor(receiver).length, 1);
	release();
	await emptied();
});

test("a discarded message is not sent, also not after a reload", async () => {
	session.token = null; // nothing is sent meanwhile
	await enqueue(receiver, { text: "never" });
	await discard(waitingFor(receiver)[0].clientId);
	session.token = "token";
	await loadOutbox();
	await flush();
	assert.deepEqual([isEmpty(), sent().length, (await keptFor(receiver)).length], [true, 0, 0]);
});

test("a recording is uploaded once, telling how far it is, and then claimed", async () => {
	const parts = [];
	const stop = on("upload", ({ progress }) => parts.push(progress));
	await enqueue(receiver, voice);
	await emptied();
	stop();
	assert.ok(server.uploads.has(sent()[0].audioFileId));
	assert.deepEqual(parts, [0.5]);
});

test("an upload that is made is not made again when sending fails", async () => {
	server.calls = [];
	server.next("POST /api/chat", { status: 503 });
	const parts = [];
	const stop = on("upload", ({ progress }) => parts.push(progress));
	await enqueue(receiver, voice);
	await emptied();
	stop();
	assert.deepEqual(parts, [0.5, null]); // meanwhile nothing is on its way
	assert.equal(server.calls.filter((call) => call.startsWith("POST /api/upload")).length, 1);
});

test("an upload that is made is not made again after a reload", async () => {
	const { release, made } = server.hold("POST /api/chat");
	await enqueue(receiver, voice);
	await made;
	const [item] = await keptFor(receiver);
	assert.ok(server.uploads.has(item.uploadId));
	release();
	await emptied();
});

test("an upload that the server no longer keeps is made again", async () => {
	session.token = null;
	await enqueue(receiver, voice);
	const [item] = waitingFor(receiver);
	item.uploadId = "gone";
	await store.put(item);
	session.token = "token";
	await flush();
	await emptied();
	assert.ok(server.uploads.has(sent()[0].audioFileId));
});

test("what another tab wrote, or what was kept over a reload, is sent", async () => {
	const item = { clientId: `tab-${receiver}`, userId: ME._id, receiverId: receiver, createdAt: 1, text: "kept" };
	await store.put(item);
	await flush();
	await emptied();
	assert.deepEqual(
		sent().map(({ text }) => text),
		["kept"],
	);
});

test("what another tab has sent does not wait here any longer", async () => {
	session.token = null;
	await enqueue(receiver, { text: "elsewhere" });
	await store.remove(waitingFor(receiver)[0].clientId);
	session.token = "token";
	await loadOutbox();
	assert.ok(isEmpty());
	assert.equal(sent().length, 0);
});

test("what somebody else wrote in this browser is neither shown nor sent, and stays", async () => {
	const theirs = { clientId: `their-${receiver}`, userId: "other", receiverId: receiver, createdAt: 1, text: "secret" };
	await store.put(theirs);
	await flush();
	assert.ok(isEmpty());
	assert.equal(sent().length, 0);
	assert.equal((await keptFor(receiver)).length, 1);
});
