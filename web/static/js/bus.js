// Events between modules that need not know each other.

const listeners = new Map();

/** Calls `listener` with every `emit(name, detail)`; answers how to stop that. */
export function on(name, listener) {
  if (!listeners.has(name)) listeners.set(name, new Set());
  listeners.get(name).add(listener);
  return () => listeners.get(name).delete(listener);
}

export function emit(name, detail) {
  for (const listener of [...(listeners.get(name) ?? [])]) listener(detail);
}

const channel = "BroadcastChannel" in window ? new BroadcastChannel("chattergram") : null;
channel?.addEventListener("message", ({ data }) => emit(`tabs:${data.name}`, data.detail));

/** Emits `tabs:name` in the other tabs of this browser. */
export function tellTabs(name, detail = null) {
  channel?.postMessage({ name, detail });
}
