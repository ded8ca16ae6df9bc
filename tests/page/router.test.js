// Addresses are read as they are written.

import assert from "node:assert/strict";
import { test } from "node:test";

import { chatPath, parseRoute, safeReturnPath } from "../../web/static/js/base/router.js";

const routeOf = (path) => parseRoute(new URL(path, "https://chat.example"));

test("the address of a conversation leads to that person, whatever the name", () => {
	for (const username of ["ada", "Ada Lovelace", "a/b?c#d", "100%", "שלום", "👩‍🚀"]) {
		assert.equal(routeOf(chatPath({ username })).name, username);
	}
});

test("the address of a hit has the message and the words", () => {
	const route = routeOf(chatPath({ username: "ada" }, { at: "01A", query: "a & b?" }));
	assert.deepEqual(route, { page: "chat", name: "ada", at: "01A", query: "a & b?" });
});

test("an address typed by hand that is badly encoded is taken as it is", () => {
	assert.equal(parseRoute({ pathname: "/chat/100%", search: "" }).name, "100%");
});

test("the other pages have nothing but their name", () => {
	assert.deepEqual(routeOf("/"), { page: "", name: "", at: null, query: "" });
	assert.deepEqual(routeOf("/settings?at=1"), { page: "settings", name: "", at: null, query: "" });
});

test("logging in leads back to a page of this site, never to another", () => {
	assert.equal(safeReturnPath("/chat/ada?at=1"), "/chat/ada?at=1");
	for (const elsewhere of [
		"//evil.example",
		"/\\evil.example",
		"https://evil.example",
		"javascript:alert(1)",
		"",
		null,
	]) {
		assert.equal(safeReturnPath(elsewhere), "/");
	}
});
