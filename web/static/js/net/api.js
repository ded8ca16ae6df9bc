// The calls of the REST interface that the page makes. Each throws an ApiError when it does not succeed.

import { ApiError } from "./errors.js";
import { request, TRANSFER_TIMEOUT } from "./http.js";

/** @import { Query, Options } from "./http.js" */
/** @import { ConversationSummary, Login, Message, Outgoing, Person, PushState, SearchHit, UnfinishedRecording, User } from "../wire.js" */

const SEARCH_LIMIT = 30;

/** Says that a call is of the tus protocol, and of which version. */
export const TUS = { "Tus-Resumable": "1.0.0" };

/**
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<any>} the body, null when there is none
 */
async function call(method, path, options) {
	const response = await request(method, path, options);
	if (response.status === 204) return null;
	return response.json().catch(() => {
		throw new ApiError(); // a page of somebody else's, such as the log-in to a network
	});
}

/**
 * @param {string} path
 * @param {Query} [query]
 */
const get = (path, query) => call("GET", path, { query });

/**
 * @param {string} path
 * @param {object} [body]
 */
const post = (path, body) => call("POST", path, { body });

/**
 * @param {string} path
 * @param {object} body
 */
const patch = (path, body) => call("PATCH", path, { body });

/** @type {(body: { email: string, username: string, password: string }) => Promise<Login>} */
export const signUp = (body) => post("/signup", body);

/** @type {(body: { email: string, password: string }) => Promise<Login>} */
export const logIn = (body) => post("/login", body);

/** @type {() => Promise<void>} */
export const logOut = () => post("/logout");

/** @type {() => Promise<User>} */
export const fetchMe = () => get("/user/me");

/** @type {(changes: { username?: string, bio?: string, password?: string, currentPassword?: string }) => Promise<User>} */
export const changeMe = (changes) => patch("/user/me", changes);

/** @type {(password: string) => Promise<void>} */
export const deleteMe = (password) => call("DELETE", "/user/me", { body: { password } });

/** @type {(prefix: string, limit: number) => Promise<Person[]>} */
export const fetchPeople = (prefix, limit) => get("/user/list", { q: prefix, limit });

/** @type {(id: string) => Promise<Person[]>} one, or none when there is no such person */
export const fetchPerson = (id) => get("/user/list", { id });

/** @type {(limit: number, before: string | null) => Promise<ConversationSummary[]>} newest first */
export const fetchConversations = (limit, before) => get("/conversations", { limit, before });

/** @type {(partnerId: string, page?: { before?: string, after?: string, limit?: number }) => Promise<Message[]>} ascending */
export const fetchHistory = (partnerId, page) => get(`/chat/${partnerId}`, page);

/** @type {(message: Outgoing) => Promise<Message>} the same `clientId` again gives the same message */
export const postMessage = (message) => post("/chat", message);

/** @type {(partnerId: string, upTo: string) => Promise<void>} */
export const markRead = (partnerId, upTo) => post(`/chat/${partnerId}/read`, { upTo });

/** @type {(id: string, text: string) => Promise<Message>} */
export const editMessage = (id, text) => patch(`/chat/message/${id}`, { text });

/** @type {(id: string) => Promise<void>} */
export const deleteMessage = (id) => call("DELETE", `/chat/message/${id}`);

/** @type {(id: string, how: { language?: string, overwrite: boolean }) => Promise<void>} */
export const transcribe = (id, how) => post(`/chat/message/${id}/transcribe`, how);

/** @type {(words: string, partnerId: string | null) => Promise<SearchHit[]>} with a partner, only what the two said */
export const search = (words, partnerId) => get("/search", { q: words, limit: SEARCH_LIMIT, partnerId });

/** @type {(partnerId: string) => Promise<{ muted: boolean }>} */
export const fetchMuted = (partnerId) => get(`/chat/${partnerId}/mute`);

/** @type {(partnerId: string) => Promise<void>} */
export const mute = (partnerId) => call("PUT", `/chat/${partnerId}/mute`);

/** @type {(partnerId: string) => Promise<void>} */
export const unmute = (partnerId) => call("DELETE", `/chat/${partnerId}/mute`);

/** @type {() => Promise<PushState>} */
export const fetchPush = () => get("/push");

/** @type {(subscription: PushSubscriptionJSON) => Promise<void>} */
export const subscribeToPush = (subscription) => call("PUT", "/push", { body: subscription });

/** @type {(showsText: boolean) => Promise<void>} */
export const changePush = (showsText) => patch("/push", { showsText });

/** @type {() => Promise<void>} */
export const unsubscribeFromPush = () => call("DELETE", "/push");

/** @type {() => Promise<UnfinishedRecording[]>} those I am making, on whichever device, and have not sent */
export const fetchUnfinished = () => get("/recordings");

/** @type {(id: string) => Promise<void>} */
export const discardUnfinished = (id) => call("DELETE", `/recordings/${id}`, { headers: TUS });

/** @type {(uuid: string) => Promise<Blob>} */
export async function fetchRecording(uuid) {
	const response = await request("GET", `/file/${uuid}/content`, { timeout: TRANSFER_TIMEOUT });
	return response.blob();
}
