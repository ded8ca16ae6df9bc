// A list of conversations longer than a page.

import "./browser.js";

import assert from "node:assert/strict";
import { test } from "node:test";

import {
	findPartner,
	hasMoreConversations,
	isListLoaded,
	loadMoreConversations,
	refreshConversations,
	sortedConversations,
} from "../../web/static/js/state/conversations.js";
import { fromPartner, Server } from "./server.js";

const server = await Server.start();
server.conversations = Array.from({ length: 250 }, (_, index) => {
	const partner = { _id: `partner-${index}`, username: `Grace${index}` };
	return { partner, lastMessage: fromPartner(1_000 - index, partner._id), unread: 0 };
});

test("the list is loaded page by page, and somebody further down is found", async () => {
	assert.deepEqual([isListLoaded(), hasMoreConversations()], [false, false]);
	await refreshConversations();
	assert.deepEqual([isListLoaded(), hasMoreConversations(), sortedConversations().length], [true, true, 100]);
	await loadMoreConversations();
	assert.equal(sortedConversations().length, 200);
	await refreshConversations(); // the newest again, which does not begin the list anew
	assert.equal((await findPartner("partner-249")).username, "Grace249");
	assert.deepEqual([hasMoreConversations(), sortedConversations().length], [false, 250]);
});

test("somebody I have not talked with is not found, without asking for ever", async () => {
	server.calls = [];
	assert.equal(await findPartner("stranger"), null);
	assert.deepEqual(server.calls, []);
});
