package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/fapilogtest"
	"github.com/fapilog/fapilog/sink"
)

func ask(t *testing.T, log *fapilogtest.Log, target, id string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if id != "" {
		r.Header.Set("X-Request-ID", id)
	}
	w := httptest.NewRecorder()
	newHandler(log.Logger()).ServeHTTP(w, r)
	return w
}

func TestEveryRecordOfARequestHasItsID(t *testing.T) {
	log := fapilogtest.New(t, fapilog.Config{Context: requestAttrs})
	w := ask(t, log, "/hello?name=ada", "r-1")
	if w.Code != http.StatusOK || w.Body.String() != "hello, ada\n" || w.Header().Get("X-Request-ID") != "r-1" {
		t.Errorf("%d %q, id %q", w.Code, w.Body, w.Header().Get("X-Request-ID"))
	}
	for _, message := range []string{"greeting", "request"} {
		if id := log.Want(slog.LevelInfo, message).Attrs["request_id"]; id != "r-1" {
			t.Errorf("%s: request_id is %v", message, id)
		}
	}
}

func TestAnIDThatIsNoneIsReplaced(t *testing.T) {
	log := fapilogtest.New(t, fapilog.Config{Context: requestAttrs})
	for _, id := range []string{"", "two words", strings.Repeat("x", 65), "a\"b"} {
		w := ask(t, log, "/hello?name=ada", id)
		if got := w.Header().Get("X-Request-ID"); got == id || got == "" {
			t.Errorf("%q became %q", id, got)
		}
	}
}

func TestTheStatusIsLogged(t *testing.T) {
	log := fapilogtest.New(t, fapilog.Config{Context: requestAttrs})
	ask(t, log, "/hello", "r-2")
	if id := log.Want(slog.LevelWarn, "a name is missing").Attrs["request_id"]; id != "r-2" {
		t.Errorf("request_id is %v", id)
	}
	if status := log.Want(slog.LevelInfo, "request").Attrs["status"]; status != float64(http.StatusBadRequest) {
		t.Errorf("status is %v", status)
	}
}

// A sink that hangs costs a request no time.
func TestAHungSinkDelaysNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := sink.Func(func(ctx context.Context, _ []sink.Record) error {
			<-ctx.Done()
			return ctx.Err()
		})
		p, err := fapilog.New(t.Context(), fapilog.Config{Routes: []fapilog.Route{{Name: "hung", Sink: hung}}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 100 {
			newHandler(p.Logger()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/hello?name=ada", nil))
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("100 requests took %v", took)
		}
		closing, cancel := context.WithTimeout(t.Context(), sinksGrace)
		defer cancel()
		_ = p.Close(closing) // what is left is left
		if took := time.Since(began); took > sinksGrace+100*time.Millisecond {
			t.Errorf("Close took %v", took)
		}
	})
}

// The whole service: it answers, its page tells the ledger, and when it is told to
// end it ends, with every record in the file.
func TestTheServiceEndsInGoodOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	t.Setenv("FAPILOG_SINKS", "file:"+path)
	p, err := openPipeline(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	service, page := listen(t), listen(t)
	ctx, terminate := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, p, service, page) }()
	if body := get(t, "http://"+service.Addr().String()+"/hello?name=ada"); body != "hello, ada\n" {
		t.Errorf("it says %q", body)
	}
	if body := get(t, "http://"+page.Addr().String()+"/metrics"); !strings.Contains(body, `fapilog_breaker_state{sink="file"} 0`) {
		t.Errorf("metrics are\n%s", body)
	}
	terminate()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if stats := p.Stats(); !stats.Complete() || stats.Appended < 4 { // listening, greeting, request, ending
		t.Errorf("%+v", stats)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
