// Calls of the REST interface.

import { session, signedOut } from "./session.js";

const TIMEOUT_MS = 20_000;
const UPLOAD_TIMEOUT_MS = 300_000;

/** An answer that is no success; `status` 0 means that the server was not reached. */
export class ApiError extends Error {
  constructor(status, problem, retryAfter = null) {
    super(problem?.detail || problem?.title || "The server could not be reached.");
    this.status = status;
    this.fields = Object.fromEntries((problem?.errors ?? []).map(({ field, message }) => [field, message]));
    this.retryAfter = retryAfter;
  }

  /** Whether the same call may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status === 408 || this.status >= 500;
  }
}

async function request(method, path, { body, query, signal } = {}) {
  const url = new URL(`/api${path}`, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null) url.searchParams.set(name, value);
  }
  const headers = {};
  const token = session.token;
  if (token) headers["x-api-key"] = token;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const limits = [AbortSignal.timeout(TIMEOUT_MS), signal].filter(Boolean);
  let response;
  try {
    const content = body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(url, { method, headers, body: content, signal: AbortSignal.any(limits) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0);
  }
  if (!response.ok) throw await refusal(response, token);
  return response;
}

async function refusal(response, token) {
  const problem = await response.json().catch(() => null);
  if (response.status === 401 && token && token === session.token) signedOut("Please log in again.");
  return new ApiError(response.status, problem, Number(response.headers.get("Retry-After")) || null);
}

/** The JSON of an answer, null where there is none. */
async function call(method, path, options) {
  const response = await request(method, path, options);
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch {
    throw new ApiError(0);
  }
}

const part = encodeURIComponent;

export const api = {
  signUp: (body) => call("POST", "/signup", { body }),
  logIn: (body) => call("POST", "/login", { body }),
  logOut: () => call("POST", "/logout"),
  changeMe: (body) => call("PATCH", "/user/me", { body }),
  deleteMe: (password) => call("DELETE", "/user/me", { body: { password } }),
  people: (q, limit, offset, signal) => call("GET", "/user/list", { query: { q: q || null, limit, offset }, signal }),
  conversations: (limit, before) => call("GET", "/conversations", { query: { limit, before } }),
  send: (body) => call("POST", "/chat", { body }),
  history: (partnerId, query) => call("GET", `/chat/${part(partnerId)}`, { query }),
  read: (partnerId, upTo) => call("POST", `/chat/${part(partnerId)}/read`, { body: { upTo } }),
  edit: (id, text) => call("PATCH", `/chat/message/${part(id)}`, { body: { text } }),
  remove: (id) => call("DELETE", `/chat/message/${part(id)}`),
  transcribe: (id) => call("POST", `/chat/message/${part(id)}/transcribe`, { body: {} }),
  search: (q, offset, signal) => call("GET", "/search", { query: { q, limit: 20, offset }, signal }),
  audio: async (uuid) => (await request("GET", `/file/${part(uuid)}/content`)).blob(),
};

/** Uploads one recording; `onProgress` is told parts of 1. Answers its entry of `files`. */
export function upload(blob, name, onProgress) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("audio", blob, name);
    const transfer = new XMLHttpRequest();
    const token = session.token;
    transfer.open("POST", "/api/upload");
    transfer.setRequestHeader("x-api-key", token);
    transfer.timeout = UPLOAD_TIMEOUT_MS;
    transfer.upload.addEventListener("progress", ({ loaded, total }) => onProgress(total ? loaded / total : 0));
    for (const type of ["error", "timeout", "abort"]) transfer.addEventListener(type, () => reject(new ApiError(0)));
    transfer.addEventListener("load", () => {
      const answer = parsed(transfer.responseText);
      const retryAfter = Number(transfer.getResponseHeader("Retry-After")) || null;
      if (transfer.status === 401 && token === session.token) signedOut("Please log in again.");
      if (transfer.status === 201 && answer?.files?.length) resolve(answer.files[0]);
      else reject(new ApiError(transfer.status, answer, retryAfter));
    });
    transfer.send(form);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
