// Calls and frames.

import { ME } from "./browser.js";

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { on } from "../../web/static/js/base/events.js";
import { fetchConversations, fetchHistory, markRead } from "../../web/static/js/net/api.js";
import { ApiError } from "../../web/static/js/net/errors.js";
import { parseFrame } from "../../web/static/js/net/frames.js";
import { upload } from "../../web/static/js/net/http.js";
import { session, signIn } from "../../web/static/js/net/session.js";
import { Server } from "./server.js";

const server = await Server.start();
beforeEach(() => signIn({ user: ME, token: "token" }));

async function failureOf(promise) {
	try {
		await promise;
	} catch (error) {
		assert.ok(error instanceof ApiError, String(error));
		return error;
	}
	throw new assert.AssertionError({ message: "it succeeded" });
}

test("empty parameters are not sent", async () => {
	await fetchConversations(100, null);
	assert.equal(server.calls.at(-1), "GET /api/conversations?limit=100");
});

test("a response without a body is null", async () => {
	assert.equal(await markRead("grace", "1"), null);
});

test("an error says what the server said, and where", async () => {
	const problem = { title: "No", detail: "Not like this.", errors: [{ field: "text", message: "too long" }] };
	server.next("GET /api/chat", { status: 422, problem });
	const error = await failureOf(fetchHistory("grace"));
	assert.equal(error.message, "Not like this.");
	assert.deepEqual(error.fields, problem.errors);
});

test("the page of a proxy is a sentence that says what to do, and never its HTML", async () => {
	const said = async (status, body, type = "text/html") => {
		server.next("GET /api/chat", { status, raw: body, type });
		return failureOf(fetchHistory("grace"));
	};
	const page = "<html><h1>Something</h1><hr>nginx</html>";
	assert.match((await said(413, page)).message, /larger than the server takes/);
	assert.match((await said(502, page)).message, /not running right now/);
	assert.match((await said(504, page)).message, /too long/);
	assert.match((await said(403, page)).message, /\(403\)/);
	assert.match((await said(502, '"no problem of ours"', "application/json")).message, /not running/);
	const portal = await said(200, page); // of a network that wants a log-in
	assert.deepEqual([portal.status, portal.isTransient], [0, true]);
	server.next("POST /api/upload", { status: 413, raw: page, type: "text/html" });
	const error = await failureOf(upload(new Blob(["sound"]), "voice", () => {}));
	assert.match(error.message, /larger than the server takes/);
});

test("only what may succeed later is transient", async () => {
	assert.ok([408, 429, 500, 502, 503].every((status) => new ApiError(status).isTransient));
	assert.ok(![400, 401, 403, 404, 409, 413, 422].some((status) => new ApiError(status).isTransient));
	server.next("GET /api/chat", { breakOff: true });
	const error = await failureOf(fetchHistory("grace"));
	assert.equal(error.status, 0);
	assert.ok(error.isTransient);
});

test("a refused token ends the session, unless another took its place meanwhile", async () => {
	const farewells = [];
	on("signed-out", (reason) => farewells.push(reason));
	server.next("GET /api/chat", { status: 401 });
	await failureOf(fetchHistory("grace"));
	assert.equal(session.token, null);
	assert.deepEqual(farewells, ["Please log in again."]);
	signIn({ user: ME, token: "old" });
	server.next("GET /api/chat", { status: 401 });
	const failing = failureOf(fetchHistory("grace"));
	signIn({ user: ME, token: "new" });
	await failing;
	assert.equal(session.token, "new");
});

test("an upload tells how far it is, and fails like any call", async () => {
	const parts = [];
	const file = await upload(new Blob(["sound"]), "voice", (part) => parts.push(part));
	assert.ok(server.uploads.has(file.audioFileUuid));
	assert.deepEqual(parts, [0.5]);
	server.next("POST /api/upload", { status: 415, problem: { detail: "That is no audio." } });
	const error = await failureOf(upload(new Blob(["text"]), "voice", () => {}));
	assert.equal(error.message, "That is no audio.");
});

test("a frame is its channel and its data, whatever the text says", () => {
	const frame = parseFrame('application:messages---{"text":"a \\u002d\\u002d\\u002d b --- c"}');
	assert.deepEqual(frame, { channel: "messages", data: { text: "a --- b --- c" } });
});
