package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// chrome is the browser of all tests. The first test that opens a tab starts it.
var chrome browser

type browser struct {
	once    sync.Once
	ctx     context.Context
	stop    context.CancelFunc
	problem string // why there is none
}

// browserNames are the commands that are tried, in this order.
var browserNames = []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"}

// open starts the browser with a profile of its own, which goes when the browser does.
func (b *browser) open() {
	path := ""
	for _, name := range browserNames {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		b.problem = "there is no Chromium on PATH"
		return
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-renderer-backgrounding", true), chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
	)
	ctx, stopBrowser := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		b.problem = fmt.Sprintf("%s does not start: %v", path, err)
		stopBrowser()
		stopAllocator()
		return
	}
	b.ctx = ctx
	b.stop = func() {
		timely, cancel := context.WithTimeout(ctx, patience)
		_ = chromedp.Cancel(timely) // whatever is left is killed below
		cancel()
		stopBrowser()
		stopAllocator()
	}
}

func (b *browser) close() {
	if b.stop != nil {
		b.stop()
	}
}

// tab is one page of the browser, with cookies and storage of its own. Any complaint on its console, such as a broken rule
// of its security policy, fails the test.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	accepted   []string // what complaints may contain
}

// newTab opens a tab of 1,440 by 900 pixels.
func newTab(t *testing.T) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	chrome.once.Do(chrome.open)
	if chrome.problem != "" {
		if requireBrowser() {
			require.Fail(t, chrome.problem)
		}
		t.Skip(chrome.problem)
	}
	ctx, cancel := chromedp.NewContext(chrome.ctx, chromedp.WithNewBrowserContext())
	b := &tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, complaint := range b.complaints {
			t.Errorf("the page complains: %s", complaint)
		}
	})
	require.NoError(t, chromedp.Listen(ctx, b.hear))
	b.do(chromedp.EmulateViewport(1440, 900))
	return b
}

// hear notes what is written to the console.
func (b *tab) hear(event any) {
	complaint := ""
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			for _, arg := range e.Args {
				complaint += " " + string(arg.Value) + arg.Description
			}
		}
	case *runtime.EventExceptionThrown:
		complaint = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			complaint += " " + e.ExceptionDetails.Exception.Description
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			complaint = fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if complaint != "" && !slices.ContainsFunc(b.accepted, func(part string) bool { return strings.Contains(complaint, part) }) {
		b.complaints = append(b.complaints, complaint)
	}
}

// accept allows messages on the console that contain a text, where the test makes something fail.
func (b *tab) accept(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accepted = append(b.accepted, part)
}

// do performs actions, which have to succeed in time.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, actions...))
}

// command sends a command of the browser's protocol.
func command[P, R any](b *tab, c cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := tryCommand(b, c, params)
	require.NoError(b.t, err)
	return result
}

// tryCommand is command where the page may just be leaving.
func tryCommand[P, R any](b *tab, c cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Call(ctx, c, params)
}

// value evaluates an expression, or what it promises.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, expression)
	return v
}

// open goes to an address and waits until the page has all it asked for.
func (b *tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
	b.idle()
}

// idle waits until the page has nothing left to load and to draw.
func (b *tab) idle() {
	b.t.Helper()
	b.until("the page has loaded and drawn all", "window.dagscope?.idle() === true")
}

// until waits until a condition holds, which is asked for with every frame that the page draws, or the one that takes its
// place.
func (b *tab) until(what, condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience/2)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`new Promise((resolve, reject) => {
			const ask = () => { try { (`+condition+`) ? resolve(true) : requestAnimationFrame(ask); } catch (e) { reject(e); } };
			ask();
		})`, chromedp.EvalAwaitPromise))
		var thrown *chromedp.ExceptionError
		if err == nil {
			return
		}
		if ctx.Err() != nil || errors.As(err, &thrown) {
			require.NoError(b.t, err, "%s: %s\n%s", what, condition, b.seen())
		}
	}
}

// frame waits until the page has drawn once more, or another one takes its place.
func (b *tab) frame() {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, _ = chromedp.Run(ctx, chromedp.Evaluate[bool]("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => r(true))))", chromedp.EvalAwaitPromise))
}

// seen is the text of the page, for messages.
func (b *tab) seen() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return text
}

// control is an element by its role and its name, as those who do not see the page know it.
type control struct {
	tab        *tab
	role, name string
	node       cdp.BackendNodeID
	properties map[string]string
}

