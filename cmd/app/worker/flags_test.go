package worker

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOptionsReportMistakes(t *testing.T) {
	good := Options{Redis: Redis{URL: "redis://localhost"}, For: time.Minute, Lease: time.Minute, Invoking: Invoking{InvokeMost: 1, InvokeSlots: 1}}
	require.NoError(t, good.Validate())
	for _, c := range []struct {
		name  string
		spoil func(*Options)
		want  string
	}{
		{"no Redis", func(o *Options) { o.URL = "" }, "--redis is missing, expected the Redis with shared runs"},
		{"less than no slot", func(o *Options) { o.Slots = -1 }, "--slots is -1"},
		{"less than no child", func(o *Options) { o.Children = -1 }, "--children -1"},
		{"two ways to work", func(o *Options) { o.Listen, o.SecretFile, o.Children = ":0", "f", 1 }, "expected one of them"},
		{"listening to anybody", func(o *Options) { o.Listen = ":0" }, "--listen is given without --secret-file"},
		{"invoking without a secret", func(o *Options) { o.Invoke = "http://host/" }, "--invoke is given without --secret-file"},
		{"a lease that is no sooner taken than lost", func(o *Options) { o.Lease = time.Millisecond }, "--lease is 1ms, expected at least 1s"},
		{"hardly any time", func(o *Options) { o.For = time.Second }, "--for is 1s, expected at least 5s"},
		{"hardly any memory", func(o *Options) { o.Memory = 100 << 20 }, "--memory is 100 MiB, expected at least 128"},
		{"no request", func(o *Options) { o.InvokeMost = 0 }, "--invoke-most is 0"},
		{"no task a request", func(o *Options) { o.InvokeSlots = 0 }, "--invoke-slots 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := good
			c.spoil(&o)
			assert.ErrorContains(t, o.Validate(), c.want)
		})
	}
}

func TestOptionsLanes(t *testing.T) {
	width, slots := (&Options{}).lanes()
	assert.Equal(t, []int{0, 0}, []int{width, slots}, "what the pool takes by itself")
	width, slots = (&Options{Child: true}).lanes()
	assert.Equal(t, []int{1, 1}, []int{width, slots}, "so that the task is known")
	width, slots = (&Options{Slots: 10_000, Child: true}).lanes()
	assert.Less(t, width, 10_000)
	assert.Equal(t, 10_000, slots)
}

func TestOptionsName(t *testing.T) {
	assert.Equal(t, "w", (&Options{Name: "w"}).name())
	assert.Regexp(t, `^w:\d+$`, (&Options{Name: "w", Child: true}).name())
	assert.Regexp(t, `:\d+$`, (&Options{}).name())
}

func TestRedisHidesSecrets(t *testing.T) {
	for url, want := range map[string]string{
		"redis://localhost:6379":                            "redis://localhost:6379",
		"rediss://user:p%40ss@host/3":                       "rediss://host/3",
		"redis+sentinel://u:p@a,b/main?sentinel_password=x": "redis+sentinel://a,b/main",
		"unix:///run/redis.sock?db=2":                       "unix:///run/redis.sock",
		"user:pass@host":                                    "redis://host",
	} {
		assert.Equal(t, want, Redis{URL: url}.String())
	}
	assert.False(t, Redis{}.IsSet())
}

func TestRedisThatIsNotThere(t *testing.T) {
	_, err := Redis{URL: "redis://user:secret@127.0.0.1:1"}.Open(t.Context())
	var unreachable UnreachableError
	require.ErrorAs(t, err, &unreachable)
	assert.NotContains(t, err.Error(), "secret")
}

func TestInvoking(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	secret := write("secret", "correct horse battery staple\n")
	for _, c := range []struct {
		name string
		Invoking
		want string
	}{
		{"none", Invoking{}, ""},
		{"one", Invoking{Invoke: "https://host/invoke", SecretFile: secret}, ""},
		{"no file", Invoking{Invoke: "https://host/invoke", SecretFile: filepath.Join(dir, "none")}, "expected a file that can be read"},
		{"a short secret", Invoking{Invoke: "https://host/invoke", SecretFile: write("short", "secret")}, "expected one line of at least 16"},
		{"a secret of lines", Invoking{Invoke: "https://host/invoke", SecretFile: write("lines", "correct horse\nbattery staple\n")}, "expected one line"},
		{"no URL", Invoking{Invoke: "host", SecretFile: secret}, "expected one such as"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.InvokeMost, c.InvokeSlots = 64, 1
			fan, err := c.Fan(slog.New(slog.DiscardHandler))
			if c.want != "" {
				assert.ErrorContains(t, err, c.want)
				assert.ErrorAs(t, err, new(UsageError))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.Invoke != "", fan != nil)
		})
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"1": 1, "2KiB": 2 << 10, "500MiB": 500 << 20, "3 GiB": 3 << 30, "1TiB": 1 << 40, "1.5GiB": 3 << 29, "16kib": 16 << 10, "7b": 7} {
		var s Size
		require.NoError(t, s.UnmarshalText([]byte(text)))
		assert.Equal(t, want, s)
	}
	for _, text := range []string{"", "0", "-1", "1MB", "KiB", "9999999TiB", "1e3KiB", "infKiB", "."} {
		assert.Error(t, new(Size).UnmarshalText([]byte(text)), text)
	}
}
