// A server on a port of its own that keeps to the wire contract as far as the tests need it, and fails on demand.

import { createServer } from "node:http";
import { after } from "node:test";

import { ME } from "./browser.js";
import { Recordings } from "./recordings.js";

/** An id that sorts as the number does. */
export const idOf = (number) => `01${String(number).padStart(24, "0")}`;

/** A message from somebody to me. */
export function fromPartner(number, partnerId, fields = {}) {
	return message(number, { senderId: partnerId, receiverId: ME._id, ...fields });
}

/** A message from me to somebody. */
export function fromMe(number, partnerId, fields = {}) {
	return message(number, { senderId: ME._id, receiverId: partnerId, ...fields });
}

function message(number, fields) {
	const dateSent = new Date(Date.UTC(2026, 0, 1) + number * 60_000).toISOString();
	const rest = { dateSent, text: `message ${number}`, audioFileId: null, status: "delivered" };
	return { _id: idOf(number), ...rest, ...fields };
}

export class Server {
	/** All messages, ascending. */
	messages = [];
	/** The plain call returns messages from this one on, which is how the server's hot window looks. */
	hotFrom = "";
	conversations = [];
	/** What was asked: `GET /api/chat/…`. */
	calls = [];
	uploads = new Set();
	recordings = new Recordings();
	#replies = [];
	#made = 1_000;

	static async start() {
		const server = new Server();
		const http = createServer((request, response) => server.#handle(request, response));
		await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
		location.origin = `http://127.0.0.1:${http.address().port}`;
		after(() => {
			http.closeAllConnections();
			http.close();
		});
		return server;
	}

	/** Replies once to the next call that begins so in place of the usual: with a status, a `raw` body, or by `breakOff`. */
	next(call, reply) {
		this.#replies.push({ call, reply });
	}

	/**
	 * Keeps back the reply to the next call that begins so; it is made when the call comes. Returns how to let it go, and
	 * when it is made.
	 */
	hold(call) {
		const [held, release] = later();
		const [made, isMade] = later();
		this.next(call, { held, isMade });
		return { release, made };
	}

	async #handle(request, response) {
		const call = `${request.method} ${request.url}`;
		const body = await read(request);
		this.calls.push(call);
		const { held, isMade, raw, breakOff = false, ...planned } = this.#planned(call);
		const [status, answer, headers] = this.#respond(request, body, planned);
		if (breakOff) {
			response.destroy();
			return;
		}
		isMade?.();
		await held;
		response.writeHead(status, { "Content-Type": planned.type ?? "application/json", ...headers });
		response.end(raw ?? (status === 204 ? "" : JSON.stringify(answer)));
	}

	/** What was ordered in place of the usual reply. */
	#planned(call) {
		const at = this.#replies.findIndex((each) => call.startsWith(each.call));
		return at < 0 ? {} : this.#replies.splice(at, 1)[0].reply;
	}

	/** Returns a status, a body and headers. */
	#respond(request, body, { status, problem = {} }) {
		if (status) return [status, problem, {}];
		const url = new URL(request.url, location.origin);
		const travelled = this.recordings.reply(request, url.pathname, body);
		if (travelled) return [travelled[0], travelled[2] ?? {}, travelled[1]];
		return [...this.#reply(request, url, body.toString()), {}];
	}

	#reply({ method }, { pathname, searchParams }, body) {
		if (pathname === "/api/conversations") return [200, this.#listed(searchParams)];
		if (pathname === "/api/upload") return [201, { files: [{ audioFileUuid: this.#upload() }] }];
		if (pathname === "/api/chat" && method === "POST") return this.#accept(JSON.parse(body));
		if (pathname.endsWith("/read")) return [204, null];
		return [200, this.#history(pathname.split("/")[3], searchParams)];
	}

	#listed(parameters) {
		const before = parameters.get("before");
		const older = this.conversations.filter(({ lastMessage }) => !before || lastMessage._id < before);
		return older.slice(0, Number(parameters.get("limit")));
	}

	#upload() {
		const uuid = `upload-${this.calls.length}`;
		this.uploads.add(uuid);
		return uuid;
	}

	#accept({ receiverId, clientId, text = "", audioFileId = null }) {
		const isThere = this.uploads.has(audioFileId) || this.recordings.byId.get(audioFileId)?.length;
		if (audioFileId && !isThere) return [404, { detail: "There is no such upload." }];
		const known = this.messages.find((each) => each.clientId === clientId);
		if (known) return [202, known];
		this.#made += 1;
		const accepted = fromMe(this.#made, receiverId, { clientId, text, audioFileId, status: "accepted" });
		this.messages.push(accepted);
		return [202, accepted];
	}

	#history(partnerId, parameters) {
		const all = this.messages.filter(({ senderId, receiverId }) => [senderId, receiverId].includes(partnerId));
		const limit = Number(parameters.get("limit") ?? 200);
		const [before, following] = [parameters.get("before"), parameters.get("after")];
		if (following) return all.filter(({ _id }) => _id > following).slice(0, limit);
		if (before) return all.filter(({ _id }) => _id < before).slice(-limit);
		return all.filter(({ _id }) => _id >= this.hotFrom).slice(-limit);
	}
}

/** A promise, and what resolves it. */
function later() {
	let resolve;
	const promise = new Promise((resolvePromise) => {
		resolve = resolvePromise;
	});
	return [promise, resolve];
}

async function read(request) {
	const chunks = [];
	for await (const chunk of request) chunks.push(chunk);
	return Buffer.concat(chunks);
}
