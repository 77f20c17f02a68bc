package worker

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

// address is where a listening worker said that it can be invoked.
func (p *process) address() string {
	p.t.Helper()
	url := regexp.MustCompile(`http://\S+/invoke`).FindString(p.first)
	require.NotEmpty(p.t, url, p.first)
	return url
}

// TestInvokedByHand follows the instructions in deploy/README.md to the letter.
func TestInvokedByHand(t *testing.T) {
	for _, program := range []string{"sh", "openssl", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the instructions need %s, which is not here", program)
		}
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "README.md"))
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(readme), "<!-- This block is executed by a test of cmd/app/worker. -->\n```sh\n")
	require.True(t, ok)
	script, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)

	server, secret := redistest.Start(t), secretFile(t)
	p := start(t, server, "--listen", "127.0.0.1:0", "--secret-file", secret, "--name", "f1")
	e, _ := submitter(t, server, nil)
	r := submit(t, e, "squares", nil)
	invoke := func(secret string) (string, error) {
		cmd := exec.Command("sh", "-euc", script)
		cmd.Env = append(os.Environ(), "URL="+p.address(), "SECRET_FILE="+secret, "RUN="+string(r.ID()))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	time.Sleep(500 * time.Millisecond) // as long as a worker of a pool would need to find it, twice
	assert.Equal(t, 0, r.Progress().Done, "it works only when invoked")

	out, err := invoke(secret)
	require.NoError(t, err, out)
	assert.Regexp(t, `{"worker":"f1","start":"cold","waited":true,"tasks":[1-9][0-9]*}`, out)
	v, err := wait(t, r)
	require.NoError(t, err)
	assert.Equal(t, 285, v)

	out, err = invoke(secret)
	require.NoError(t, err, out)
	assert.Contains(t, out, `"start":"warm","waited":true,"tasks":0}`)
	wrong := filepath.Join(t.TempDir(), "wrong")
	require.NoError(t, os.WriteFile(wrong, []byte("another secret of enough characters"), 0o600))
	out, err = invoke(wrong)
	require.Error(t, err)
	assert.Contains(t, out, "expected a request that is signed by the secret")
	assert.Zero(t, p.stops())
}

// TestInvokedByReadyNodes: the submitter asks for workers, and they for more, until the run is over.
func TestInvokedByReadyNodes(t *testing.T) {
	server, secret := redistest.Start(t), secretFile(t)
	p := start(t, server, "--listen", "127.0.0.1:0", "--secret-file", secret, "--for", "10s")
	fan, err := Invoking{Invoke: p.address(), SecretFile: secret, InvokeMost: 8, InvokeSlots: 1}.Fan(nil)
	require.NoError(t, err)
	over := make(chan error)
	ctx, stop := context.WithCancel(t.Context())
	go func() { over <- fan.Run(ctx) }()
	e, _ := submitter(t, server, func(run record.RunID, readied map[string]int, n int) { fan.Readied(run, readied, n) })
	for range 3 {
		v, err := wait(t, submit(t, e, "squares", map[string]string{"n": "30", "ms": "20"}))
		require.NoError(t, err)
		assert.Equal(t, 8555, v)
	}
	require.Eventually(t, func() bool { return fan.Counts().UnderWay == 0 }, patience, 10*time.Millisecond)
	c := fan.Counts()
	assert.EqualValues(t, 1, c.Cold)
	assert.Zero(t, c.Failures)
	stop()
	require.NoError(t, <-over)
	assert.Zero(t, p.stops())
}

// TestListenerDrains: what is held is answered, once its work is done.
func TestListenerDrains(t *testing.T) {
	server, secret := redistest.Start(t), secretFile(t)
	p := start(t, server, "--listen", "127.0.0.1:0", "--secret-file", secret, "--slots", "1")
	fan, err := Invoking{Invoke: p.address(), SecretFile: secret, InvokeMost: 1, InvokeSlots: 1}.Fan(nil)
	require.NoError(t, err)
	over := make(chan error)
	ctx, stop := context.WithCancel(t.Context())
	go func() { over <- fan.Run(ctx) }()
	e, _ := submitter(t, server, nil)
	r := submit(t, e, "squares", map[string]string{"n": "10", "ms": "300"})
	fan.Readied(r.ID(), map[string]int{"square": 1}, 1)
	require.Eventually(t, func() bool { return r.Progress().Running >= 1 && r.Progress().Done >= 2 }, patience, 5*time.Millisecond)
	assert.Zero(t, p.stops())
	require.Eventually(t, func() bool { return fan.Counts().UnderWay == 0 }, patience, 5*time.Millisecond)
	assert.Zero(t, fan.Counts().Failures)
	assert.Zero(t, fan.Counts().Idle)
	stop()
	require.NoError(t, <-over)
	r.Cancel()
	assert.Error(t, r.Wait(t.Context()))
}
