// The addresses of the page: `/`, `/login`, `/signup`, `/settings`, `/chat/<id>/<name>`. Without anything of a browser's
// window, since the service worker reads them too.

const PAGE = /^\/(?:login|signup|settings|chat\/.+)?$/;

/**
 * Whether the page is at this address of our server.
 * @param {string} path
 */
export const isPage = (path) => PAGE.test(path);

/**
 * The address of the conversation with somebody, or of a message in it that was found by these words.
 * @param {{ _id: string, username: string }} person
 * @param {{ at: string, query: string } | null} [hit]
 */
export function chatPath({ _id, username }, hit) {
	// Servers and proxies decode slashes, and take them for parts of a path.
	const path = `/chat/${_id}/${encodeURIComponent(username.replace(/[/\\]/g, "-"))}`;
	return hit ? `${path}?at=${hit.at}&q=${encodeURIComponent(hit.query)}` : path;
}
