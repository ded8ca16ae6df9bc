// What is kept in this browser can be read without a network, by its own person alone, and never grows beyond its limits.

import { ME } from "./browser.js";

import assert from "node:assert/strict";
import { test } from "node:test";

import { BoundedStore, excess } from "../../web/static/js/state/bounded-store.js";
import { historyWith, renewKeptHistories } from "../../web/static/js/state/histories.js";
import { keepAhead, keepTextsOnlyOf, keptMessages } from "../../web/static/js/state/offline.js";
import { fromPartner, idOf, Server } from "./server.js";

const PARTNER = "grace";
const server = await Server.start();
const KEPT = [fromPartner(1, PARTNER), fromPartner(2, PARTNER)];

/** Keeps what the server has, as for the newest conversations. */
async function keepFromServer() {
	server.messages = [...KEPT];
	await keepAhead([{ partner: { _id: PARTNER }, lastMessage: KEPT[1], unread: 0 }]);
}

const idsOf = (messages) => messages.map(({ _id }) => _id);

test("what was not used for longest goes first, by number and by bytes", () => {
	const use = (key, usedAt, bytes) => ({ owner: "me", key, usedAt, bytes });
	const uses = [use("old", 1, 10), use("new", 3, 10), use("middle", 2, 10)];
	const keysOf = (limits) => excess(uses, limits).map(({ key }) => key);
	assert.deepEqual(keysOf({ entries: 3, bytes: 30 }), []);
	assert.deepEqual(keysOf({ entries: 2, bytes: 30 }), ["old"]);
	assert.deepEqual(keysOf({ entries: 3, bytes: 19 }), ["middle", "old"]);
	assert.deepEqual(
		keysOf({ entries: 3, bytes: 5 }),
		["new", "middle", "old"],
		"one that is too large is not kept at all",
	);
});

test("a store keeps within its limits, and each person finds only what is theirs", async () => {
	const store = new BoundedStore("test", { entries: 2, bytes: 100 });
	for (const key of ["one", "two", "three"]) await store.put("ada", key, `${key} of ada`, 10);
	const found = await Promise.all(["one", "two", "three"].map((key) => store.get("ada", key)));
	assert.equal(found.filter(Boolean).length, 2);
	await store.keepOnly("ada");
	await store.put("ben", "three", "of ben", 10);
	assert.equal(await store.get("ben", "three"), "of ben");
	await store.keepOnly("ben");
	assert.equal(await store.get("ada", "three"), null);
	await store.keepOnly(null);
	assert.equal(await store.get("ben", "three"), null);
});

test("without a network the kept messages are shown; with one, what came since joins them", async () => {
	await keepFromServer();
	const history = historyWith(PARTNER);
	server.next(`GET /api/chat/${PARTNER}`, { breakOff: true });
	await history.loadNewest();
	assert.deepEqual(idsOf(history.messages), [idOf(1), idOf(2)]);
	assert.ok(history.isKept);
	server.messages.push(fromPartner(3, PARTNER), fromPartner(4, PARTNER));
	history.merge(fromPartner(4, PARTNER)); // by socket, before the gap is filled
	await renewKeptHistories();
	assert.deepEqual(idsOf(history.messages), [idOf(1), idOf(2), idOf(3), idOf(4)]);
	assert.ok(!history.isKept);
});

test("what the server refuses is not read from the copy, and leaving removes that", async () => {
	await keepFromServer();
	assert.equal((await keptMessages(PARTNER)).length, 2);
	const history = historyWith(PARTNER);
	history.reset();
	server.next(`GET /api/chat/${PARTNER}`, { status: 404 });
	await assert.rejects(history.loadNewest());
	await keepTextsOnlyOf(ME._id);
	assert.equal((await keptMessages(PARTNER)).length, 2, "it is mine");
	await keepTextsOnlyOf(null);
	assert.equal(await keptMessages(PARTNER), null);
	server.next(`GET /api/chat/${PARTNER}`, { breakOff: true });
	await assert.rejects(history.loadNewest());
});
