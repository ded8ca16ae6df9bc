// Light, dark, or as the system has it.

import { on, tellTabs } from "./bus.js";

const KEY = "chattergram.theme";
const { dataset } = document.documentElement;

export const theme = () => dataset.theme ?? "system";

export function setTheme(value) {
	if (value === "system") localStorage.removeItem(KEY);
	else localStorage[KEY] = value;
	apply();
	tellTabs("theme");
}

function apply() {
	const chosen = localStorage[KEY];
	if (chosen) dataset.theme = chosen;
	else delete dataset.theme;
}

on("tabs:theme", apply);
