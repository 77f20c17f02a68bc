// Runs in a page before its own scripts, as window.probe. It wraps requestAnimationFrame, which is where the dashboard
// paints, to time what a frame costs the main thread, and to note when a change of a task is on screen for the first time.
// The time is that of the animation frame after the one that painted: the page has handed its picture over before that.
(() => {
  const native = window.requestAnimationFrame.bind(window);
  const frames = () => window.dagscope?.frames?.() ?? 0;
  const rank = { pending: 0, ready: 1, retrying: 1, fetching: 2, running: 3, storing: 4 };
  const OVER = 5;
  const probe = {
    asked: 0, // animation frames that the page asked for
    own: 0, // ms that the probe itself took
    paints: [], // ms of each frame that painted
    changes: [], // [node, rank, ms since 1970] of each change, at its first frame
    ended: [], // [tasks, ms since 1970] of each change of the figure in words
    watching: false,
  };
  let shown = new Map();
  let words = -1;

  const inWords = () => {
    for (const label of document.querySelectorAll('.figure > .label'))
      if (label.textContent === 'Tasks ended') {
        const value = label.nextElementSibling.textContent; // "12of 34"
        return Number(value.slice(0, value.indexOf('of')).replace(/\D/g, ''));
      }
    return -1;
  };

  const look = () => {
    const states = window.dagscope.statesByNode(window.dagscope.atNs());
    const news = [];
    for (const node in states) {
      const now = rank[states[node]] ?? OVER;
      if (now > (shown.get(node) ?? -1)) {
        shown.set(node, now);
        news.push([Number(node), now]);
      }
    }
    const tasks = inWords();
    const moved = tasks !== words;
    words = tasks;
    if (news.length === 0 && !moved) return;
    native(() => {
      const at = Date.now();
      for (const one of news) probe.changes.push([...one, at]);
      if (moved) probe.ended.push([tasks, at]);
    });
  };

  window.requestAnimationFrame = (callback) => {
    probe.asked++;
    return native((now) => {
      const before = frames();
      const began = performance.now();
      callback(now);
      const over = performance.now();
      if (frames() === before) return;
      probe.paints.push(over - began);
      if (!probe.watching) return;
      look();
      probe.own += performance.now() - over;
    });
  };

  // From now on every change is noted; what is shown already is not news.
  probe.watch = () => {
    shown = new Map();
    for (const [node, state] of Object.entries(window.dagscope.statesByNode(window.dagscope.atNs())))
      shown.set(node, rank[state] ?? OVER);
    probe.paints = [];
    probe.own = 0;
    probe.watching = true;
    return Date.now();
  };

  // Hands out what was noted, and keeps none of it.
  probe.take = () => {
    const { own, paints, changes, ended } = probe;
    probe.watching = false;
    probe.paints = [];
    probe.changes = [];
    probe.ended = [];
    shown = new Map();
    return { own, paints, changes, ended };
  };

  // A task of the main thread that follows the rendering of the frame in whose callback it is asked for.
  const rendered = () =>
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close(); // an open one is never collected
        resolve();
      };
      port2.postMessage(0);
    });

  // Moves the playhead to and fro over the run, a step a frame, as a drag does. A step costs what it takes until all that
  // depends on the moment is made again, and from the beginning of its frame until that is rendered.
  probe.scrub = async (steps) => {
    const end = window.dagscope.endNs();
    const costs = [];
    const apart = [];
    let last = NaN;
    for (let i = 0; i < steps; i++) {
      const part = (i / steps) * 4;
      const frame = new Promise(native);
      const began = performance.now();
      window.dagscope.seek(end * Math.abs(1 - (part % 2)));
      await null; // what Svelte put off is done before this continues
      const made = performance.now() - began;
      await frame;
      const start = performance.now();
      if (!Number.isNaN(last)) apart.push(start - last);
      last = start;
      await rendered();
      costs.push(made + performance.now() - start);
    }
    return { costs, apart };
  };

  // Animation frames a second, for so many ms or while it holds; each is called in every frame.
  probe.rate = (ms, goesOn = () => true, each = () => undefined) =>
    new Promise((resolve) => {
      const began = performance.now();
      let count = 0;
      const frame = () => {
        const took = performance.now() - began;
        if (took >= ms || !goesOn()) return resolve((count * 1000) / took);
        count++;
        each(count);
        native(frame);
      };
      native(frame);
    });

  // Zooms into the left of the graph by turns of the wheel, then moves it to and fro, and returns the frames a second.
  probe.pan = async (zooms, ms) => {
    const graph = document.querySelector('.graph[role="img"]');
    const box = graph.getBoundingClientRect();
    const place = { clientX: box.left + box.width * 0.05, clientY: box.top + box.height / 2, bubbles: true, cancelable: true };
    const turn = (change) => graph.dispatchEvent(new WheelEvent('wheel', { ...place, ...change }));
    for (let i = 0; i < zooms; i++) {
      turn({ deltaY: -120 });
      await new Promise(native);
    }
    return probe.rate(ms, undefined, (frame) => turn({ deltaX: frame % 40 < 20 ? 6 : -6 }));
  };

  // How long the main thread was busy at a stretch, of what was longer than the 50 ms that browsers report.
  const stretches = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) stretches.push(one.duration);
  }).observe({ type: 'longtask', buffered: true });
  probe.longest = () => Math.max(0, ...stretches);

  window.probe = probe;
})();
