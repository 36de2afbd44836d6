package sink

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// lokiOpener is a sink with a setting of every kind.
type lokiOpener struct {
	host, path string
	user       *url.Userinfo
	tenant     string
	format     string
	lines      int
	ratio      float64
	workers    uint
	gzip       bool
	wait       time.Duration
	linger     Duration
	maxLine    Bytes
	minimum    Level
	token      Secret
	labels     List
	chatty     bool // its errors quote everything it knows
	invalid    error
	openErr    error
}

func (o *lokiOpener) Flags(fs *flag.FlagSet) {
	fs.StringVar(&o.tenant, "tenant", o.tenant, "value of the `X-Scope-OrgID` header")
	fs.Var(Enum(&o.format, "json", "logfmt"), "format", "encoding of a line")
	fs.IntVar(&o.lines, "lines", o.lines, "lines in a request")
	fs.Float64Var(&o.ratio, "ratio", o.ratio, "ratio")
	fs.UintVar(&o.workers, "workers", o.workers, "workers")
	fs.BoolVar(&o.gzip, "gzip", o.gzip, "compress")
	fs.DurationVar(&o.wait, "wait", o.wait, "wait")
	fs.Var(&o.linger, "idle", "idle time")
	fs.Var(&o.maxLine, "max-line", "longest line")
	fs.Var(&o.minimum, "minimum", "lowest level")
	fs.Var(&o.token, "token", "bearer token")
	fs.Var(&o.labels, "labels", "labels")
	fs.BoolVar(&o.chatty, "chatty", o.chatty, "errors hold everything")
	Alias(fs, "org", "tenant")
	Alias(fs, "tags", "labels")
}

func (o *lokiOpener) SetURL(u *url.URL) error {
	o.host, o.path, o.user = u.Host, u.Path, u.User
	if u.Host == "" {
		return fmt.Errorf("host missing: %s", u)
	}
	if u.Path == "/refused" {
		return fmt.Errorf("refused: %s %s %q", u, u.User, u.User)
	}
	return nil
}

func (o *lokiOpener) Validate() error { return o.invalid }

func (o *lokiOpener) Open(context.Context) (Sink, error) {
	if o.chatty {
		password, _ := o.user.Password()
		return nil, fmt.Errorf("cannot log in as %s with %q and %s", o.user.Username(), password, o.token.Reveal())
	}
	if o.openErr != nil {
		return nil, o.openErr
	}
	return Func(func(context.Context, []Record) error { return nil }), nil
}

// bareOpener has neither settings nor a place.
type bareOpener struct{}

func (bareOpener) Flags(*flag.FlagSet)     {}
func (bareOpener) SetURL(u *url.URL) error { return nil }
func (bareOpener) Open(context.Context) (Sink, error) {
	return nil, errors.New("nothing to open")
}

func init() {
	Register("loki", func() Opener { return &lokiOpener{} })
	Register("bare", func() Opener { return bareOpener{} })
	Register("invalid", func() Opener { return &lokiOpener{invalid: errors.New("tenant and org differ")} })
	Register("canceled", func() Opener { return &lokiOpener{openErr: context.Canceled} })
	Register("twice", func() Opener { return twiceOpener{} })
	Register("reckless", func() Opener { return recklessOpener{} })
}

type twiceOpener struct{ bareOpener }

func (twiceOpener) Flags(fs *flag.FlagSet) { fs.String("level", "", "") }

type recklessOpener struct{ bareOpener }

func (recklessOpener) Flags(*flag.FlagSet) { panic("out of order") }

// wantError checks an error against what it is to contain; nil wants none.
func wantError(t *testing.T, err error, want ...string) {
	t.Helper()
	if (err != nil) != (len(want) > 0) {
		t.Fatalf("the error is %v, want one with %q", err, want)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}
