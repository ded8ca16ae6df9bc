// What a service worker finds in place of a window, with its type.

export const scope = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (globalThis));