// all finds what has a role and a name just now; nothing, while one page takes the place of another. An empty name is any.
func (b *tab) all(role, name string) []control {
	document, err := tryCommand(b, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.documentElement"})
	if err != nil || document.Result == nil {
		return nil
	}
	found, err := tryCommand(b, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{
		ObjectID: document.Result.ObjectID, Role: role, AccessibleName: name,
	})
	if err != nil {
		return nil
	}
	var out []control
	for _, n := range found.Nodes {
		if n.Ignored || n.BackendDOMNodeID == 0 {
			continue
		}
		c := control{tab: b, role: role, name: text(n.Name), node: n.BackendDOMNodeID, properties: map[string]string{}}
		for _, p := range n.Properties {
			c.properties[string(p.Name)] = text(p.Value)
		}
		out = append(out, c)
	}
	return out
}

// text is a value of the tree of roles.
func text(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var s string
	if json.Unmarshal(v.Value, &s) == nil {
		return s
	}
	return string(v.Value)
}

// find waits until there is one element with a role and a name. A name that ends with "…" is the beginning of one.
func (b *tab) find(role, name string) control {
	b.t.Helper()
	var found []control
	for end := time.Now().Add(patience / 2); time.Now().Before(end); b.frame() {
		if beginning, ok := strings.CutSuffix(name, "…"); ok {
			found = slices.DeleteFunc(b.all(role, ""), func(c control) bool { return !strings.HasPrefix(c.name, beginning) })
		} else {
			found = b.all(role, name)
		}
		if len(found) == 1 {
			return found[0]
		}
	}
	require.Len(b.t, found, 1, "%s %q in:\n%s", role, name, b.seen())
	return control{}
}

// gone waits until there is no such element.
func (b *tab) gone(role, name string) {
	b.t.Helper()
	for end := time.Now().Add(patience / 2); len(b.all(role, name)) > 0; b.frame() {
		require.True(b.t, time.Now().Before(end), "%s %q stays:\n%s", role, name, b.seen())
	}
}

// click clicks in the middle of the element, as a mouse does.
func (c control) click() {
	c.tab.t.Helper()
	command(c.tab, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: c.node})
	quads := command(c.tab, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: c.node}).Quads
	require.NotEmpty(c.tab.t, quads, "%s %q is not to be seen", c.role, c.name)
	q := quads[0]
	c.tab.do(chromedp.MouseClickXY((q[0]+q[4])/2, (q[1]+q[5])/2))
}

// fill types a text in place of what a field holds, or chooses an option of a list.
func (c control) fill(content string) {
	c.tab.t.Helper()
	if c.call("function() { return this.localName; }") == "select" {
		c.call(`function(v) {
			const option = [...this.options].find((o) => o.value === v || o.label === v);
			if (!option) throw new Error('no option ' + v);
			this.value = option.value;
			this.dispatchEvent(new Event('input', { bubbles: true }));
			this.dispatchEvent(new Event('change', { bubbles: true }));
			return this.value;
		}`, content)
		return
	}
	command(c.tab, dom.Focus, dom.FocusParams{BackendNodeID: c.node})
	c.call("function() { this.select(); return ''; }")
	command(c.tab, input.InsertText, input.InsertTextParams{Text: content})
	c.call("function() { this.dispatchEvent(new Event('change', { bubbles: true })); return ''; }")
}

// attach chooses a file in a field for files.
func (c control) attach(path string) {
	c.tab.t.Helper()
	command(c.tab, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{path}, BackendNodeID: c.node})
}

// text is what is written in the element.
func (c control) text() string {
	c.tab.t.Helper()
	return c.call("function() { return this.innerText; }")
}

// attribute is one of the element's attributes.
func (c control) attribute(name string) string {
	c.tab.t.Helper()
	return c.call("function(n) { return this.getAttribute(n) ?? ''; }", name)
}

// call calls a function on the element that gives a text.
func (c control) call(function string, args ...string) string {
	c.tab.t.Helper()
	object := command(c.tab, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: c.node}).Object
	params := runtime.CallFunctionOnParams{FunctionDeclaration: function, ObjectID: object.ObjectID, ReturnByValue: new(true)}
	for _, a := range args {
		raw, err := json.Marshal(a)
		require.NoError(c.tab.t, err)
		params.Arguments = append(params.Arguments, &runtime.CallArgument{Value: raw})
	}
	result := command(c.tab, runtime.CallFunctionOn, params)
	require.Nil(c.tab.t, result.ExceptionDetails, "%s %q: %+v", c.role, c.name, result.ExceptionDetails)
	var text string
	require.NoError(c.tab.t, json.Unmarshal(result.Result.Value, &text))
	return text
}
