// Events between modules that need not know each other.

const listeners = {};

/** Calls `listener` with every `emit(name, detail)`; answers how to stop that. */
export function on(name, listener) {
	(listeners[name] ??= new Set()).add(listener);
	return () => listeners[name].delete(listener);
}

export function emit(name, detail) {
	for (const listener of [...(listeners[name] ?? [])]) listener(detail);
}
