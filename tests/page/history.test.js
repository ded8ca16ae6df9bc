// A history is a run of messages without gaps, in order, each once.

import "./browser.js";

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { on } from "../../web/static/js/base/events.js";
import { History } from "../../web/static/js/state/history.js";
import { fromMe, fromPartner, idOf, Server } from "./server.js";

const PARTNER = "grace";
const server = await Server.start();
let history;

/** So many messages in the server, the first number 1. */
function tell(count) {
	server.messages = Array.from({ length: count }, (_, index) => fromPartner(index + 1, PARTNER));
}

function assertRun(first, last) {
	const wanted = Array.from({ length: last - first + 1 }, (_, index) => idOf(first + index));
	assert.deepEqual(
		history.messages.map(({ _id }) => _id),
		wanted,
	);
	assert.deepEqual([...history.byId.keys()].sort(), wanted);
}

beforeEach(() => {
	server.messages = [];
	server.calls = [];
	server.hotFrom = "";
	history = new History(PARTNER);
});

test("the newest messages are loaded, then older ones, up to the first", async () => {
	tell(450);
	await history.loadNewest();
	assertRun(251, 450);
	assert.ok(history.atEnd && !history.atStart);
	await history.loadOlder();
	assertRun(151, 450);
	while (!history.atStart) await history.loadOlder();
	assertRun(1, 450);
	const { length } = server.calls;
	await history.loadOlder();
	assert.equal(server.calls.length, length, "there is nothing older to ask for");
});

test("with nothing recent, the newest of the older ones are loaded", async () => {
	tell(30);
	server.hotFrom = idOf(31);
	await history.loadNewest();
	assertRun(1, 30);
	assert.ok(history.atStart && history.atEnd);
});

test("a conversation without messages is loaded, and at its start", async () => {
	await history.loadNewest();
	assert.deepEqual([history.messages.length, history.loaded, history.atStart, history.atEnd], [0, true, true, true]);
});

test("newest messages that leave a gap take the place of what was loaded", async () => {
	tell(100);
	await history.loadNewest();
	tell(1_000);
	await history.loadNewest();
	assertRun(801, 1_000);
	assert.ok(!history.atStart);
});

test("newest messages that join on are added", async () => {
	tell(100);
	await history.loadNewest();
	tell(150);
	await history.loadNewest();
	assertRun(1, 150);
});

test("a message that comes is put in its place, once", async () => {
	tell(3);
	await history.loadNewest();
	history.merge(fromMe(5, PARTNER));
	history.merge(fromPartner(4, PARTNER));
	history.merge(fromPartner(4, PARTNER));
	assertRun(1, 5);
});

test("a message that comes while a page is on its way is not lost", async () => {
	tell(3);
	const { release } = server.hold(`GET /api/chat/${PARTNER}`);
	const loading = history.loadNewest();
	history.merge(fromPartner(4, PARTNER));
	release();
	await loading;
	assertRun(1, 4);
});

test("a message that would leave a gap is not added", async () => {
	tell(400);
	await history.loadNewest();
	history.merge(fromPartner(2, PARTNER));
	assertRun(201, 400);
	await history.loadAround(idOf(50));
	history.merge(fromPartner(401, PARTNER));
	assert.ok(!history.atEnd);
	assert.ok(!history.byId.has(idOf(401)));
});

test("a change of a message that is not loaded adds nothing", async () => {
	tell(3);
	await history.loadNewest();
	for (const status of ["edited", "deleted", "failed"]) history.merge(fromPartner(9, PARTNER, { status }));
	assertRun(1, 3);
});

test("loading around a message loads both sides, and goes on to the newest", async () => {
	tell(500);
	assert.ok(await history.loadAround(idOf(200)));
	assertRun(160, 299);
	while (!history.atEnd) await history.loadNewer();
	assertRun(160, 500);
});

test("loading around a message that does not exist keeps what there is", async () => {
	tell(30);
	await history.loadNewest();
	server.messages.splice(9, 1);
	history.byId.delete(idOf(10));
	assert.equal(await history.loadAround(idOf(10)), false);
	assert.equal(history.messages.length, 30);
});

test("loads of one kind at the same time are one", async () => {
	tell(400);
	await history.loadNewest();
	server.calls = [];
	await Promise.all([history.loadOlder(), history.loadOlder(), history.loadOlder()]);
	assert.equal(server.calls.length, 1);
	assertRun(101, 400);
});

test("loads of different kinds are one after another", async () => {
	tell(400);
	await history.loadNewest();
	server.calls = [];
	await Promise.all([history.loadAround(idOf(10)), history.loadOlder()]);
	const asked = server.calls.map((call) => call.replace(/.*(before|after)=0*/, "$1 ").replace(/&.*/, ""));
	const first = [`before ${idOf(10).slice(1)}`, `after ${idOf(9).slice(1)}`];
	assert.deepEqual(asked, [...first, `before ${idOf(1).slice(1)}`], "older than what is loaded by then");
	assertRun(1, 109);
});

test("a load that fails says so, tells no listener, and does not stop the next", async () => {
	tell(3);
	let told = 0;
	const stop = on("history", () => {
		told += 1;
	});
	server.next(`GET /api/chat/${PARTNER}`, { status: 503 });
	await assert.rejects(history.loadNewest(), { status: 503 });
	assert.equal(told, 0, "who draws the history loads more of it, and would go on failing");
	await history.loadNewest();
	assert.equal(told, 1);
	stop();
	assertRun(1, 3);
});

test("how far the partner has read never goes back", async () => {
	server.messages = [fromMe(1, PARTNER, { status: "read" }), fromMe(2, PARTNER)];
	await history.loadNewest();
	assert.equal(history.readUpTo, idOf(1));
	history.notePartnerRead(idOf(2));
	history.notePartnerRead(idOf(1));
	assert.equal(history.readUpTo, idOf(2));
});

test("what only this client knows of a message makes its row anew", async () => {
	tell(1);
	await history.loadNewest();
	const [message] = history.messages;
	const { version } = message;
	history.note(idOf(1), { failure: "Too quiet." });
	assert.equal(message.failure, "Too quiet.");
	assert.ok(message.version > version);
	history.note(idOf(2), { failure: "unknown here" });
});

test("a message that came before anything was loaded is surrounded once it is jumped to", async () => {
	tell(60);
	history.merge(fromPartner(60, PARTNER));
	assertRun(60, 60);
	assert.ok(await history.loadAround(idOf(60)));
	assertRun(20, 60);
});

test("what was changed in a gap shows once it is read again, and nothing is added out of place", async () => {
	tell(260);
	await history.loadNewest();
	server.messages[100] = fromPartner(101, PARTNER, { text: "changed", editedAt: "2026-01-01T11:00:00.000Z" });
	server.messages.push(fromPartner(261, PARTNER));
	await history.refresh();
	assert.equal(history.byId.get(idOf(101)).text, "changed");
	assertRun(61, 260);
});
