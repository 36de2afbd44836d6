package fapilog

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
)

func init() {
	sink.Register("conf", func() sink.Opener { return new(confSink) })
}

// confSink is a sink with a setting of every kind. Its errors hold whatever it
// knows, as those of a careless client would.
type confSink struct {
	url    *url.URL
	token  sink.Secret
	labels sink.List
	limit  int
}

func (c *confSink) Flags(fs *flag.FlagSet) {
	fs.Var(&c.token, "token", "")
	fs.Var(&c.labels, "labels", "")
	fs.IntVar(&c.limit, "limit", 10, "")
}

func (c *confSink) SetURL(u *url.URL) error {
	c.url = u
	if u.Host == "" {
		return fmt.Errorf("no host in %s", u)
	}
	return nil
}

func (c *confSink) Validate() error {
	if c.url.Path == "/bad" {
		return errors.Join(
			fmt.Errorf("cannot use %s", c.url),
			fmt.Errorf("token %s of %q", c.token.Reveal(), c.labels))
	}
	return nil
}

func (c *confSink) Defaults() map[string]string {
	return map[string]string{"linger": "20ms", "batch-records": "7"}
}

func (c *confSink) Open(context.Context) (sink.Sink, error) {
	panic("a configuration was to be looked at, not opened")
}

// preferring is a Sink with defaults of its own.
type preferring struct {
	sink.Func
	defaults map[string]string
}

func (p preferring) Defaults() map[string]string { return p.defaults }

var discard = sink.Func(func(context.Context, []sink.Record) error { return nil })

// uris returns a Config with a Route for each URI.
func uris(all ...string) (c Config) {
	for _, u := range all {
		c.Routes = append(c.Routes, Route{URI: u})
	}
	return c
}

func mustResolve(t *testing.T, c Config) []route {
	t.Helper()
	routes, err := c.resolve()
	if err != nil {
		t.Fatal(err)
	}
	return routes
}

func names(routes []route) (all []string) {
	for _, r := range routes {
		all = append(all, r.name)
	}
	return all
}

