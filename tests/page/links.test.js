// Links end where they end, and lead where they say.

import assert from "node:assert/strict";
import { test } from "node:test";

import { findLinks } from "../../web/static/js/base/links.js";
import { LIBRARIES, moduleOf, targetOf } from "../../dev/vendor.js";
import { readFile } from "node:fs/promises";

const links = (text) => findLinks(text).filter((piece) => typeof piece === "object");
const addresses = (text) => links(text).map((link) => link.text);

const WHOLE = [
	"https://en.wikipedia.org/wiki/Mercury_(planet)",
	"https://example.com/a_(b)_(c(d))",
	"https://example.com/guide",
	"https://example.com/?q=a,b;c&d=e#f",
	"http://localhost:8080/x",
	"https://例え.jp/パス",
	"https://ja.wikipedia.org/wiki/三体",
	"https://example.com/~kim/it's",
	"https://[2001:db8::1]:8080/x",
	"https://example.com/a%20b",
	"HTTPS://EXAMPLE.COM/a",
];

test("an address is a link as a whole, brackets and all scripts included", () => {
	for (const address of WHOLE.filter((each) => !each.includes("["))) {
		for (const text of [
			address,
			`see ${address} there`,
			`(${address})`,
			`${address}.`,
			`“${address}”`,
			`${address}, and`,
		]) {
			assert.deepEqual(addresses(text), [address], text);
		}
	}
});

const AROUND = [
	["https://example.com/guide，详见", "https://example.com/guide"],
	["见https://example.com/guide。很好", "https://example.com/guide"],
	["「https://example.com/guide」を見て", "https://example.com/guide"],
	["https://example.com/guide！", "https://example.com/guide"],
	["https://example.com/guide؟", "https://example.com/guide"],
	["<https://example.com/guide>", "https://example.com/guide"],
	["[a](https://example.com/guide)", "https://example.com/guide"],
	["https://example.com/guide…", "https://example.com/guide"],
	["https://example.com/guide।", "https://example.com/guide"],
	["‘https://example.com/guide’", "https://example.com/guide"],
];

test("the punctuation of a sentence is no part of a link", () => {
	for (const [text, address] of AROUND) assert.deepEqual(addresses(text), [address], text);
});

test("no control character stands in a link or beside one", () => {
	for (const unseen of ["\u202e", "\u2066", "\u200b", "\u200f", "\u00ad", "\ufeff", "\u0007", "\u{e0041}", "\u2060"]) {
		const text = `a ${unseen}https://example.com/a${unseen}b/c${unseen} z`;
		const pieces = findLinks(text);
		assert.deepEqual(addresses(text), ["https://example.com/a"]);
		const at = pieces.findIndex((piece) => typeof piece === "object");
		for (const beside of [pieces[at - 1], pieces[at + 1]]) assert.ok(!beside.includes(unseen), JSON.stringify(pieces));
	}
});

test("a link that leads elsewhere than it says tells where", () => {
	for (const [address, host] of [
		["https://google.com@evil.example/x", "evil.example"],
		["https://аpple.com/", "xn--pple-43d.com"],
		["https://bücher.example/", "xn--bcher-kva.example"],
		["https://user:word@evil.example", "evil.example"],
		["https://ｅxample.com/", "example.com"],
		["https://google.com/x", ""],
		["https://Google.com:443/x", ""],
		["http://google.com:8080", ""],
	]) {
		const found = links(address);
		assert.deepEqual(found.length ? found[0].host : host, host, address);
		if (found.length && host) assert.equal(new URL(found[0].href).host, host);
	}
});

test("only addresses of pages are links, and nothing of a text is lost", () => {
	for (const text of [
		"javascript:alert(1)",
		"ftp://a.example",
		"mailto:a@b.example",
		"//a.example",
		"https://",
		"a.example",
		"data://x",
	]) {
		assert.deepEqual(addresses(text), [], text);
	}
	for (const [text] of [...AROUND, ["a\nhttps://a.example\n\tb"], ["x https://a.example https://b.example y"]]) {
		assert.equal(
			findLinks(text)
				.map((piece) => piece.text ?? piece)
				.join(""),
			text,
		);
	}
});

test("the libraries are the ones that package-lock.json pins", async () => {
	for (const library of LIBRARIES) assert.equal(await readFile(targetOf(library), "utf8"), await moduleOf(library));
});
