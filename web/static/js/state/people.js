// The people this client has heard of, who of them is online, and who is typing.

import { emit } from "../base/events.js";
import { say } from "../base/sentences.js";
import { fetchPeople, fetchPerson } from "../net/api.js";

/** @import { Person, Presence, Typing } from "../wire.js" */

const TYPING = 6_000; // milliseconds that somebody counts as typing without another sign of it
/** What the server calls people who have deleted their account; nobody can have this name (chat/text/names.py). */
const DELETED = "Deleted account"; // eslint-disable-line no-restricted-syntax
const NAMESAKES = 50; // names that begin with a whole name; the one meant is among the first

/** @type {Map<string, Person>} */
const people = new Map();
/** @type {Map<string, ReturnType<typeof setTimeout>>} by the id of who types */
const typing = new Map();

/** @param {string} id */
export const person = (id) => people.get(id) ?? null;

/**
 * Adds what is told of somebody to what is known. Returns the one object there is for that person.
 * @param {Person} told
 */
export function remember(told) {
	const known = Object.assign(people.get(told._id) ?? {}, told);
	if (known.username === DELETED) known.username = say("person.deleted");
	people.set(known._id, known);
	return known;
}

/** @param {string} name */
function personNamed(name) {
	const wanted = name.toLowerCase();
	return [...people.values()].find(({ username }) => username.toLowerCase() === wanted) ?? null;
}

/**
 * Somebody by name, without regard to case; null when there is nobody called that.
 * @param {string} name
 */
export async function findPerson(name) {
	if (!personNamed(name)) (await fetchPeople(name, NAMESAKES)).forEach(remember);
	return personNamed(name);
}

/**
 * Somebody by id; null when there is no such person any more.
 * @param {string} id
 */
export async function findPersonById(id) {
	if (!person(id)) (await fetchPerson(id)).forEach(remember);
	return person(id);
}

/** @param {Presence} presence */
export function takePresence({ _id, online, lastSeen, username, bio }) {
	const known = people.get(_id);
	if (!known) return;
	Object.assign(known, { online, lastSeen });
	emit("presence", _id);
	if (!username) return;
	Object.assign(known, { username, bio });
	emit("renamed", _id);
	emit("conversations", null);
}

/** @param {string} id */
export const isTyping = (id) => typing.has(id);

/** @param {Typing} frame */
export function takeTyping({ senderId }) {
	clearTimeout(typing.get(senderId));
	typing.set(senderId, setTimeout(stopTyping, TYPING, senderId));
	emit("presence", senderId);
}

/** @param {string} id */
export function stopTyping(id) {
	clearTimeout(typing.get(id));
	if (typing.delete(id)) emit("presence", id);
}
