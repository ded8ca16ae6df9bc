// Frames may come late, twice and out of order; what is shown is the newest all the same.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load, merge } from "../../web/static/js/state/merging.js";
import { fromPartner } from "./server.js";

const loaded = (fields) => load(fromPartner(1, "grace", fields));
const words = [{ word: "said", start: 0, end: 1 }];
const EARLY = "2026-01-01T10:00:00.000Z";
const LATE = "2026-01-01T11:00:00.000Z";

test("a status never goes back", () => {
	const message = loaded({ status: "read" });
	for (const status of ["accepted", "transcribing", "untranscribed", "delivered"]) {
		merge(message, fromPartner(1, "grace", { status }));
		assert.equal(message.status, "read");
	}
});

test("a status goes forward", () => {
	const message = loaded({ status: "accepted" });
	for (const status of ["transcribing", "untranscribed", "delivered", "read"]) {
		merge(message, fromPartner(1, "grace", { status }));
		assert.equal(message.status, status);
	}
});

test("an older edit never wins over a newer one", () => {
	const message = loaded({ text: "newer", editedAt: LATE });
	assert.ok(!merge(message, fromPartner(1, "grace", { text: "older", editedAt: EARLY, status: "edited" })));
	assert.ok(!merge(message, fromPartner(1, "grace", { text: "oldest" })));
	assert.equal(message.text, "newer");
});

test("a deletion is never undone, and takes the words along", () => {
	const message = loaded({ text: "said", words, editedAt: LATE });
	merge(message, fromPartner(1, "grace", { text: "", deletedAt: LATE, status: "deleted" }));
	merge(message, fromPartner(1, "grace", { text: "edited", editedAt: LATE, status: "edited" }));
	assert.equal(message.text, "");
	assert.equal(message.deletedAt, LATE);
	assert.ok(!("words" in message));
	assert.equal(message.status, "delivered");
});

test("a failed transcription keeps the words there are, and says why", () => {
	const message = loaded({ text: "said", words });
	message.transcribingAgain = true;
	merge(message, fromPartner(1, "grace", { text: "other", status: "failed", code: "too_many_attempts" }));
	const why = "There were too many failed attempts to transcribe it.";
	assert.deepEqual([message.text, message.failure, message.transcribingAgain], ["said", why, false]);
	merge(message, fromPartner(1, "grace", { status: "failed" }));
	assert.equal(message.failure, "The words could not be made out.");
});

test("a transcript that came late makes a voice message that had none delivered", () => {
	const message = loaded({ text: "", status: "untranscribed" });
	Object.assign(message, { transcribingAgain: true, failure: "Too quiet." });
	merge(message, fromPartner(1, "grace", { text: "said", words, editedAt: EARLY, status: "edited" }));
	assert.deepEqual([message.status, message.failure, message.transcribingAgain], ["delivered", null, false]);
});

test("a text typed in for words that could not be made out is no transcript", () => {
	const message = loaded({ text: "", status: "untranscribed" });
	merge(message, fromPartner(1, "grace", { text: "typed", editedAt: EARLY, status: "edited" }));
	assert.deepEqual([message.text, message.status], ["typed", "untranscribed"]);
});

test("the same frame again changes nothing, any other makes the row anew", () => {
	const message = loaded({});
	const edit = fromPartner(1, "grace", { text: "edited", editedAt: EARLY, status: "edited" });
	assert.ok(merge(message, edit));
	const { version } = message;
	assert.ok(!merge(message, edit));
	assert.equal(message.version, version);
	assert.ok(merge(message, { ...edit, text: "again", editedAt: LATE }));
	assert.ok(message.version > version);
});

test("the text so far grows, and gives way to the whole transcript", () => {
	const message = loaded({ status: "transcribing", text: "" });
	const soFar = (text, seconds) => fromPartner(1, "grace", { status: "transcribing", text, seconds });
	assert.ok(merge(message, soFar("one two", 4)));
	assert.ok(merge(message, soFar("one two three", 8)));
	merge(message, soFar("one two", 4)); // late
	merge(message, fromPartner(1, "grace", { status: "transcribing", text: "" })); // as it is stored meanwhile
	assert.equal(message.text, "one two three");
	merge(message, fromPartner(1, "grace", { status: "delivered", text: "One, two, three, four." }));
	merge(message, soFar("one two three", 9));
	assert.equal(message.text, "One, two, three, four.");
	assert.equal(message.seconds ?? null, null);
});
