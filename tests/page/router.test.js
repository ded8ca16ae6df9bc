// Addresses are read as they are written.

import assert from "node:assert/strict";
import { test } from "node:test";

import { chatPath, parseRoute, safeReturnPath } from "../../web/static/js/base/router.js";

const [ID, OTHER] = ["01JD4XBCEA8X4M6Z9T1V0QW5RK", "01JD4XBD5ESZ0F3QYQ1YH7N2TP"];
const routeOf = (path) => parseRoute(new URL(path, "https://chat.example"));

test("the address of a conversation leads to that person, whatever the name", () => {
	for (const username of [
		"ada",
		"Ada Lovelace",
		"b?c#d",
		"100%",
		"שלום",
		"👩‍🚀",
		"/kim",
		"a/b",
		"\\x",
		"//",
		"settings",
	]) {
		const route = routeOf(chatPath({ _id: ID, username }));
		assert.deepEqual([route.page, route.id], ["chat", ID]);
		assert.equal(route.name, username.replace(/[/\\]/g, "-"));
	}
});

test("two people of one name have different addresses, also deleted ones", () => {
	const path = (_id) => chatPath({ _id, username: "Deleted account" });
	assert.notEqual(path(ID), path(OTHER));
	assert.notEqual(routeOf(path(ID)).id, routeOf(path(OTHER)).id);
});

test("an older address has only a name, which leads there as well", () => {
	for (const [path, name] of [
		["/chat/ada", "ada"],
		["/chat/%2Fkim", "/kim"],
		["/chat/Ada%20L?at=1&q=x", "Ada L"],
		[`/chat/${ID.toLowerCase()}`, ID.toLowerCase()],
	]) {
		const route = routeOf(path);
		assert.deepEqual([route.page, route.id, route.name], ["chat", "", name]);
	}
	assert.deepEqual([routeOf(`/chat/${ID}`).id, routeOf(`/chat/${ID}`).name], [ID, ""]);
});

test("the address of a hit has the message and the words", () => {
	const route = routeOf(chatPath({ _id: ID, username: "ada" }, { at: "01A", query: "a & b?" }));
	assert.deepEqual(route, { page: "chat", id: ID, name: "ada", at: "01A", query: "a & b?" });
});

test("an address typed by hand that is badly encoded is taken as it is", () => {
	assert.equal(parseRoute({ pathname: "/chat/100%", search: "" }).name, "100%");
});

test("the other pages have nothing but their name", () => {
	assert.deepEqual(routeOf("/"), { page: "", id: "", name: "", at: null, query: "" });
	assert.deepEqual(routeOf("/settings?at=1"), { page: "settings", id: "", name: "", at: null, query: "" });
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
