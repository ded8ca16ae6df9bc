// The first messages of somebody the page does not know yet.

import "./browser.js";

import assert from "node:assert/strict";
import { test } from "node:test";

import { conversationWith } from "../../web/static/js/state/conversations.js";
import { takeMessage } from "../../web/static/js/state/incoming.js";
import { fromPartner, Server } from "./server.js";

const server = await Server.start();
const partner = { _id: "partner", username: "Grace" };
const theirs = (number) => fromPartner(number, partner._id);

test("messages that come at once from somebody new are each counted", async () => {
	const held = [];
	const taken = [];
	for (const number of [1, 2]) {
		server.conversations = [{ partner, lastMessage: theirs(number), unread: number }];
		held.push(server.hold("GET /api/conversations"));
		taken.push(takeMessage(theirs(number))); // asks for the list, where its sender is missing
		await held.at(-1).made;
	}
	held[0].release();
	await taken[0];
	await takeMessage(theirs(3));
	held[1].release(); // its list is older than what is shown
	await taken[1];
	const { unread, lastMessage } = conversationWith(partner._id);
	assert.deepEqual([unread, lastMessage.text], [3, "message 3"]);
});
