// Reads what the page shell holds, wires the service, the live stream and the page together, and mounts it.

import './tokens.css';
import './base.css';

import { mount } from 'svelte';

import { Api } from './api/client';
import { registerRoles } from './draw/palette';
import { browserDeps } from './live/browser-transport';
import { LiveClient } from './live/live-client';
import App from './view/App.svelte';
import { AppState } from './view/state/app.svelte';
import { readBootstrap } from './view/state/bootstrap';

// Before anything is drawn. Firefox cannot before 128: for it the build replaces light-dark() by what var() resolves.
if ('registerProperty' in CSS) registerRoles((role) => CSS.registerProperty(role));
const bootstrap = readBootstrap(document);
const base = location.origin + bootstrap.base_path + bootstrap.api;
const app = new AppState({
  api: new Api(base),
  live: new LiveClient(browserDeps(base)),
  bootstrap,
  host: window,
});
app.start();
// For tests from outside: they wait for idle() and read what pages add, and never sleep.
Object.defineProperty(window, 'dagscope', { value: app.hooks });
mount(App, { target: document.getElementById('app') ?? document.body, props: { app } });
