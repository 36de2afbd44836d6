package fapilog

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

const (
	userCanary     = "canary-user-7141"
	passwordCanary = "canary/pass word-7142"
	tokenCanary    = "canary-token-7143"
)

// leaky is the settings of a sink whose every error has its secrets in it.
type leaky struct {
	token sink.Secret
	text  string
	then  sink.Verdict
	shut  bool // it does not open
}

func (l *leaky) Flags(fs *flag.FlagSet) { fs.Var(&l.token, "token", "a secret") }

func (l *leaky) SetURL(u *url.URL) error {
	l.text = u.String()
	password, _ := u.User.Password()
	l.shut = u.Host == "shut"
	l.text += " " + password + " " + u.User.Username()
	l.then = map[string]sink.Verdict{"rejected": sink.Rejected, "park": sink.Park, "gone": sink.Gone}[u.Host]
	return nil
}

func (l *leaky) Open(context.Context) (sink.Sink, error) {
	if l.shut {
		return nil, errors.New("open " + l.text)
	}
	return &leaking{l.text + " " + l.token.Reveal(), l.then, 0}, nil
}

type leaking struct {
	text  string
	then  sink.Verdict
	calls int
}

func (l *leaking) Write(context.Context, []sink.Record) error {
	if l.calls++; l.calls%2 == 0 {
		panic(l.text)
	}
	items := []sink.ItemError{{Index: 0, Verdict: l.then, Err: errors.New("item " + l.text)}}
	if l.then == sink.Rejected {
		return &sink.Error{Items: items}
	}
	return &sink.Error{Err: errors.New(l.text), Verdict: l.then}
}

func (l *leaking) Ping(context.Context) error { return errors.New("ping " + l.text) }
func (l *leaking) Close() error               { return errors.New("close " + l.text) }

func init() { sink.Register("leaky", func() sink.Opener { return new(leaky) }) }

func TestSecretsOfAnURIAppearInNothingThatIsReported(t *testing.T) {
	for _, host := range []string{"retry", "rejected", "park", "gone"} {
		t.Run(host, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				diagnostics, out := lines()
				var heard events
				user := url.UserPassword(userCanary, passwordCanary).String()
				p, err := New(t.Context(), Config{
					Diagnostics: diagnostics, OnEvent: heard.note,
					Defaults: Delivery{Quarantine: dir, OnOpen: Skip, BatchRecords: 2},
					Routes:   []Route{{URI: "leaky://" + user + "@" + host + "?token=" + tokenCanary}},
				})
				if err != nil {
					t.Fatal(err)
				}
				for range 20 {
					burst(p, 0, 2)
					time.Sleep(10 * time.Second)
				}
				undelivered := errors.Join(p.Flush(limit(t, time.Second)), p.Close(limit(t, time.Second)))
				synctest.Wait() // the diagnostics are told
				fmt.Fprintf(out, "%+v\n%+v\n%+v\n", undelivered, p.Stats(), heard.all)
				if text, err := os.ReadFile(filepath.Join(dir, "leaky.jsonl")); err == nil {
					out.Write(text)
				}
				if i := strings.Index(out.String(), "canary"); i >= 0 {
					t.Errorf("a secret is in the output: …%.200s…", out.String()[max(0, i-100):])
				}
				if !strings.Contains(out.String(), "***") {
					t.Errorf("nothing was masked in\n%.2000s", out)
				}
			})
		})
	}
}