func envConfig(t *testing.T, environ ...string) Config {
	t.Helper()
	c, err := configFrom(environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMultipleSinksFromEnvironment(t *testing.T) {
	c := envConfig(t, "FAPILOG_SINKS=stdout://,conf://h:3100?labels=app=a,env=p,file:x.log", "UNRELATED=1")
	routes := mustResolve(t, c)
	if got, want := names(routes), []string{"stdout", "conf", "file"}; !slices.Equal(got, want) {
		t.Fatalf("sinks %q, want %q", got, want)
	}
	conf := routes[1].opener.(*confSink)
	if want := (sink.List{"app=a", "env=p"}); !slices.Equal(conf.labels, want) || conf.url.Host != "h:3100" {
		t.Errorf("labels %q of host %q, want %q", conf.labels, conf.url.Host, want)
	}
}

func TestMultipleSinksFromList(t *testing.T) {
	c, err := configFrom([]string{"FAPILOG_SINKS=nonsense://", "FAPILOG_TIMEOUT=3s"}, []string{"stderr", "conf://h", "conf://h2"})
	if err != nil {
		t.Fatal(err)
	}
	routes := mustResolve(t, c)
	if got, want := names(routes), []string{"stderr", "conf", "conf-2"}; !slices.Equal(got, want) {
		t.Errorf("sinks %q, want %q: the list goes before FAPILOG_SINKS", got, want)
	}
	if got := routes[2].delivery.Timeout; got != 3*time.Second {
		t.Errorf("timeout %v, want 3s: the other variables count for a list too", got)
	}
}

func TestSinksWithWhitespace(t *testing.T) {
	c := envConfig(t, "FAPILOG_SINKS=  stdout:// ,\n\tconf://h , stderr  ")
	if got, want := names(mustResolve(t, c)), []string{"stdout", "conf", "stderr"}; !slices.Equal(got, want) {
		t.Errorf("sinks %q, want %q", got, want)
	}
	if got := names(mustResolve(t, uris(" stdout "))); !slices.Equal(got, []string{"stdout"}) {
		t.Errorf("sinks %q, want stdout", got)
	}
}

func TestEmptySinksAreFiltered(t *testing.T) {
	want := []string{"stdout", "stderr"}
	for _, list := range []string{",stdout,stderr", "stdout,,stderr", "stdout, ,,stderr,", ",,stdout://,stderr://, ,"} {
		if got := names(mustResolve(t, envConfig(t, "FAPILOG_SINKS="+list))); !slices.Equal(got, want) {
			t.Errorf("%q: sinks %q, want %q", list, got, want)
		}
	}
	c, err := configFrom(nil, []string{"", "stdout", " ", "stderr"})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(mustResolve(t, c)); !slices.Equal(got, want) {
		t.Errorf("list with empty items: sinks %q, want %q", got, want)
	}
}

func TestConsoleIsTheSinkWhereNoneIsNamed(t *testing.T) {
	for _, environ := range [][]string{nil, {"FAPILOG_SINKS="}, {"FAPILOG_SINKS= \n"}} {
		if got := names(mustResolve(t, envConfig(t, environ...))); !slices.Equal(got, []string{"stdout"}) {
			t.Errorf("%q: sinks %q, want stdout", environ, got)
		}
	}
}

func TestEveryFieldOfDeliveryHasItsDefault(t *testing.T) {
	c := Config{Routes: []Route{{Sink: discard}}}
	r := mustResolve(t, c)[0]
	want := Delivery{
		Level: slog.LevelInfo, BatchRecords: 1000, BatchBytes: 1 << 20, Linger: time.Second, Timeout: 10 * time.Second,
		RetryBase: 200 * time.Millisecond, RetryMax: 30 * time.Second, InFlight: 1,
		Breaker: breaker.Config{Failures: 5, Recovery: 30 * time.Second, Probes: 1},
		OnOpen:  Hold, OnFull: DropOldest, BlockTimeout: 100 * time.Millisecond,
	}
	if r.delivery != want {
		t.Errorf("delivery\n%+v, want\n%+v", r.delivery, want)
	}
	if r.name != "sink" || r.fallback != -1 || r.opener != nil || r.sink == nil {
		t.Errorf("route %+v", r)
	}
}

func TestLaterLayerGoesBeforeEarlier(t *testing.T) {
	base := func() Config { return uris("conf://h") }
	linger := func(c Config) time.Duration { return mustResolve(t, c)[0].delivery.Linger }

	c := base()
	if got := linger(c); got != 20*time.Millisecond {
		t.Errorf("the sink's own: %v, want 20ms", got)
	}
	c.Defaults.Linger = 2 * time.Second
	if got := linger(c); got != 2*time.Second {
		t.Errorf("Config.Defaults: %v, want 2s", got)
	}
	c.Routes[0].Delivery.Linger = 3 * time.Second
	if got := linger(c); got != 3*time.Second {
		t.Errorf("Route.Delivery: %v, want 3s", got)
	}
	c.Routes[0].URI = "conf://h?linger=4s"
	if got := linger(c); got != 4*time.Second {
		t.Errorf("URI: %v, want 4s", got)
	}
	c.Routes[0].URI = "conf://h?linger=0"
	if got := linger(c); got != 0 {
		t.Errorf("0 in the URI: %v, want 0", got)
	}
	c = base()
	c.Routes[0].Delivery.Linger = -1
	if got := linger(c); got != 0 {
		t.Errorf("negative in Route.Delivery: %v, want 0", got)
	}
	if got := linger(envConfig(t, "FAPILOG_SINKS=conf://h", "FAPILOG_LINGER=0")); got != 0 {
		t.Errorf("0 in a variable: %v, want 0", got)
	}
	c = Config{Routes: []Route{{Sink: preferring{discard, map[string]string{"linger": "5ms"}}}}}
	if got := linger(c); got != 5*time.Millisecond {
		t.Errorf("own of a Sink without a URI: %v, want 5ms", got)
	}
}

func TestBreakerIsOffAndOnAgainLayerByLayer(t *testing.T) {
	for _, test := range []struct {
		defaults, route bool // Off
		uri             string
		off             bool
	}{
		{false, false, "", false},
		{true, false, "", true},
		{false, true, "", true},
		{true, true, "?breaker=true", false},
		{true, false, "?breaker", false},
		{false, false, "?breaker=false", true},
		{false, true, "?breaker-failures=2", true},
	} {
		c := uris("conf://h" + test.uri)
		c.Defaults.Breaker.Off = test.defaults
		c.Routes[0].Delivery.Breaker.Off = test.route
		if got := mustResolve(t, c)[0].delivery.Breaker.Off; got != test.off {
			t.Errorf("%+v: off is %v", test, got)
		}
	}
	c := uris("conf://h?breaker=true")
	if got := mustResolve(t, c)[0].delivery; got.breakerOn {
		t.Error("a layer's mark is left in the result")
	}
}

func TestLevelerIsKeptAsItIsGiven(t *testing.T) {
	var general, own slog.LevelVar
	c := uris("conf://h", "conf://h?level=warn", "conf://h")
	c.Level = &general
	c.Routes[2].Delivery.Level = &own
	routes := mustResolve(t, c)
	if routes[0].delivery.Level != &general || routes[1].delivery.Level != slog.LevelWarn || routes[2].delivery.Level != &own {
		t.Errorf("levels %v, %v, %v", routes[0].delivery.Level, routes[1].delivery.Level, routes[2].delivery.Level)
	}
}

func TestURISetsEveryParameter(t *testing.T) {
	dir := t.TempDir()
	routes := mustResolve(t, uris("conf://h?name=main&level=WARN&batch-records=2&batch-bytes=3KiB&linger=4s&timeout=5s"+
		"&retry-base=6ms&retry-max=7s&retry-for=8h&in-flight=9&breaker=false&breaker-failures=10&breaker-recovery=11s"+
		"&breaker-probes=12&fallback=spare&on-full=block&block-timeout=forever&quarantine="+dir,
		"conf://h2?name=spare&limit=3", "conf://h3?fallback=spare&on-open=fallback"))
	want := Delivery{
		Level: slog.LevelWarn, BatchRecords: 2, BatchBytes: 3 << 10, Linger: 4 * time.Second, Timeout: 5 * time.Second,
		RetryBase: 6 * time.Millisecond, RetryMax: 7 * time.Second, RetryFor: 8 * time.Hour, InFlight: 9,
		Breaker: breaker.Config{Off: true, Failures: 10, Recovery: 11 * time.Second, Probes: 12},
		OnOpen:  Fallback, Fallback: "spare", OnFull: Block, BlockTimeout: Forever, Quarantine: dir,
	}
	if r := routes[0]; r.delivery != want || r.name != "main" || r.fallback != 1 {
		t.Errorf("name %q, fallback %d, delivery\n%+v, want\n%+v", r.name, r.fallback, r.delivery, want)
	}
	if routes[1].opener.(*confSink).limit != 3 {
		t.Error("the sink's own parameter is not set")
	}
	if routes[2].fallback != 1 {
		t.Errorf("fallback %d, want 1", routes[2].fallback)
	}
	if d := mustResolve(t, uris("conf://h?on-open=skip&on-full=drop-oldest&retry-for=0"))[0].delivery; d.OnOpen != Skip || d.OnFull != DropOldest || d.RetryFor != 0 {
		t.Errorf("delivery %+v", d)
	}
}

func TestEverySinkBindsTogetherWithDelivery(t *testing.T) {
	for _, scheme := range sink.Schemes() {
		o, _ := sink.NewOpener(scheme)
		fs := flag.NewFlagSet(scheme, flag.PanicOnError)
		o.Flags(fs)
		new(parameters).bind(fs) // panics when a name is taken
		if d, ok := o.(sink.Defaulter); ok {
			if mistakes := new(Delivery).set(d.Defaults()); mistakes != nil {
				t.Errorf("%s: %v", scheme, mistakes)
			}
		}
	}
}

func TestSettingsShowWhatTheyWereSetTo(t *testing.T) {
	d := builtin
	d.Fallback, d.Quarantine = "spare", "/q"
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	d.bind(fs)
	fs.VisitAll(func(f *flag.Flag) {
		if err := f.Value.Set(f.DefValue); err != nil && f.Name != "retry-for" {
			t.Errorf("%s does not read its own default %q: %v", f.Name, f.DefValue, err)
		}
	})
	if got := d.complete(); got != func() Delivery { w := builtin; w.Fallback, w.Quarantine = "", "/q"; return w }() {
		t.Errorf("after setting each to what it shows: %+v", got)
	}
}

func TestSinksWithoutANameAreNumberedByScheme(t *testing.T) {
	c := uris("conf://a", "conf://b?name=conf-2", "conf://c", "conf://d?enabled=false", "conf://e")
	c.Routes = append(c.Routes, Route{Sink: discard}, Route{Sink: discard}, Route{Name: "mine", Sink: discard})
	want := []string{"conf", "conf-2", "conf-3", "conf-5", "sink", "sink-2", "mine"}
	if got := names(mustResolve(t, c)); !slices.Equal(got, want) {
		t.Errorf("names %q, want %q: a disabled sink keeps its number", got, want)
	}
	c = uris("conf://a?name=uri")
	c.Routes[0].Name = "route"
	if got := names(mustResolve(t, c)); got[0] != "uri" {
		t.Errorf("name %q, want that of the URI", got[0])
	}
}

func TestDisabledSinkIsLeftOut(t *testing.T) {
	c := uris("file:/nowhere/at/all/x.log?enabled=false", "conf://a?fallback=c", "conf://b?name=c&standby=true")
	routes := mustResolve(t, c)
	if len(routes) != 2 || routes[0].fallback != 1 || !routes[1].standby {
		t.Errorf("routes %+v", routes)
	}
}

func TestFallbackOfAllSinksIsNotDivertedItself(t *testing.T) {
	c := envConfig(t, "FAPILOG_SINKS=conf://a?name=a,conf://b?name=b&on-open=skip,conf://c?name=c,conf://d?name=d&on-open=hold", "FAPILOG_FALLBACK=c")
	routes := mustResolve(t, c)
	want := []struct {
		onOpen   OnOpen
		fallback int
	}{{Fallback, 2}, {Skip, -1}, {Hold, -1}, {Hold, -1}}
	for i, w := range want {
		if r := routes[i]; r.delivery.OnOpen != w.onOpen || r.fallback != w.fallback || r.delivery.Fallback != "" != (w.fallback >= 0) {
			t.Errorf("%s: OnOpen %v, Fallback %q, fallback %d; want %v", r.name, r.delivery.OnOpen, r.delivery.Fallback, r.fallback, w)
		}
	}
}

func TestSmallJournalStillTakesTheLongestRecord(t *testing.T) {
	c := Config{}
	c.Journal.MaxBytes = 1 << 20
	c = c.withDefaults()
	if c.Journal.SegmentBytes < largestFrame(c.MaxRecord) || 2*c.Journal.SegmentBytes > c.Journal.MaxBytes {
		t.Errorf("segments of %d bytes for records of %d in a journal of %d", c.Journal.SegmentBytes, c.MaxRecord, c.Journal.MaxBytes)
	}
	if c.Grace != 10*time.Second || c.MaxRecord != 256<<10 || c.Level != slog.LevelInfo {
		t.Errorf("defaults %+v", c)
	}
}

func TestResolvingCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	c := uris("conf://h", "file:"+filepath.Join(dir, "x.log"), "conf://h2?quarantine="+filepath.Join(dir, "q", "r"))
	mustResolve(t, c)
	c.Routes = append(c.Routes, Route{URI: "bad://"})
	if _, err := c.resolve(); err == nil {
		t.Error("a mistake is not reported")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("created %v (%v)", entries, err)
	}
}

func ExampleConfigFromEnv() {
	os.Setenv("FAPILOG_SINKS", "stderr?level=error, stdout?format=json&name=main")
	defer os.Unsetenv("FAPILOG_SINKS")
	cfg, err := ConfigFromEnv()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range cfg.Routes {
		fmt.Println(r.URI)
	}
	// Output:
	// stderr?level=error
	// stdout?format=json&name=main
}

func ExampleConfigError() {
	_, err := ConfigFromEnv("stdot://", "stdout?levle=warn", "stderr?timeout=0")
	fmt.Println(err)
	var mistakes *ConfigError
	fmt.Println(errors.As(err, &mistakes), len(mistakes.Mistakes))
	// Output:
	// fapilog: 3 mistakes in the configuration
	// 	sink 1: unknown scheme "stdot" (did you mean "stdout"?)
	// 	sink 2: unknown parameter "levle" of stdout (did you mean "level"?)
	// 	sink 3: parameter "timeout" is "0": want a duration longer than 0
	// true 3
}
