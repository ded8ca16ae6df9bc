// What the page does while no socket opens: asks for what is new, less and less often, and stops when told.

import "./browser.js";

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Polling } from "../../web/static/js/app/polling.js";
import { ApiError } from "../../web/static/js/net/errors.js";
import { refreshConversations, conversationWith } from "../../web/static/js/state/conversations.js";
import { takeMessage } from "../../web/static/js/state/incoming.js";
import { fetchNews } from "../../web/static/js/state/news.js";
import { fromPartner, Server } from "./server.js";

const server = await Server.start();
const [MIN, MAX] = [2_000, 45_000]; // milliseconds: the pauses with what spreads them

beforeEach(() => mock.timers.reset());

/** Asks through the next pause. Returns how many milliseconds that took, to the half second. */
async function nextPause(asked) {
	const before = asked.times;
	for (let waited = 500; waited <= 200_000; waited += 500) {
		mock.timers.tick(500);
		await Promise.resolve();
		await Promise.resolve();
		if (asked.times > before) return waited;
	}
	return Infinity;
}

function polling(answer) {
	mock.timers.enable({ apis: ["setTimeout"] });
	const asked = { times: 0, told: [] };
	const made = new Polling(
		async () => {
			asked.times += 1;
			return answer();
		},
		(works) => asked.told.push(works),
	);
	made.start();
	made.start(); // no second timer
	return { made, asked };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("it asks every few seconds, less often when nothing is new, and never stops to", async () => {
	const { made, asked } = polling(() => false);
	const pauses = [];
	for (let times = 0; times < 40; times += 1) {
		pauses.push(await nextPause(asked));
		await settle();
	}
	made.stop();
	assert.ok(
		pauses.every((each) => each >= MIN && each <= MAX),
		String(pauses),
	);
	assert.ok(Math.max(...pauses.slice(0, 5)) <= 6_500, String(pauses));
	assert.ok(Math.min(...pauses.slice(30)) >= 15_000, String(pauses));
	assert.deepEqual(new Set(asked.told), new Set([true]));
	assert.equal(await nextPause(asked), Infinity); // it was stopped
});

test("it waits as long as the server wants, and says that it got nothing", async () => {
	const { made, asked } = polling(() => {
		throw new ApiError(429, null, "100");
	});
	await nextPause(asked);
	await settle();
	const pause = await nextPause(asked);
	made.stop();
	assert.ok(pause >= 100_000, String(pause));
	assert.deepEqual(asked.told.slice(0, 1), [false]);
});

test("news are the messages of each conversation since the last one known, each handed over once", async () => {
	const [ada, ben] = ["ada", "ben"].map((_id) => ({ _id, username: _id, bio: "", online: false, lastSeen: null }));
	const list = (...last) =>
		last.map(([partner, number]) => ({ partner, lastMessage: fromPartner(number, partner._id), unread: 1 }));
	server.messages = [fromPartner(1, "ada"), fromPartner(2, "ben")];
	server.conversations = list([ben, 2], [ada, 1]);
	await refreshConversations();
	const received = [];
	const receive = (message) => {
		received.push(message.text);
		return takeMessage(message);
	};
	assert.deepEqual(await fetchNews(receive), { isNew: false, complete: true });
	server.messages.push(fromPartner(3, "ada"), fromPartner(4, "ada"));
	server.conversations = list([ada, 4], [ben, 2]);
	assert.deepEqual(await fetchNews(receive), { isNew: true, complete: true });
	assert.deepEqual(await fetchNews(receive), { isNew: false, complete: true });
	assert.deepEqual(received, ["message 3", "message 4"]);
	assert.equal(conversationWith("ada").lastMessage.text, "message 4");

	const many = Array.from({ length: 11 }, (_, index) => ({ ...ada, _id: `p${index}` }));
	server.conversations = list(...many.map((partner, index) => [partner, 20 + index]));
	const { calls } = server;
	const before = calls.length;
	assert.deepEqual(await fetchNews(receive), { isNew: true, complete: false });
	assert.equal(calls.length, before + 1); // a crowd is not fetched one by one
});
