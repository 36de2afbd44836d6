package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink/sinktest"
)

var errDown = errors.New("connection refused")

// open opens a pipeline that is closed at the end of the test.
func open(t *testing.T, cfg fapilog.Config) *fapilog.Pipeline {
	t.Helper()
	if cfg.Diagnostics == nil {
		cfg.Diagnostics = slog.New(slog.DiscardHandler)
	}
	p, err := fapilog.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Close(ctx) // the tests leave sinks that fail
	})
	return p
}

// two opens a pipeline with the sinks a and b, which work.
func two(t *testing.T) *fapilog.Pipeline {
	t.Helper()
	return open(t, fapilog.Config{Routes: []fapilog.Route{
		{Name: "a", Sink: new(sinktest.Memory)},
		{Name: "b", Sink: new(sinktest.Memory), Delivery: fapilog.Delivery{Level: slog.LevelWarn}},
	}})
}

// log logs n records of the level. Their bytes are always the same.
func log(t *testing.T, p *fapilog.Pipeline, level slog.Level, n int) {
	t.Helper()
	at := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for range n {
		if err := p.Handler().Handle(t.Context(), slog.NewRecord(at, level, "x", 0)); err != nil {
			t.Fatal(err)
		}
	}
}

// ask returns the answer of h.
func ask(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

func TestEveryPathAnswersItsMethodsOnly(t *testing.T) {
	h := Handler(two(t))
	all := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}
	for path, allow := range map[string]string{
		"/": "GET, HEAD", "/metrics": "GET, HEAD", "/healthz": "GET, HEAD", "/readyz": "GET, HEAD", "/stats": "GET, HEAD",
		"/level": "DELETE, GET, HEAD, PUT",
	} {
		for _, method := range all {
			target, want := path, http.StatusMethodNotAllowed
			if strings.Contains(", "+allow+",", ", "+method+",") {
				want = http.StatusOK
			}
			if method == "PUT" {
				target += "?level=info"
			}
			w := ask(h, method, target, "")
			if w.Code != want {
				t.Errorf("%s %s: %d, want %d", method, target, w.Code, want)
			}
			if got := w.Header().Get("Allow"); want != http.StatusOK && got != allow {
				t.Errorf("%s %s: Allow: %q, want %q", method, target, got, allow)
			}
			if method == "HEAD" && (w.Body.Len() > 0 || w.Header().Get("Content-Length") == "0") {
				t.Errorf("%s %s: %d bytes, Content-Length %s", method, target, w.Body.Len(), w.Header().Get("Content-Length"))
			}
			if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s: %v", method, target, w.Header())
			}
		}
	}
}

func TestWhatIsNotThereIsAnsweredWithWhatIs(t *testing.T) {
	h := Handler(two(t))
	for _, path := range []string{"/metric", "/metrics/", "//metrics", "/admin", "/level/a"} {
		w := ask(h, "GET", path, "")
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "/metrics /healthz /readyz /stats /level") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestItCanBeMountedAnywhere(t *testing.T) {
	h := Handler(two(t))
	for _, prefix := range []string{"/admin", "/admin/", "/a/b"} {
		mounted := http.StripPrefix(prefix, h)
		base := strings.TrimSuffix(prefix, "/")
		for path, want := range map[string]string{"/": "fapilog ", "/readyz": `{"state":"open"}`, "/metrics": "# HELP fapilog_build_info"} {
			if w := ask(mounted, "GET", base+path, ""); w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), want) {
				t.Errorf("%s under %s: %d %.60s", path, prefix, w.Code, w.Body)
			}
		}
	}
	if w := ask(http.StripPrefix("/admin", h), "GET", "/admin", ""); w.Code != http.StatusOK {
		t.Errorf("/admin without a slash: %d %s", w.Code, w.Body)
	}
}

func TestTheIndexNamesEveryPath(t *testing.T) {
	body := ask(Handler(two(t)), "GET", "/", "").Body.String()
	for _, path := range []string{"/metrics ", "/healthz ", "/readyz ", "/stats ", "/level "} {
		if !strings.Contains(body, "\n"+path) {
			t.Errorf("no %s in\n%s", path, body)
		}
	}
}

// stuck is a client that reads nothing.
type stuck struct {
	http.ResponseWriter
	writing chan struct{} // closed by the first Write
	release chan struct{}
}

func (s stuck) Write(b []byte) (int, error) {
	close(s.writing)
	<-s.release
	return len(b), nil
}

func TestAClientThatDoesNotReadKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := two(t)
		h := Handler(p)
		for _, path := range []string{"/metrics", "/healthz", "/readyz", "/stats", "/level", "/"} {
			s := stuck{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
			done := make(chan struct{})
			go func() {
				defer close(done)
				h.ServeHTTP(s, httptest.NewRequest("GET", path, nil))
			}()
			<-s.writing
			start := time.Now()
			log(t, p, slog.LevelError, 10)
			if w := ask(h, "PUT", "/level?level=debug", ""); w.Code != http.StatusOK {
				t.Errorf("beside %s: %d %s", path, w.Code, w.Body)
			}
			if w := ask(h, "GET", path, ""); w.Code != http.StatusOK {
				t.Errorf("beside %s: %d %s", path, w.Code, w.Body)
			}
			if err := p.Flush(t.Context()); err != nil || time.Since(start) > 10*time.Millisecond {
				t.Errorf("beside %s: %v after %v", path, err, time.Since(start))
			}
			close(s.release)
			<-done
		}
	})
}

func TestItIsSafeForConcurrentUse(t *testing.T) {
	p := two(t)
	h := Handler(p)
	var wg sync.WaitGroup
	for _, request := range [][2]string{
		{"GET", "/metrics"}, {"GET", "/healthz?sinks=all"}, {"GET", "/stats"}, {"GET", "/level"},
		{"PUT", "/level?level=debug"}, {"PUT", "/level?level=warn&sink=a"}, {"DELETE", "/level"},
	} {
		wg.Go(func() {
			for range 50 {
				log(t, p, slog.LevelError, 1)
				if w := ask(h, request[0], request[1], ""); w.Code != http.StatusOK {
					t.Errorf("%s: %d %s", request, w.Code, w.Body)
				}
			}
		})
	}
	wg.Wait()
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if w := ask(h, "GET", "/metrics", ""); !strings.Contains(w.Body.String(), "fapilog_offered_records_total 350\n") {
		t.Errorf("after Close: %s", w.Body)
	}
}
