// A report: the run page over what the file holds, without a service. The loader of web/report has unpacked this script.

import './tokens.css';
import './base.css';

import { mount } from 'svelte';

import { Api } from './api/client';
import { packedSend } from './api/packed-send';
import { registerRoles } from './draw/palette';
import { LiveClient } from './live/live-client';
import { packedDeps } from './live/packed-transport';
import { readReport } from './model/report-pack';
import ReportApp from './view/ReportApp.svelte';
import { fragmentAddress } from './view/state/address';
import { AppState } from './view/state/app.svelte';
import { heldBytes, unpacked } from './view/state/held-bytes';

/** No request leaves the page: the address only tells paths apart. */
const BASE = 'report:/api/v1';

async function show(): Promise<void> {
  if ('registerProperty' in CSS) registerRoles((role) => CSS.registerProperty(role));
  const pack = readReport(await unpacked(heldBytes(document, 'pack')));
  const { run, version, answers } = pack.head;
  const app = new AppState({
    api: new Api(BASE, '', packedSend(BASE, answers)),
    live: new LiveClient(packedDeps(BASE, pack)),
    bootstrap: { base_path: '', api: '/api/v1', version, token_required: false },
    host: window,
    address: fragmentAddress(window, `/runs/${encodeURIComponent(run)}`),
    report: { run, archive: () => new Blob([heldBytes(document, 'archive')]) },
  });
  app.start();
  Object.defineProperty(window, 'dagscope', { value: app.hooks });
  mount(ReportApp, { target: document.getElementById('app')!, props: { app, run } });
  document.documentElement.dataset['shown'] = ''; // the sheet now hides what stands in for the page
}

void show();
