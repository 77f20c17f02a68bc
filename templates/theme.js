// Light, dark, or as the system has it, as it was chosen in the dashboard or is chosen here. The dashboard keeps the choice
// under the same key: static/src/view/state/theme.svelte.ts.
'use strict';
(() => {
  const KEY = 'dagscope.theme';
  const choices = ['auto', 'light', 'dark'];
  const root = document.documentElement;
  let choice = 'auto';
  try {
    choice = choices.find((one) => one === localStorage.getItem(KEY)) ?? 'auto';
  } catch {
    // Storage can be forbidden; then the choice holds for this page.
  }
  const show = () => {
    if (choice === 'auto') delete root.dataset.theme;
    else root.dataset.theme = choice;
  };
  show();
  addEventListener('DOMContentLoaded', () => {
    const button = document.querySelector('[data-theme-switch]');
    if (button === null) return;
    const name = () => (button.textContent = `Theme: ${choice}`);
    button.hidden = false; // without script it could do nothing
    name();
    button.addEventListener('click', () => {
      choice = choices[(choices.indexOf(choice) + 1) % choices.length];
      try {
        localStorage.setItem(KEY, choice);
      } catch {
        // As above.
      }
      show();
      name();
    });
  });
})();
