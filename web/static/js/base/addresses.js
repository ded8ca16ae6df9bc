// The addresses of the page: `/`, `/login`, `/signup`, `/settings`, `/chat/<name>`. Without anything of a browser's
// window, since the service worker reads them too.

const PAGE = /^\/(?:login|signup|settings|chat\/.+)?$/;

/**
 * Whether the page is at this address of our server.
 * @param {string} path
 */
export const isPage = (path) => PAGE.test(path);

/**
 * The address of the conversation with somebody, or of a message in it that was found by these words.
 * @param {{ username: string }} person
 * @param {{ at: string, query: string } | null} [hit]
 */
export function chatPath({ username }, hit) {
	const path = `/chat/${encodeURIComponent(username)}`;
	return hit ? `${path}?at=${hit.at}&q=${encodeURIComponent(hit.query)}` : path;
}
