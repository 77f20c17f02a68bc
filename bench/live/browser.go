package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take for anything.
const patience = 2 * time.Minute

// errNoBrowser says why what is on screen cannot be measured here.
var errNoBrowser = errors.New("there is no Chromium on PATH")

//go:embed probe.js
var probe string

// chromium is a browser with a profile of its own, which goes when the browser does.
type chromium struct {
	ctx     context.Context
	stop    func()
	version string
}

func openBrowser(ctx context.Context) (*chromium, error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		return nil, errNoBrowser
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(ctx,
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.DisableGPU, chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-renderer-backgrounding", true), chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
	)
	inner, stopBrowser := chromedp.NewContext(allocator)
	b := &chromium{ctx: inner, stop: func() {
		timely, cancel := context.WithTimeout(inner, 10*time.Second)
		_ = chromedp.Cancel(timely) // whatever is left is killed below
		cancel()
		stopBrowser()
		stopAllocator()
	}}
	if err := chromedp.Do(inner); err != nil {
		b.stop()
		return nil, fmt.Errorf("%w that starts: %s: %w", errNoBrowser, path, err)
	}
	version, err := chromedp.CallBrowser(inner, browser.GetVersion, cdp.Empty{})
	b.version = version.Product
	return b, err
}

// tab is a page with cookies, storage and cache of its own. The probe is in every document that it loads.
type tab struct {
	ctx   context.Context
	close context.CancelFunc
}

func (b *chromium) tab() (*tab, error) {
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t := &tab{ctx: ctx, close: cancel}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1440, 900)); err != nil {
		cancel()
		return nil, err
	}
	_, err := call(t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: probe})
	if err == nil {
		inThread := performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks}
		_, err = call(t, performance.Enable, inThread)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return t, nil
}

// call sends a command of the browser's protocol.
func call[P, R any](t *tab, c cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Call(ctx, c, params)
}

// value evaluates an expression, or what it promises.
func value[T any](t *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		return v, fmt.Errorf("%s: %w", expression, err)
	}
	return v, nil
}

// open goes to an address and waits until the condition holds. It returns the ms since the navigation began.
func (t *tab) open(url, condition string) (float64, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		return 0, err
	}
	return t.until(condition)
}

// until waits until the condition holds, which the page asks every few ms.
func (t *tab) until(condition string) (float64, error) {
	return value[float64](t, `new Promise((resolve) => {
		const ask = () => { (`+condition+`) ? resolve(performance.now()) : setTimeout(ask, 2); };
		ask();
	})`)
}

// heap is how many bytes the page's objects and buffers take when nothing is left to be collected.
func (t *tab) heap() (float64, error) {
	for range 2 { // what finalizers release goes with the second
		if _, err := call(t, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			return 0, err
		}
	}
	u, err := call(t, runtime.GetHeapUsage, cdp.Empty{})
	return u.UsedSize + u.BackingStorageSize, err
}

// busy is how many ms of processor time the page's main thread has had so far, for scripts and rendering together.
func (t *tab) busy() (float64, error) {
	got, err := call(t, performance.GetMetrics, cdp.Empty{})
	for _, m := range got.Metrics {
		if m.Name == "TaskDuration" {
			return m.Value * 1000, err
		}
	}
	return 0, errors.Join(err, errors.New("the browser does not say how long its main thread worked"))
}
