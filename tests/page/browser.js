// What a browser gives the page and Node does not: imported before any module of the page. The page's own modules are the
// real ones, and so are fetch, IndexedDB (fake-indexeddb keeps to the standard) and the channel between tabs.

import "fake-indexeddb/auto";

class Storage {
	#values = new Map();

	getItem(name) {
		return this.#values.get(name) ?? null;
	}

	setItem(name, value) {
		this.#values.set(name, String(value));
	}

	removeItem(name) {
		this.#values.delete(name);
	}
}

/** XMLHttpRequest as far as the page uses it, over fetch. */
class Transfer {
	upload = { onprogress: () => {} };
	#headers = {};

	open(method, path) {
		this.method = method;
		this.path = path;
	}

	setRequestHeader(name, value) {
		this.#headers[name] = value;
	}

	getResponseHeader(name) {
		return this.answered.headers.get(name);
	}

	async send(body) {
		this.upload.onprogress({ loaded: 1, total: 2 });
		try {
			const address = new URL(this.path, location.origin);
			this.answered = await fetch(address, { method: this.method, headers: this.#headers, body });
			this.status = this.answered.status;
			this.response = await this.answered.json().catch(() => null); // as with `responseType` json
		} catch {
			this.onerror();
			return;
		}
		this.onload();
	}
}

/** One that does not keep the tests running. */
class Channel extends BroadcastChannel {
	constructor(name) {
		super(name);
		this.unref();
	}
}

const page = new EventTarget();
page.hidden = false;
page.hasFocus = () => true;

Object.assign(globalThis, {
	localStorage: new Storage(),
	sessionStorage: new Storage(),
	location: { origin: "http://127.0.0.1:9", pathname: "/", search: "", assign: () => {} },
	window: new EventTarget(),
	document: page,
	XMLHttpRequest: Transfer,
	BroadcastChannel: Channel,
});
globalThis.navigator ??= {};

export const ME = { _id: "me", email: "ada@example.org", username: "ada", bio: "" };
localStorage.setItem("chattergram.token", "token");
localStorage.setItem("chattergram.me", JSON.stringify(ME));
