// Search over people and messages.

import { api } from "./api.js";
import { chatPath, personRow } from "./conversations.js";
import { announce, fill, h, icon, marked } from "./dom.js";
import { shortTime } from "./format.js";
import { session } from "./session.js";
import * as store from "./store.js";
import { matcher } from "./transcript.js";

const PAUSE = 200;
const BEFORE = 6; // words shown before the first hit

export function search({ search: box, input, close, begin, results, list }) {
	let timer;
	let turn = 0;

	function show(open) {
		results.hidden = close.hidden = !open;
		list.hidden = open;
	}

	function end() {
		clearTimeout(timer);
		turn += 1;
		input.value = "";
		input.blur();
		show(false);
	}

	function later() {
		clearTimeout(timer);
		timer = setTimeout(run, PAUSE);
	}

	async function run() {
		show(true);
		const mine = (turn += 1);
		const found = await find(input.value.trim()).catch(({ message }) => [h("p.hint", message)]);
		if (mine === turn) fill(results, ...found);
	}

	input.onfocus = () => results.hidden && run();
	input.oninput = later;
	close.onclick = end;
	begin.onclick = () => input.focus();
	box.onkeydown = results.onkeydown = (event) => {
		if (event.key === "Escape") end();
		else if (event.key === "Enter" && event.target === input) results.querySelector("a")?.click();
	};
	results.onclick = ({ target }) => target.closest("a:not([href*='?'])") && end();
	/** Answers whether it can be seen. */
	return () => {
		input.focus();
		input.select();
		return input.checkVisibility();
	};
}

async function find(query) {
	const [named, hits] = await Promise.all([api.people(query, 20), query ? api.search(query) : []]);
	const found = hits.filter(({ type }) => type === "user").map(({ _id, text }) => ({ _id, username: text }));
	const people = new Map([...found, ...named].map((each) => [each._id, store.remember(each)]));
	people.delete(session.me._id);
	const rows = [...people.values()].map((each) => personRow(each, {}, each.bio && h("span.line", { dir: "auto" }, each.bio)));
	const messages = [];
	for (const hit of hits.filter(({ type }) => type === "chat")) {
		const partner = await store.findPartner(hit.partnerId);
		if (partner) messages.push(messageRow(hit, partner, query));
	}
	if (query) announce(`${rows.length + messages.length} found`);
	if (!rows.length && !messages.length) return [h("p.hint", query ? `Nothing found for “${query}”.` : "Nobody else is here yet.")];
	return [section("People", rows), section("Messages", messages)];
}

const section = (title, rows) => rows.length > 0 && h("section", h("h2", title), h("ul.people", rows));

function messageRow({ _id, text, dateSent, audioFileId }, partner, query) {
	const hit = matcher(query, text);
	const words = text.split(/\s+/);
	const first = Math.max(0, words.findIndex(hit) - BEFORE);
	const shown = marked(words.slice(first, first + 30).join(" "), hit);
	return personRow(
		partner,
		{ href: `${chatPath(partner)}?at=${_id}&q=${encodeURIComponent(query)}` },
		h("time", { datetime: dateSent }, shortTime(dateSent)),
		h(`span.line.snippet${audioFileId ? ".spoken" : ""}`, { dir: "auto" }, audioFileId && icon("mic"), first > 0 && "… ", shown),
	);
}
