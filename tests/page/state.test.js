// The list of conversations and its unread counts, as messages, changes and receipts come in.

import { ME } from "./browser.js";

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { on } from "../../web/static/js/base/events.js";
import * as conversations from "../../web/static/js/state/conversations.js";
import { forgetHistoriesExcept, historyWith, reloadHistory } from "../../web/static/js/state/histories.js";
import { takeChange, takeMessage } from "../../web/static/js/state/incoming.js";
import { isMuted, setMuted, takeMuted } from "../../web/static/js/state/muting.js";
import { activityOf, findPerson, person, takePresence, takeTyping } from "../../web/static/js/state/people.js";
import { fromMe, fromPartner, idOf, Server } from "./server.js";
import { until } from "./waiting.js";

const server = await Server.start();
let partners = 0;
let partner; // somebody new for each test, since the state is that of one page

const unread = () => conversations.conversationWith(partner._id).unread;
const lastText = () => conversations.conversationWith(partner._id).lastMessage.text;
/** Ids that no other test has, since what was counted once stays counted. */
const numberOf = (number) => partners * 1_000 + number;
const idAt = (number) => idOf(numberOf(number));
const textOf = (number) => `message ${numberOf(number)}`;
const theirs = (number, fields) => fromPartner(numberOf(number), partner._id, fields);
const mine = (number, fields) => fromMe(numberOf(number), partner._id, fields);
const receipt = (number) => ({ _id: idAt(number), status: "read", readerId: ME._id, partnerId: partner._id });

/** The server has these messages of the partner, so many of them unread; the page has its list. */
async function begin(messages, count) {
	server.messages = messages;
	server.conversations = [{ partner, lastMessage: messages.at(-1), unread: count }];
	await conversations.refreshConversations();
}

beforeEach(() => {
	partners += 1;
	partner = { _id: `partner-${partners}`, username: `Grace${partners}`, online: false, lastSeen: null };
});

test("a message is counted once, however often it comes", async () => {
	await begin([theirs(1)], 1);
	for (const number of [1, 2, 2, 3]) await takeMessage(theirs(number));
	assert.equal(unread(), 3, "the first is in the server's count");
	assert.equal(lastText(), textOf(3));
});

test("own messages, and those deleted before they came, are not unread", async () => {
	await begin([theirs(1)], 0);
	await takeMessage(mine(2));
	await takeMessage(theirs(3, { deletedAt: "2026-01-01T12:00:00Z", text: "" }));
	assert.equal(unread(), 0);
});

test("a message told of is new; its transcript is told of, and not new", async () => {
	const told = [];
	const stop = on("incoming", ({ message, isNew }) => told.push([message.text, isNew]));
	await begin([theirs(1)], 0);
	const voice = theirs(2, { text: "", audioFileId: "1", status: "transcribing" });
	await takeMessage(voice);
	await takeMessage({ ...voice, text: "said", status: "delivered" });
	await takeMessage({ ...voice, text: "said", status: "delivered" });
	await takeMessage(mine(3));
	stop();
	assert.deepEqual(told, [
		["", true],
		["said", false],
	]);
	assert.equal(unread(), 1);
});

test("somebody who was not in the list is asked for", async () => {
	const first = theirs(1);
	server.conversations = [{ partner, lastMessage: first, unread: 1 }];
	await takeMessage(first);
	assert.equal(unread(), 1);
	assert.equal(person(partner._id).username, partner.username);
});

test("a list that was on its way when a message came does not take it back", async () => {
	await begin([theirs(1)], 0);
	const { release } = server.hold("GET /api/conversations");
	const loading = conversations.refreshConversations();
	await takeMessage(theirs(2));
	release();
	await loading;
	assert.equal(lastText(), textOf(2));
	assert.equal(unread(), 1);
});

test("reading up to the last message leaves none unread, also in a count that comes late", async () => {
	const messages = [1, 2, 3].map((number) => theirs(number));
	await begin(messages, 3);
	conversations.takeRead(receipt(3));
	assert.equal(unread(), 0);
	conversations.takeRead(receipt(2)); // late
	await conversations.refreshConversations(); // the server counted before it knew
	assert.equal(unread(), 0);
});

test("reading some leaves those after them, where they are loaded", async () => {
	const messages = [1, 2, 3, 4].map((number) => theirs(number));
	await begin(messages, 4);
	await historyWith(partner._id).loadNewest();
	conversations.takeRead(receipt(3));
	assert.equal(unread(), 1);
	conversations.takeRead(receipt(2));
	assert.equal(unread(), 1, "an older receipt changes nothing");
});

test("reading some leaves it to the server to count, where they are not loaded", async () => {
	const messages = [1, 2, 3, 4].map((number) => theirs(number));
	await begin(messages, 4);
	server.conversations = [{ partner, lastMessage: messages[3], unread: 2 }];
	conversations.takeRead(receipt(2));
	await until("conversations", () => unread() === 2);
});

