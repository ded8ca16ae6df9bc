// The addresses of the page: `/`, `/login`, `/signup`, `/settings`, `/chat/<id>/<name>`, below the path of PUBLIC_URL.
// Without anything of a browser's window, since the service worker reads them too.

const { protocol, pathname: here } = new URL(import.meta.url);

/** The path of PUBLIC_URL, like `/chat-app`, as this module's own address has it; "" when the host is ours alone. */
export const BASE = protocol.startsWith("http") ? here.slice(0, here.lastIndexOf("/static/")) : "";

const PAGE = /^\/(?:login|signup|settings|chat\/.+)?$/;

/**
 * An address of ours without `BASE`.
 * @param {string} path
 */
export const withoutBase = (path) => (path.startsWith(`${BASE}/`) ? path.slice(BASE.length) : path);

/**
 * Whether the page is at this address of our server.
 * @param {string} path
 */
export const isPage = (path) => PAGE.test(withoutBase(path));

/**
 * The address of the conversation with somebody, or of a message in it that was found by these words.
 * @param {{ _id: string, username: string }} person
 * @param {{ at: string, query: string } | null} [hit]
 */
export function chatPath({ _id, username }, hit) {
	// Servers and proxies decode slashes, and take them for parts of a path.
	const path = `${BASE}/chat/${_id}/${encodeURIComponent(username.replace(/[/\\]/g, "-"))}`;
	return hit ? `${path}?at=${hit.at}&q=${encodeURIComponent(hit.query)}` : path;
}
