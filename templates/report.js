// Unpacks the dashboard of a report. Without this script, or where the browser cannot, the page stays as it is: readable.
'use strict';

(async () => {
  async function unpacked(id) {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
  }
  const [styles, script] = [document.createElement('style'), document.createElement('script')];
  [styles.textContent, script.textContent] = await Promise.all([unpacked('styles'), unpacked('script')]);
  document.head.append(styles, script); // as the policy has their hashes, it allows them
})();
