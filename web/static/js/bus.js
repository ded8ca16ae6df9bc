// Events between modules that need not know each other.

const listeners = {};

/** Answers how to stop listening. */
export function on(name, listener) {
	(listeners[name] ??= new Set()).add(listener);
	return () => listeners[name].delete(listener);
}

export function emit(name, detail) {
	for (const listener of [...(listeners[name] ?? [])]) listener(detail);
}
