// A whole conversation is read page by page, within its bound, and patiently.

import "./browser.js";

import assert from "node:assert/strict";
import { test } from "node:test";

import { pagesBack, wholeHistory } from "../../web/static/js/state/whole-history.js";
import { fromPartner, Server } from "./server.js";

const server = await Server.start();
const goOn = () => true;

function give(count, partnerId) {
	server.messages = Array.from({ length: count }, (_, index) => fromPartner(index, partnerId));
}

test("all messages come once and in order, also where pages end evenly", async () => {
	for (const count of [0, 1, 199, 200, 201, 400, 450]) {
		give(count, `of-${count}`);
		const { messages, isWhole } = await wholeHistory(`of-${count}`, goOn);
		assert.deepEqual(messages, server.messages);
		assert.ok(isWhole);
	}
});

test("of a very long one the newest 20,000 are kept, and that it is not whole is said", async () => {
	give(20_250, "long");
	const { messages, isWhole } = await wholeHistory("long", goOn);
	assert.equal(messages.length, 20_000);
	assert.equal(messages.at(-1)._id, server.messages.at(-1)._id);
	assert.ok(!isWhole);
});

test("it stops when it is told to", async () => {
	give(1_000, "stopped");
	server.calls.length = 0;
	assert.equal(await wholeHistory("stopped", (count) => count < 400), null);
	assert.equal(server.calls.length, 2);
});

test("a page that fails for the moment is asked for again, one that is refused is not", async () => {
	give(300, "patient");
	server.next("GET /api/chat/patient", { status: 503 });
	assert.equal((await wholeHistory("patient", goOn)).messages.length, 300);
	server.next("GET /api/chat/patient", { status: 404, problem: { detail: "There is no such person." } });
	await assert.rejects(pagesBack("patient").next(), { message: "There is no such person." });
});
