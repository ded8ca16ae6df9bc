// One HTTP call to the server: with the token, within a time, and its failure as an ApiError.

import { acceptLanguage } from "../base/reading.js";
import { say } from "../base/sentences.js";
import { BASE } from "../base/addresses.js";
import { ApiError } from "./errors.js";
import { session, signOut } from "./session.js";

/** @import { Problem, UploadedFile } from "../wire.js" */

const TIMEOUT = 20_000; // milliseconds
export const TRANSFER_TIMEOUT = 300_000; // for recordings

/** @typedef {Record<string, string | number | null | undefined>} Query what is empty is left out */
/**
 * @typedef {object} Options
 * @property {object} [body] sent as JSON
 * @property {Blob} [bytes] sent as they are, in place of a body
 * @property {Record<string, string>} [headers] besides the usual ones
 * @property {Query} [query]
 * @property {number} [timeout] milliseconds
 */

/**
 * @param {string} method
 * @param {string} path below `/api`
 * @param {Options} [options]
 * @returns {Promise<Response>} a success
 * @throws {ApiError}
 */
export async function request(method, path, { body, bytes, headers, query = {}, timeout = TIMEOUT } = {}) {
	const { token } = session;
	const response = await fetch(addressOf(path, query), {
		method,
		headers: headersOf(token, { ...(body && { "Content-Type": "application/json" }), ...headers }),
		body: body ? JSON.stringify(body) : (bytes ?? null),
		signal: AbortSignal.timeout(timeout),
	}).catch(() => null);
	if (!response) throw new ApiError();
	if (response.ok) return response;
	throw failure(token, response.status, await problemOf(response), response.headers.get("Retry-After"));
}

/**
 * What the server says went wrong; null when somebody else responded, such as a proxy.
 * @param {Response} response
 * @returns {Promise<Problem | null>}
 */
async function problemOf(response) {
	const isJson = /^application\/(problem\+)?json\b/.test(response.headers.get("Content-Type") ?? "");
	return isJson ? response.json().catch(() => null) : null;
}

/**
 * @param {string} path
 * @param {Query} query
 */
function addressOf(path, query) {
	const address = new URL(`${BASE}/api${path}`, location.origin);
	for (const [name, value] of Object.entries(query)) if (value) address.searchParams.set(name, String(value));
	return address;
}

/**
 * @param {string | null} token
 * @param {Record<string, string>} own of this call
 */
function headersOf(token, own) {
	const headers = new Headers(own);
	const languages = acceptLanguage();
	if (languages) headers.set("Accept-Language", languages);
	if (token) headers.set("Authorization", `Bearer ${token}`);
	return headers;
}

/**
 * The error of a call that was made with this token; ends the session when the server no longer takes it.
 * @param {string | null} token
 * @param {number} status
 * @param {Problem | null} problem
 * @param {string | null} retryAfter
 */
function failure(token, status, problem, retryAfter) {
	if (status === 401 && token && token === session.token) signOut(say("account.logInAgain"));
	return new ApiError(status, problem, retryAfter);
}

/**
 * A file of the page's own.
 * @param {string} address
 * @throws {ApiError}
 */
export async function fetchFile(address) {
	const response = await fetch(address, { signal: AbortSignal.timeout(TRANSFER_TIMEOUT) }).catch(() => null);
	if (!response?.ok) throw new ApiError(response?.status);
	return response.blob();
}

/**
 * Uploads a recording. By XMLHttpRequest, since `fetch` does not tell how far an upload is.
 * @param {Blob} blob
 * @param {string} name
 * @param {(part: number) => void} onProgress is told how much is sent, 0 to 1
 * @returns {Promise<UploadedFile>}
 * @throws {ApiError}
 */
export function upload(blob, name, onProgress) {
	const { token } = session;
	const form = new FormData();
	form.append("audio", blob, name);
	const transfer = new XMLHttpRequest();
	transfer.open("POST", `${BASE}/api/upload`);
	transfer.setRequestHeader("Authorization", `Bearer ${token ?? ""}`);
	const languages = acceptLanguage();
	if (languages) transfer.setRequestHeader("Accept-Language", languages);
	transfer.timeout = TRANSFER_TIMEOUT;
	transfer.responseType = "json";
	transfer.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
	return new Promise((resolve, reject) => {
		transfer.onerror = () => reject(new ApiError());
		transfer.ontimeout = () => reject(new ApiError());
		transfer.onload = () => {
			const { status, response } = transfer;
			const isForeign = status < 300 && !response; // a page of somebody else's, as in `call`
			if (isForeign) reject(new ApiError());
			else if (status === 201) resolve(response.files[0]);
			else reject(failure(token, status, response, transfer.getResponseHeader("Retry-After")));
		};
		transfer.send(form);
	});
}
