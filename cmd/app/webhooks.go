package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/web"
	"github.com/dagscope/dagscope/web/durations"
	"github.com/dagscope/dagscope/web/webhook"
)

// webhookFlags say where events of runs are posted.
type webhookFlags struct {
	Webhook       string   `placeholder:"URL" help:"Post events of runs to this address, signed with a secret: --webhook-secret-file or --webhook-secret-env. docs/webhooks.md describes them."`
	WebhookEvent  []string `placeholder:"EVENT" enum:"failed,slow,late" help:"Post only this event: failed, slow (unusually so, by earlier runs), or late (not ended after the longest time that is usual). Can be repeated; default all."`
	WebhookSecret string   `name:"webhook-secret-file" placeholder:"FILE" help:"The file with the secret that signs events: one word of at least 16 characters."`
	WebhookEnv    string   `name:"webhook-secret-env" placeholder:"NAME" help:"The environment variable with the secret that signs events."`
}

// check refuses invalid combinations.
func (f webhookFlags) check() error {
	if f.Webhook == "" {
		if len(f.WebhookEvent) > 0 || f.WebhookSecret != "" || f.WebhookEnv != "" {
			return errors.New("--webhook-event or a secret is given without --webhook, expected the address that events are posted to")
		}
		return nil
	}
	if at, err := url.Parse(f.Webhook); err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return fmt.Errorf("--webhook is %q, expected an address such as https://example.org/hook", f.Webhook)
	}
	if (f.WebhookSecret == "") == (f.WebhookEnv == "") {
		return errors.New("--webhook is given, expected one of --webhook-secret-file and --webhook-secret-env with it: receivers know by the signature that events are genuine")
	}
	return nil
}

// secret reads the secret.
func (f webhookFlags) secret() ([]byte, error) {
	if f.WebhookSecret != "" {
		secret, err := readTokenOf("--webhook-secret-file", f.WebhookSecret)
		return []byte(secret), err
	}
	secret := strings.TrimSpace(os.Getenv(f.WebhookEnv))
	if len(secret) < webhook.LeastSecret {
		return nil, usage("--webhook-secret-env: the variable %s has %d bytes, expected a secret of at least %d", f.WebhookEnv, len(secret), webhook.LeastSecret)
	}
	return []byte(secret), nil
}

// observe adds the parts to the machinery that notice what has happened to runs: histograms, and webhooks if there is an
// address for them.
func (c *serveCommand) observe(ctx context.Context, s *session, m *machinery, h *home, server *web.Server, url string) error {
	histograms, err := durations.New(durations.Config{Store: h.store, Log: h.log})
	if err != nil {
		return err
	}
	m.parts["histograms"] = histograms.Run
	if err := server.Register(histograms); err != nil || c.Webhook == "" {
		return err
	}
	secret, err := c.secret()
	if err != nil {
		return err
	}
	runs, err := server.Client()
	if err != nil {
		return err
	}
	var events []webhook.Event
	for _, e := range c.WebhookEvent {
		events = append(events, webhook.Event(e))
	}
	cfg := webhook.Config{
		Store: h.store, Runs: runs, URL: c.Webhook, Secret: secret, Events: events, Page: url, Log: c.logger(s, slog.LevelInfo),
		Outbox: folderOutbox{s.flags.Data},
	}
	if c.inRedis() {
		cfg.Outbox = redisOutbox{h.redis.Client, h.redis.Prefix + "webhooks"}
	}
	sender, err := webhook.New(ctx, cfg)
	if err != nil {
		return err
	}
	m.parts["webhooks"] = sender.Run
	return server.Register(sender)
}

// folderOutbox keeps the outbox of webhooks in the data folder.
type folderOutbox struct{ folder string }

func (o folderOutbox) path() string { return filepath.Join(o.folder, "webhooks.json") }

// Load implements webhook.Outbox.
func (o folderOutbox) Load(context.Context) ([]byte, error) {
	data, err := os.ReadFile(o.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Save implements webhook.Outbox.
func (o folderOutbox) Save(_ context.Context, data []byte) error {
	draft, err := os.CreateTemp(o.folder, "webhooks-*.new") // another service may write at the same time
	if err != nil {
		return err
	}
	_, err = draft.Write(data)
	err = errors.Join(err, draft.Sync(), draft.Close())
	if err == nil {
		err = os.Rename(draft.Name(), o.path())
	}
	if err != nil {
		return errors.Join(err, os.Remove(draft.Name()))
	}
	return nil
}

// redisOutbox keeps the outbox of webhooks in Redis.
type redisOutbox struct {
	client redis.UniversalClient
	key    string
}

// Load implements webhook.Outbox.
func (o redisOutbox) Load(ctx context.Context) ([]byte, error) {
	data, err := o.client.Get(ctx, o.key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return data, err
}

// Save implements webhook.Outbox.
func (o redisOutbox) Save(ctx context.Context, data []byte) error {
	return o.client.Set(ctx, o.key, data, 0).Err()
}
