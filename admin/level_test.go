package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestLevelsAreSetAndBroughtBack(t *testing.T) {
	const before = `{"a":"INFO","b":"WARN"}`
	for _, test := range []struct {
		method, target, body string
		want                 string
	}{
		{"GET", "/level", "", before},
		{"GET", "/level?sink=b", "", `{"b":"WARN"}`},
		{"PUT", "/level?sink=a&level=debug", "", `{"a":"DEBUG","b":"WARN"}`},
		{"PUT", "/level?level=error", "", `{"a":"ERROR","b":"ERROR"}`},
		{"PUT", "/level?level=warn%2B2&sink=b", "", `{"a":"INFO","b":"WARN+2"}`},
		{"PUT", "/level?level=-8&sink=b", "", `{"a":"INFO","b":"DEBUG-4"}`},
		{"PUT", "/level?level=Critical", "", `{"a":"ERROR+4","b":"ERROR+4"}`},
		{"PUT", "/level", `{"level": "trace", "sink": "a"}`, `{"a":"DEBUG-4","b":"WARN"}`},
		{"PUT", "/level", " {\"level\": \"debug\"}\n", `{"a":"DEBUG","b":"DEBUG"}`},
		{"PUT", "/level?level=all", "", `{"a":"ALL","b":"ALL"}`},
		{"PUT", "/level?level=Default", "\n", before},
		{"DELETE", "/level", "", before},
	} {
		h := Handler(two(t))
		w := ask(h, test.method, test.target, test.body)
		if w.Code != http.StatusOK || w.Body.String() != test.want+"\n" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %s: %d %s want %s", test.method, test.target, test.body, w.Code, w.Body, test.want)
		}
		for _, back := range [][2]string{{"DELETE", "/level?sink=a"}, {"PUT", "/level?sink=b&level=default"}} {
			w = ask(h, back[0], back[1], "")
		}
		if w.Body.String() != before+"\n" {
			t.Errorf("after %s %s %s the configured levels are %s", test.method, test.target, test.body, w.Body)
		}
	}
}

func TestAMistakeChangesNoLevel(t *testing.T) {
	h := Handler(two(t))
	for _, test := range []struct {
		method, target, body string
		status               int
		says                 string
	}{
		{"PUT", "/level?sink=a&level=loud", "", 400, `level "loud": want a level: debug, info, warn, error`},
		{"PUT", "/level?sink=a", "", 400, "which level? Give level=LEVEL"},
		{"PUT", "/level", "", 400, "which level?"},
		{"PUT", "/level?level=", "", 400, "which level?"}, // a script's variable that is not set
		{"PUT", "/level", `{"level": ""}`, 400, "which level?"},
		{"PUT", "/level", `{"sink": "a"}`, 400, "which level?"},
		{"PUT", "/level?sink=c&level=debug", "", 404, `no sink is named "c"; there are a, b`},
		{"PUT", "/level?sink=&level=debug", "", 404, `no sink is named ""`},
		{"DELETE", "/level?sink=c", "", 404, `no sink is named "c"`},
		{"GET", "/level?sink=c", "", 404, `no sink is named "c"; there are: a b`},
		{"PUT", "/level?sinks=a&level=debug", "", 400, `unknown parameter "sinks"; there are: sink level`},
		{"DELETE", "/level?level=debug", "", 400, `unknown parameter "level"`},
		{"GET", "/level?level=debug", "", 400, `unknown parameter "level"`},
		{"PUT", "/level?sink=a&sink=b&level=debug", "", 400, `parameter "sink" is given twice`},
		{"PUT", "/level?sink=a;level=debug", "", 400, "malformed query"},
		{"PUT", "/level?level=debug", `{"sink": "a"}`, 400, "not in both"},
		{"PUT", "/level", `level=debug`, 400, "malformed body; want {"},
		{"PUT", "/level", `{"level": "debug", "sinks": "a"}`, 400, "malformed body"},
		{"PUT", "/level", `{"level": "debug"} {}`, 400, "malformed body"},
		{"PUT", "/level", `{"level": 4}`, 400, "malformed body"},
		{"PUT", "/level", `{"level": "debug"}` + strings.Repeat(" ", maxBody), 400, "longer than 4096 bytes"},
		{"POST", "/level?level=debug", "", 405, `"POST" cannot be used here; use DELETE, GET, HEAD, PUT`},
	} {
		w := ask(h, test.method, test.target, test.body)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) {
			t.Errorf("%s %s %.60s: %d %swant %d %s", test.method, test.target, test.body, w.Code, w.Body, test.status, test.says)
		}
	}
	if w := ask(h, "GET", "/level", ""); w.Body.String() != `{"a":"INFO","b":"WARN"}`+"\n" {
		t.Errorf("the levels are %s", w.Body)
	}
}

func TestALevelThatIsSetCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a sinktest.Memory
		p := open(t, fapilog.Config{Routes: []fapilog.Route{{Name: "a", Sink: &a}}})
		h := Handler(p)
		p.Logger().Debug("not yet")
		ask(h, "PUT", "/level?sink=a&level=debug", "")
		p.Logger().Debug("now")
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		ask(h, "DELETE", "/level", "")
		p.Logger().Debug("no more")
		time.Sleep(time.Second)
		if r := a.Records(); len(r) != 1 || !strings.Contains(string(r[0].JSON), `"now"`) {
			t.Errorf("%d records: %s", len(r), r)
		}
	})
}

func TestAStandbyHasNoLevel(t *testing.T) {
	p := open(t, fapilog.Config{Routes: []fapilog.Route{
		{Name: "a", Sink: new(sinktest.Memory), Delivery: fapilog.Delivery{OnOpen: fapilog.Fallback, Fallback: "spare"}},
		{Name: "spare", Sink: new(sinktest.Memory), Standby: true},
	}})
	h := Handler(p)
	if w := ask(h, "GET", "/level?sink=spare", ""); w.Code != http.StatusConflict {
		t.Errorf("GET: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/level", ""); strings.Contains(w.Body.String(), "spare") {
		t.Errorf("a standby's level is told: %s", w.Body)
	}
	if w := ask(h, "PUT", "/level?sink=spare&level=debug", ""); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "is a standby, which has no level") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(h, "PUT", "/level?level=debug", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"a":"DEBUG"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestNoWebPageChangesALevel(t *testing.T) {
	h := Handler(two(t))
	for _, method := range []string{"PUT", "DELETE"} {
		r := httptest.NewRequest(method, "http://evil.example/level?sink=a", nil)
		r.Header.Set("Origin", "http://evil.example") // that name stands for the loopback address now
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
}