test("what could not be marked as read is unread again with the next count", async () => {
	await begin([theirs(1)], 1);
	server.next("POST /api/chat", { status: 503 });
	await assert.rejects(conversations.markRead(partner._id, idAt(1)), { status: 503 });
	assert.equal(unread(), 0);
	await conversations.refreshConversations();
	assert.equal(unread(), 1);
});

test("the partner's receipt goes to the history", async () => {
	await begin([mine(1)], 0);
	conversations.takeRead({ _id: idAt(1), status: "read", readerId: partner._id, partnerId: ME._id });
	assert.equal(historyWith(partner._id).readUpTo, idAt(1));
});

test("an edit of the last message shows in the list, and leaves its status", async () => {
	await begin([mine(1)], 0);
	takeChange(mine(1, { text: "edited", status: "edited" }));
	assert.equal(lastText(), "edited");
	assert.equal(conversations.conversationWith(partner._id).lastMessage.status, "delivered");
});

test("a deletion of what may have been unread has the server count", async () => {
	const messages = [1, 2].map((number) => theirs(number));
	await begin(messages, 2);
	server.conversations = [{ partner, lastMessage: messages[1], unread: 1 }];
	takeChange(theirs(1, { text: "", deletedAt: "2026-01-01T12:00:00Z", status: "deleted" }));
	await until("conversations", () => unread() === 1);
});

test("conversations are sorted by their newest message, and counted together", async () => {
	const before = conversations.totalUnread();
	await begin([theirs(900)], 2);
	assert.equal(conversations.sortedConversations()[0].partner._id, partner._id);
	assert.equal(conversations.newestMessageId(), idAt(900));
	assert.equal(conversations.totalUnread() - before, 2);
});

test("after a gap other histories are forgotten, and the open one is loaded anew", async () => {
	const other = `other-${partners}`;
	await begin([theirs(1), fromPartner(numberOf(2), other)], 0);
	for (const id of [partner._id, other]) await historyWith(id).loadNewest();
	server.messages.push(theirs(3));
	forgetHistoriesExcept(partner._id);
	await reloadHistory(partner._id);
	assert.ok(!historyWith(other).loaded);
	assert.equal(historyWith(partner._id).messages.length, 2);
});

test("what is loaded anew after a gap is asked for after the gap", async () => {
	await begin([theirs(1)], 0);
	const history = historyWith(partner._id);
	await history.loadNewest();
	const { release, made } = server.hold("GET /api/chat");
	const earlier = history.loadNewest();
	await made; // without what comes now
	server.messages.push(theirs(2));
	const reloading = reloadHistory(partner._id);
	release();
	await Promise.all([earlier, reloading]);
	assert.equal(history.messages.length, 2);
});

test("who types does so until they send", async () => {
	await begin([theirs(1)], 0);
	takeTyping({ senderId: partner._id });
	assert.equal(activityOf(partner._id), "person.typing");
	takeTyping({ senderId: partner._id, recording: true });
	assert.equal(activityOf(partner._id), "person.recording");
	await takeMessage(theirs(2));
	assert.equal(activityOf(partner._id), null);
});

test("presence is noted of those who are known, and of nobody else", async () => {
	await begin([theirs(1)], 0);
	takePresence({ _id: partner._id, online: true, lastSeen: null });
	takePresence({ _id: "stranger", online: true, lastSeen: null });
	assert.equal(person(partner._id).online, true);
	assert.equal(person("stranger"), null);
});

test("a person is found by name without regard to case, and then known", async () => {
	await begin([theirs(1)], 0);
	server.calls = [];
	const found = await findPerson(partner.username.toUpperCase());
	assert.equal(found, person(partner._id));
	assert.deepEqual(server.calls, []);
});

test("a new name and text show at once, and leave what else is known", async () => {
	await begin([theirs(1)], 1);
	const told = [];
	const stops = ["renamed", "conversations"].map((name) => on(name, () => told.push(name)));
	takePresence({ _id: partner._id, online: true, lastSeen: null, username: `New ${partner.username}`, bio: "Moved" });
	stops.forEach((stop) => stop());
	assert.deepEqual(told, ["renamed", "conversations"]);
	const { username, bio, online } = person(partner._id);
	assert.deepEqual({ username, bio, online }, { username: `New ${partner.username}`, bio: "Moved", online: true });
	assert.equal(conversations.conversationWith(partner._id).partner.username, `New ${partner.username}`);
});

test("the unread messages of who is muted are in the list, and not in the title's count", async () => {
	await begin([theirs(1)], 3);
	const before = conversations.totalUnread();
	takeMuted(partner._id, true);
	assert.equal(conversations.totalUnread(), before - 3);
	assert.equal(unread(), 3);
});

test("a muting that the server refuses is taken back", async () => {
	server.next(`PUT /api/chat/${partner._id}/mute`, {
		status: 409,
		problem: { detail: "You can mute at most 1000 people." },
	});
	const muting = setMuted(partner._id, true);
	assert.ok(isMuted(partner._id), "it shows at once");
	await assert.rejects(muting, { message: "You can mute at most 1000 people." });
	assert.ok(!isMuted(partner._id));
});
