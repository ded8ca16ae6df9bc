// Light, dark, or as the system has it.

import { on, tellTabs } from "./bus.js";

const KEY = "chattergram.theme";
const BARS = { light: "#f4f0e7", dark: "#121715" };
const dark = matchMedia("(prefers-color-scheme: dark)");

export const theme = () => document.documentElement.dataset.theme ?? "system";

export function setTheme(value) {
  if (value === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, value);
  apply();
  tellTabs("theme");
}

function apply() {
  const chosen = localStorage.getItem(KEY);
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
  const shown = chosen ?? (dark.matches ? "dark" : "light");
  document.querySelector("meta[name=theme-color]").content = BARS[shown];
}

on("tabs:theme", apply);
dark.addEventListener("change", apply);
apply();
