package cli

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink/sinktest"
)

var toldAddress = regexp.MustCompile(`fapilog: admin page on http://(127\.0\.0\.1:\d+)\n`)

// get returns the status of a page's answer.
func get(t *testing.T, url string) int {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Fatal(err)
	}
	return r.StatusCode
}

func TestAdminPageIsServedUntilTheVeryEnd(t *testing.T) {
	f := newPipeFlags()
	if _, err := f.parse([]string{"--admin", "0"}); err != nil {
		t.Fatal(err)
	}
	s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Stuck()}}
	cfg := fapilog.Config{Diagnostics: slog.New(slog.DiscardHandler), Routes: []fapilog.Route{{Sink: s}}}
	in, w := io.Pipe()
	var stderr bytes.Buffer
	session, err := openPipe(f, forPipe(cfg), limits{0, time.Hour}, streams{in: in, err: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	told := toldAddress.FindStringSubmatch(stderr.String())
	if told == nil {
		t.Fatalf("no address is told: %q", stderr.String())
	}
	url := "http://" + told[1]

	ended := make(chan int, 1)
	signals := make(chan os.Signal, 2)
	go func() { ended <- session.run(signals) }()
	if code := get(t, url+"/readyz"); code != http.StatusOK {
		t.Errorf("readyz answers %d at the start", code)
	}
	for _, path := range []string{"/metrics", "/healthz", "/stats", "/level"} {
		if code := get(t, url+path); code != http.StatusOK {
			t.Errorf("%s answers %d", path, code)
		}
	}
	if _, err := io.WriteString(w, "line 0\n"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	s.Release()
	if status := <-ended; status != exitOK {
		t.Errorf("exit status %d; %s", status, stderr.String())
	}
	if _, err := net.Dial("tcp", told[1]); err == nil {
		t.Error("it is still served after the end")
	}
	if ledger(t, stderr.String()).Offered != 1 {
		t.Errorf("the ledger: %s", stderr.String())
	}
}

// asking is a standard error that asks before each write.
type asking struct {
	bytes.Buffer
	ask func()
}

func (a *asking) Write(p []byte) (int, error) {
	if a.ask != nil {
		a.ask()
	}
	return a.Buffer.Write(p)
}

func TestAdminPageShowsThatThePipelineIsClosedWhileTheLedgerIsPrinted(t *testing.T) {
	f := newPipeFlags()
	if _, err := f.parse([]string{"--admin", ":0"}); err != nil {
		t.Fatal(err)
	}
	cfg := fapilog.Config{Diagnostics: slog.New(slog.DiscardHandler), Routes: []fapilog.Route{{Sink: new(sinktest.Memory)}}}
	stderr := new(asking)
	session, err := openPipe(f, forPipe(cfg), limits{0, time.Hour}, streams{in: strings.NewReader("a line\n"), err: stderr})
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + toldAddress.FindStringSubmatch(stderr.String())[1]
	var code int
	stderr.ask = func() { code = get(t, url+"/readyz") }
	if status := session.run(nil); status != exitOK || code != http.StatusServiceUnavailable {
		t.Errorf("exit status %d; readyz answered %d at the end, want 503", status, code)
	}
}

// A client that says nothing, or does not read, does not keep the command.
func TestSilentClientDoesNotOutliveTheSession(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan struct{})
	release := make(chan struct{})
	defer close(release)
	p := servePage(l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(began)
		<-release
	}))
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-began
	p.close() // or the test does not end
}
