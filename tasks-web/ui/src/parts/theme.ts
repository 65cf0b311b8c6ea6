/** Light, dark, or what the system has. */

import { effect, signal } from "@preact/signals";
import { store, stored } from "./stored.ts";

const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const KEY = "tasks.theme";

export const theme = signal<Theme>(THEMES.find((one) => one === stored(KEY)) ?? "system");

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  store(KEY, theme.value);
});

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
}
