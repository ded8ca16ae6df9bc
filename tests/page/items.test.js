// What the rows of a conversation show: groups, days, marks, and when a row has to be made anew.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "../../web/static/js/state/merging.js";
import { Items, keyOf } from "../../web/static/js/thread/items.js";
import { fromMe, fromPartner, idOf } from "./server.js";

const PARTNER = "grace";
const MY_ID = "me";

function view(messages, fields = {}) {
	const history = { messages: messages.map(load), atStart: true, readUpTo: "", ...fields.history };
	return { pending: [], myId: MY_ID, partner: "Grace", unreadFrom: null, hit: null, ...fields, history };
}

const itemsFor = (messages, fields) => new Items(view(messages, fields)).slice();
const waiting = (fields) => ({ clientId: "c", userId: MY_ID, receiverId: PARTNER, createdAt: Date.now(), ...fields });
const flags = (items, name) => items.map((item) => item[name]);

test("messages of one sender within five minutes are a group", () => {
	const items = itemsFor([1, 2, 8].map((minute) => fromPartner(minute, PARTNER)).concat(fromMe(9, PARTNER)));
	assert.deepEqual(flags(items, "startsGroup"), [true, false, true, true]);
	assert.deepEqual(flags(items, "endsGroup"), [false, true, true, true]);
	assert.deepEqual(flags(items, "isMine"), [false, false, false, true]);
});

test("a day begins where it changes, and at the first message only when that is the first of all", () => {
	const messages = [1, 2, 2 + 24 * 60].map((minute) => fromPartner(minute, PARTNER));
	assert.deepEqual(flags(itemsFor(messages), "beginsDay"), [true, false, true]);
	assert.deepEqual(flags(itemsFor(messages, { history: { atStart: false } }), "beginsDay"), [false, false, true]);
});

test("a group ends at midnight, though the next message comes at once", () => {
	const sentAt = (...time) => ({ dateSent: new Date(2026, 0, ...time).toISOString() });
	const messages = [fromPartner(1, PARTNER, sentAt(1, 23, 59)), fromPartner(2, PARTNER, sentAt(2, 0, 1))];
	assert.deepEqual(flags(itemsFor(messages), "startsGroup"), [true, true]);
});

test("marks tell how far a message has come", () => {
	const statuses = ["accepted", "transcribing", "untranscribed", "delivered", "read"];
	const messages = statuses.map((status, index) => fromMe(index + 1, PARTNER, { status }));
	const marks = ["accepted", "accepted", "delivered", "delivered", "read"];
	assert.deepEqual(flags(itemsFor(messages), "mark"), marks);
});

test("all that the partner has read up to is read, but what is not yet delivered", () => {
	const messages = ["delivered", "accepted", "delivered"].map((status, index) =>
		fromMe(index + 1, PARTNER, { status }),
	);
	const marks = flags(itemsFor(messages, { history: { readUpTo: idOf(2) } }), "mark");
	assert.deepEqual(marks, ["read", "accepted", "delivered"]);
});

test("what waits comes last, with its own marks, and not once it is sent", () => {
	const pending = [waiting({ clientId: "a" }), waiting({ clientId: "b", error: "No" }), waiting({ clientId: "c" })];
	const items = itemsFor([fromMe(1, PARTNER, { clientId: "c" })], { pending });
	assert.deepEqual(flags(items, "mark"), ["delivered", "waiting", "refused"]);
});

test("an own message keeps its key when the server has it; others go by their id", () => {
	const [before] = itemsFor([], { pending: [waiting({ clientId: "c" })] });
	const [after] = itemsFor([fromMe(1, PARTNER, { clientId: "c" })]);
	assert.equal(before.key, after.key);
	assert.equal(keyOf(fromPartner(1, PARTNER, { clientId: "c" }), MY_ID), idOf(1));
});

test("the line of unread messages is above the first of them", () => {
	const messages = [1, 2, 3].map((minute) => fromPartner(minute, PARTNER));
	assert.deepEqual(flags(itemsFor(messages, { unreadFrom: idOf(2) }), "isFirstUnread"), [false, true, false]);
	assert.deepEqual(flags(itemsFor(messages), "isFirstUnread"), [false, false, false]);
});

test("the message a search led to is the hit, with its words", () => {
	const messages = [1, 2].map((minute) => fromPartner(minute, PARTNER, { text: "the river" }));
	const [one, two] = itemsFor(messages, { hit: { id: idOf(2), query: "riv" } });
	assert.deepEqual([one.isHit, one.isHitWord, two.isHit], [false, null, true]);
	assert.deepEqual(["the", "river"].filter(two.isHitWord), ["river"]);
});

test("a row is made anew when it would look different, and else not", () => {
	const messages = [1, 2].map((minute) => fromPartner(minute, PARTNER));
	const signatures = (...parameters) => flags(itemsFor(...parameters), "signature");
	const before = signatures(messages);
	assert.deepEqual(signatures(messages), before);
	const [first, second] = signatures([...messages, fromPartner(3, PARTNER)]);
	assert.equal(first, before[0]);
	assert.notEqual(second, before[1], "it ends its group no longer");
	assert.notEqual(signatures(messages, { hit: { id: idOf(1), query: "a" } })[0], before[0]);
	assert.notEqual(
		signatures(messages, { hit: { id: idOf(1), query: "a" } })[0],
		signatures(messages, { hit: { id: idOf(1), query: "b" } })[0],
	);
});

test("an upload that goes on does not make its row anew, but one that begins or fails does", () => {
	const signature = (fields) => itemsFor([], { pending: [waiting(fields)] })[0].signature;
	assert.equal(signature({ progress: 0.1 }), signature({ progress: 0.9 }));
	assert.notEqual(signature({}), signature({ progress: 0.1 }));
	assert.notEqual(signature({}), signature({ error: "No" }));
});
