// What a search found, as rows.

import { shortTime } from "../base/format.js";
import { chatPath } from "../base/router.js";
import { say } from "../base/sentences.js";
import { wordMatcher } from "../base/word-matching.js";
import { wordsOf } from "../base/words.js";
import { announce } from "../dom/announce.js";
import { h } from "../dom/elements.js";
import { withMarks } from "../dom/highlight.js";
import { icon } from "../dom/icons.js";
import { fetchPeople, search } from "../net/api.js";
import { me } from "../net/session.js";
import { findPartner } from "../state/conversations.js";
import { remember } from "../state/people.js";
import { personRow } from "./person-row.js";

/** @import { MessageHit, Person, SearchHit } from "../wire.js" */

const PEOPLE = 20;
const WORDS_BEFORE = 6; // words of a message shown before the first hit
const WORDS_SHOWN = 30;

/**
 * The elements to show for a query; without one, people to begin a conversation with.
 * @param {string} query
 * @param {Person | null} partner whose conversation alone is searched
 * @returns {Promise<HTMLElement[]>}
 */
export async function find(query, partner) {
	if (partner && !query) return [h("p.hint", say("search.withinHint", { name: partner.username }))];
	const named = partner ? [] : fetchPeople(query, PEOPLE);
	const hits = await (query ? search(query, partner?._id ?? null) : []);
	const people = peopleAmong(hits, await named).map(personHit);
	const messages = await messageRows(hits, query);
	return query ? foundRows(people, messages, query) : section(say("search.people"), people, say("search.nobodyElse"));
}

/**
 * @param {HTMLElement[]} people
 * @param {HTMLElement[]} messages
 * @param {string} query
 */
function foundRows(people, messages, query) {
	announce(say("search.found", { count: people.length + messages.length }));
	if (!people.length && !messages.length) return [h("p.hint", say("search.nothing", { query }))];
	return [...section(say("search.people"), people), ...section(say("search.messages"), messages)];
}

/**
 * Those found by any word of theirs, then those whose name begins so; each once, and not me.
 * @param {SearchHit[]} hits
 * @param {Person[]} named
 */
function peopleAmong(hits, named) {
	const found = hits.filter(({ type }) => type === "user").map(({ _id, text }) => ({ _id, username: text }));
	const people = new Map([...found, ...named].map((person) => [person._id, remember(person)]));
	people.delete(me()._id);
	return [...people.values()];
}

/** @param {Person} person */
const personHit = (person) => personRow(person, {}, person.bio && h("span.line", { dir: "auto" }, person.bio));

/**
 * @param {SearchHit[]} hits
 * @param {string} query
 */
async function messageRows(hits, query) {
	const rows = [];
	for (const hit of hits) {
		const partner = hit.type === "chat" ? await findPartner(hit.partnerId) : null;
		if (hit.type === "chat" && partner) rows.push(messageRow(hit, partner, query));
	}
	return rows;
}

/**
 * @param {MessageHit} hit
 * @param {Person} partner
 * @param {string} query
 */
function messageRow({ _id, text, dateSent, audioFileId }, partner, query) {
	return personRow(
		partner,
		{ href: chatPath(partner, { at: _id, query }) },
		h("time", { datetime: dateSent }, shortTime(dateSent)),
		snippet(text, query, Boolean(audioFileId)),
	);
}

/**
 * The words around the first hit.
 * @param {string} text
 * @param {string} query
 * @param {boolean} isSpoken
 */
function snippet(text, query, isSpoken) {
	const isHit = wordMatcher(query, text);
	const words = wordsOf(text);
	const first = Math.max(0, words.findIndex((word) => isHit(word.text)) - WORDS_BEFORE);
	const around = words.slice(first, first + WORDS_SHOWN).map((word) => (word.isJoined ? word.text : ` ${word.text}`));
	const shown = withMarks(around.join("").trim(), isHit);
	const spec = isSpoken ? "span.line.snippet.spoken" : "span.line.snippet";
	return h(spec, { dir: "auto" }, isSpoken && icon("mic"), first > 0 && "… ", shown);
}

/**
 * @param {string} title
 * @param {HTMLElement[]} rows
 * @param {string} [none] what to say when there are none
 */
function section(title, rows, none = "") {
	if (rows.length) return [h("section", h("h2", title), h("ul.people", rows))];
	return none ? [h("p.hint", none)] : [];
}
