import { describe, expect, it } from 'vitest';

import { Router, withoutBase } from '../../../src/view/state/router.svelte';
import { fakeWindow } from './fake-window';

describe('the address', () => {
  it('knows what lies below the base path, by whole names', () => {
    expect(withoutBase('/x', '/x/runs/1')).toBe('/runs/1');
    expect(withoutBase('/x', '/x')).toBe('/');
    expect(withoutBase('/x', '/xy')).toBeUndefined();
    expect(withoutBase('', '/runs/1')).toBe('/runs/1');
  });

  it('goes to a path below the base path and remembers the way back', () => {
    const host = fakeWindow('http://h/x/');
    const router = new Router('/x', host);
    router.navigate('/runs/r1?t=3');
    expect(router.url.href).toBe('http://h/x/runs/r1?t=3');
    expect(router.route).toEqual({ page: 'run', run: 'r1' });
    expect(host.entries).toEqual(['http://h/x/', 'http://h/x/runs/r1?t=3']);
    expect(host.scrolls).toBe(1);
  });

  it('takes the place of the entry while something is typed, and makes none for the same address', () => {
    const host = fakeWindow('http://h/');
    const router = new Router('', host);
    router.navigate('/?q=a', { replace: true });
    router.navigate('/?q=ab', { replace: true });
    router.navigate('/?q=ab');
    expect(host.entries).toEqual(['http://h/?q=ab']);
    expect(host.scrolls).toBe(0);
  });

  it('follows back and forward until it is stopped', () => {
    const host = fakeWindow('http://h/');
    const router = new Router('', host);
    const stop = router.start();
    router.navigate('/insights');
    host.back();
    expect(router.route.page).toBe('runs');
    stop();
    router.navigate('/workers');
    host.back();
    expect(router.route.page).toBe('workers');
  });
});
