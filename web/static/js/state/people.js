// The people this client has heard of, who of them is online, and who is typing.

import { emit } from "../base/events.js";
import { say } from "../base/sentences.js";
import { fetchPeople, fetchPerson } from "../net/api.js";

/** @import { Key } from "../base/sentences.js" */
/** @import { Person, Presence, Typing } from "../wire.js" */

const TYPING = 6_000; // milliseconds that somebody counts as typing without another sign of it
/** What the server calls people who have deleted their account; nobody can have this name (chat/text/names.py). */
const DELETED = "Deleted account"; // eslint-disable-line no-restricted-syntax
const NAMESAKES = 50; // names that begin with a whole name; the one meant is among the first

/** @type {Map<string, Person>} */
const people = new Map();
/** @type {Map<string, { timer: ReturnType<typeof setTimeout>, isRecording: boolean }>} by the id of who types or records */
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

/** What somebody is seen to do just now, null when that is nothing. @type {(id: string) => Key | null} */
export function activityOf(id) {
	const active = typing.get(id);
	if (!active) return null;
	return active.isRecording ? "person.recording" : "person.typing";
}

/** @param {Typing} frame */
export function takeTyping({ senderId, recording = false }) {
	clearTimeout(typing.get(senderId)?.timer);
	typing.set(senderId, { timer: setTimeout(stopTyping, TYPING, senderId), isRecording: recording });
	emit("presence", senderId);
}

/** @param {string} id */
export function stopTyping(id) {
	clearTimeout(typing.get(id)?.timer);
	if (typing.delete(id)) emit("presence", id);
}
