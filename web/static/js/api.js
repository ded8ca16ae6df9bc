// Calls of the REST interface.

import { session, signedOut } from "./session.js";

const TIMEOUT = 20_000; // milliseconds
const TRANSFER = 300_000;

/** An answer that is no success; `status` 0: there was none. */
export class ApiError extends Error {
	constructor(status = 0, problem, retryAfter) {
		super(problem?.detail ?? problem?.title ?? "The server could not be reached.");
		this.status = status;
		this.fields = problem?.errors ?? [];
		this.retryAfter = Number(retryAfter) || 0;
		this.passing = !status || status === 429 || status === 408 || status >= 500;
	}
}

function refused(token, status, problem, retryAfter) {
	if (status === 401 && token && token === session.token) signedOut("Please log in again.");
	return new ApiError(status, problem, retryAfter);
}

async function request(method, path, { body, query = {}, timeout = TIMEOUT } = {}) {
	const url = new URL(`/api${path}`, location.origin);
	for (const name in query) if (query[name]) url.searchParams.set(name, query[name]);
	const { token } = session;
	const headers = token ? { Authorization: `Bearer ${token}` } : {};
	if (body) headers["Content-Type"] = "application/json";
	const init = { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(timeout) };
	const response = await fetch(url, init).catch(() => null);
	if (!response) throw new ApiError();
	if (response.ok) return response;
	throw refused(token, response.status, await response.json().catch(() => null), response.headers.get("Retry-After"));
}

async function call(method, path, options) {
	const response = await request(method, path, options);
	return response.status === 204 ? null : response.json();
}

const get = (path, query) => call("GET", path, { query });
const post = (path, body) => call("POST", path, { body });

export const api = {
	signUp: (body) => post("/signup", body),
	logIn: (body) => post("/login", body),
	logOut: () => post("/logout"),
	me: () => get("/user/me"),
	changeMe: (body) => call("PATCH", "/user/me", { body }),
	deleteMe: (password) => call("DELETE", "/user/me", { body: { password } }),
	people: (q, limit) => get("/user/list", { q, limit }),
	conversations: (limit, before) => get("/conversations", { limit, before }),
	history: (partner, query) => get(`/chat/${partner}`, query),
	send: (body) => post("/chat", body),
	read: (partner, upTo) => post(`/chat/${partner}/read`, { upTo }),
	edit: (id, text) => call("PATCH", `/chat/message/${id}`, { body: { text } }),
	remove: (id) => call("DELETE", `/chat/message/${id}`),
	transcribe: (id) => post(`/chat/message/${id}/transcribe`, {}),
	search: (q) => get("/search", { q, limit: 30 }),
	audio: async (uuid) => (await request("GET", `/file/${uuid}/content`, { timeout: TRANSFER })).blob(),
};

/** `onProgress` is told parts of 1. Answers the recording's entry of `files`. */
export function upload(blob, name, onProgress) {
	return new Promise((resolve, reject) => {
		const form = new FormData();
		form.append("audio", blob, name);
		const { token } = session;
		const transfer = new XMLHttpRequest();
		transfer.open("POST", "/api/upload");
		transfer.setRequestHeader("Authorization", `Bearer ${token}`);
		transfer.timeout = TRANSFER;
		transfer.responseType = "json";
		transfer.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
		transfer.onerror = transfer.ontimeout = () => reject(new ApiError());
		transfer.onload = () => {
			const { status, response } = transfer;
			if (status === 201) resolve(response.files[0]);
			else reject(refused(token, status, response, transfer.getResponseHeader("Retry-After")));
		};
		transfer.send(form);
	});
}
