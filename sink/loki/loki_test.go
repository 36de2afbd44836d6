package loki

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

// records returns records with these lines, a nanosecond apart.
func records(lines ...string) (batch []sink.Record) {
	start := time.Now()
	for i, line := range lines {
		batch = append(batch, sink.Record{ID: sink.ID{Journal: [16]byte{1}, Seq: uint64(i + 1)}, Time: start.Add(time.Duration(i)), JSON: []byte(line)})
	}
	return batch
}

// open returns the sink for this server.
func (f *fakeLoki) open(change func(*Config)) sink.Sink {
	f.t.Helper()
	s, err := New(f.config(change))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { s.Close() })
	return s
}

func write(s sink.Sink, batch []sink.Record) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return s.Write(ctx, batch)
}

func mustWrite(t testing.TB, s sink.Sink, batch []sink.Record) {
	t.Helper()
	if err := write(s, batch); err != nil {
		t.Fatal(err)
	}
}

// inBubble runs a test with a server in a synctest bubble.
func inBubble(t *testing.T, f func(t *testing.T, server *fakeLoki)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newFake(t)) })
}

func TestLinesAndTimesArriveExactly(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		lines := []string{
			`{"msg":"plain"}`, `{"msg":"quotes \" and \\ and \/ and \u0041"}`, `{"msg":"newline \n tab \t null \u0000"}`,
			`{"msg":"Grüße 世界 🎉"}`, "{\"msg\":\"\u2028 \u2029 \x7f \ufeff\"}", `{}`, "{ \"a\" : [ 1 ,\t2 ]\r\n}",
		}
		for _, gzip := range []bool{false, true} {
			s := server.open(func(c *Config) { c.Gzip, c.GzipMin = gzip, 1; c.Labels = sink.List{fmt.Sprint("gzip=", gzip)} })
			batch := records(lines...)
			mustWrite(t, s, batch)
			for i, e := range server.streams[fmt.Sprintf(`{gzip="%v"}`, gzip)] {
				if e.line != lines[i] || e.at != batch[i].Time.UnixNano() || e.meta != "" {
					t.Errorf("%q at %v arrived as %+v", lines[i], batch[i].Time.UnixNano(), e)
				}
			}
		}
		if n := len(server.all()); n != 2*len(lines) {
			t.Errorf("%d lines have arrived, want %d", n, 2*len(lines))
		}
		for i, r := range server.pushes() {
			if want := []string{"", "gzip"}[i]; r.header.Get("Content-Encoding") != want || r.path != "POST /loki/api/v1/push" {
				t.Errorf("request %d is %s with encoding %q", i, r.path, r.header.Get("Content-Encoding"))
			}
		}
	})
}

func TestBytesThatAreNotUTF8AreReplacedAndNothingElse(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		s := server.open(func(c *Config) { c.LabelFields, c.MetadataFields = sink.List{"a"}, sink.List{"a"} })
		mustWrite(t, s, records("{\"a\":\"x\xff\xfey\"}", "{\"a\":[\"\xff\"]}"))
		want := []entry{{line: "{\"a\":[\"\ufffd\"]}", meta: `{"a":"[\"�\"]"}`}, {line: "{\"a\":\"x\ufffd\ufffdy\"}", meta: "{\"a\":\"x\ufffd\ufffdy\"}"}}
		for i, e := range server.all() {
			if e.line != want[i].line || e.meta != want[i].meta {
				t.Errorf("got %q with %s, want %q with %s", e.line, e.meta, want[i].line, want[i].meta)
			}
		}
	})
}

func TestRecordsAreInStreamsByTheirLabelsAndInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		s := server.open(func(c *Config) {
			c.Labels = sink.List{"app=api", "env = prod"}
			c.LabelFields = sink.List{"level", "logger", "http.method"}
		})
		batch := records(`{"logger":"db","n":0}`, `{"logger":"web","http":{"method":"GET"},"n":1}`, `{"logger":"db","n":2}`, `{"logger":"","n":3}`,
			`{"logger":null,"http.method":7,"n":4}`, `{"n":5}`, `{"http":{"code":1,"method":"GET"},"logger":"web","logger":"again","n":6}`, `{"logger":"db","n":7}`)
		batch[7].Level = slog.LevelError
		mustWrite(t, s, batch)
		want := map[string]string{
			`{app="api", env="prod", level="info", logger="db"}`:                     "0 2",
			`{app="api", env="prod", http_method="GET", level="info", logger="web"}`: "1 6",
			`{app="api", env="prod", level="info"}`:                                  "3 5",
			`{app="api", env="prod", http_method="7", level="info"}`:                 "4",
			`{app="api", env="prod", level="error", logger="db"}`:                    "7",
		}
		for labels, entries := range server.streams {
			var numbers []string
			for _, e := range entries {
				_, n, _ := strings.Cut(e.line, `"n":`)
				numbers = append(numbers, strings.Trim(n, "}"))
			}
			if got := strings.Join(numbers, " "); got != want[labels] {
				t.Errorf("%s has %s, want %s", labels, got, want[labels])
			}
		}
		if len(server.streams) != len(want) {
			t.Errorf("%d streams, want %d", len(server.streams), len(want))
		}
	})
}

func TestWithoutLabelsTheProgramIsTheService(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		s := server.open(func(c *Config) { c.Labels = nil })
		mustWrite(t, s, records(`{}`))
		if want := fmt.Sprintf("{service_name=%q}", programName()); !slices.Equal(server.labels(), []string{want}) {
			t.Errorf("the streams are %q, want %s", server.labels(), want)
		}
	})
}

func TestAFieldHasABoundedNumberOfValuesAsLabels(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		s := server.open(func(c *Config) { c.LabelFields, c.LabelValues = sink.List{"user", "zone"}, 3 })
		var lines []string
		for i := range 1000 {
			lines = append(lines, fmt.Sprintf(`{"user":"u%d","zone":"z%d"}`, i%50, i%2))
		}
		mustWrite(t, s, records(lines...))
		mustWrite(t, s, records(`{"user":"u49"}`, `{"user":"u1"}`, `{"user":"other"}`)) // and later too
		want := []string{
			`{app="api", user="other", zone="z0"}`, `{app="api", user="other", zone="z1"}`, `{app="api", user="other"}`,
			`{app="api", user="u0", zone="z0"}`, `{app="api", user="u1", zone="z1"}`, `{app="api", user="u1"}`, `{app="api", user="u2", zone="z0"}`,
		}
		if got := server.labels(); !slices.Equal(got, want) {
			t.Errorf("the streams are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if n := len(server.all()); n != 1003 {
			t.Errorf("%d records, want 1003", n)
		}
	})
}

func TestMetadataStandsWithItsRecord(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		s := server.open(func(c *Config) { c.MetadataFields = sink.List{"trace_id", "http.method", "level", "5xx"} })
		batch := records(
			`{"trace_id":"ab\"c\n","http":{"method":"GET"},"5xx":true}`,
			`{"http":{"method":{"a":[1,null]}},"trace_id":""}`,
			`{"trace_id":"`+strings.Repeat("é", 40_000)+`","5xx":"lost"}`)
		batch[1].Level = slog.LevelDebug - 4
		mustWrite(t, s, batch)
		long := strings.Repeat("é", (maxMetadata-len("trace_idhttp_methodlevel_5xx")-len("info"))/2)
		for i, want := range []string{
			`{"trace_id":"ab\"c\n","http_method":"GET","level":"info","_5xx":"true"}`,
			`{"http_method":"{\"a\":[1,null]}","level":"trace"}`,
			`{"trace_id":"` + long,
		} {
			if got := server.all()[i].meta; !strings.HasPrefix(got, want) {
				t.Errorf("the metadata is %.200s, want %.200s", got, want)
			}
		}
	})
}

func TestMetadataOfARecordHasALimit(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		s := server.open(func(c *Config) { c.MetadataFields = sink.List{"a", "b", "c", "d"} })
		mustWrite(t, s, records(`{"a":"`+strings.Repeat("a", 30_000)+`","b":"`+strings.Repeat("b", 30_000)+`","c":"`+strings.Repeat("c", 30_000)+`","d":"d"}`))
		const left = maxMetadata - len("abcd") - 60_000
		want := `{"a":"` + strings.Repeat("a", 30_000) + `","b":"` + strings.Repeat("b", 30_000) + `","c":"` + strings.Repeat("c", left) + `"}`
		if got := server.all()[0].meta; got != want {
			t.Errorf("the metadata has %d bytes, want %d", len(got), len(want))
		}
	})
}

func TestLevelsHaveTheNamesThatGrafanaKnows(t *testing.T) {
	for level, want := range map[slog.Level]string{-100: "trace", -5: "trace", -4: "debug", -1: "debug", 0: "info", 2: "info", 4: "warn", 7: "warn", 8: "error", 11: "error", 12: "critical", 100: "critical"} {
		if got := string(appendText(nil, levelText(level))); got != want {
			t.Errorf("level %d is %s, want %s", level, got, want)
		}
	}
}

func TestTheTenantGoesWithEveryRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		s := server.open(func(c *Config) { c.Tenant = "team-a"; c.User, c.Password = "me", "s3cret" })
		mustWrite(t, s, records(`{}`))
		if err := s.(sink.Pinger).Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, r := range server.pushes() {
			user, password, _ := (&http.Request{Header: r.header}).BasicAuth()
			if r.header.Get("X-Scope-OrgID") != "team-a" || user != "me" || password != "s3cret" {
				t.Errorf("%s has tenant %q and user %q", r.path, r.header.Get("X-Scope-OrgID"), user)
			}
		}
		if p := server.pushes(); p[1].path != "GET /ready" || len(p) != 2 {
			t.Errorf("the requests are %+v", p)
		}
	})
}

func TestAPathIsAPrefix(t *testing.T) {
	for path, want := range map[string]string{"": "", "/": "", "/a": "/a", "/a/": "/a", "/a%2Fb/c": "/a/b/c", pushPath: "", "/gateway" + pushPath + "/": "/gateway"} {
		inBubble(t, func(t *testing.T, server *fakeLoki) {
			s := server.open(func(c *Config) {
				u, err := url.Parse("loki://h" + path)
				if err == nil {
					err = c.SetURL(u)
				}
				if err != nil {
					t.Fatal(err)
				}
			})
			mustWrite(t, s, records(`{}`))
			if got := server.pushes()[0].path; got != "POST "+want+pushPath {
				t.Errorf("with the path %q the request is %s", path, got)
			}
		})
	}
}

func TestARecordWithoutATimeKeepsThatOfItsFirstAttempt(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		server.set(func() {
			server.answer = func(n int, w http.ResponseWriter) bool {
				if n == 1 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				return n == 1
			}
		})
		s := server.open(nil)
		batch := records(`{"a":1}`, `{"a":1}`, `{"a":1}`)
		for i := range batch {
			batch[i].Time = time.Time{}
		}
		batch[2].ID = sink.ID{} // without an id it cannot be recognised
		start := time.Now().UnixNano()
		if write(s, batch) == nil {
			t.Fatal("no error")
		}
		time.Sleep(time.Hour / 2)
		mustWrite(t, s, batch)
		for i, e := range server.all() {
			if want := []int64{start, start + 1, start + int64(time.Hour/2)}[i]; e.at != want {
				t.Errorf("record %d has the time %d, want %d", i, e.at, want)
			}
		}
		if n := len(s.(*destination).stamps.given); n != 0 || len(server.all()) != 3 {
			t.Errorf("%d times are kept of records that were delivered; %d are there", n, len(server.all()))
		}
	})
}

func TestTimesOfLostRecordsDoNotFillTheMemory(t *testing.T) {
	var s stamps
	last := int64(0)
	for i := range uint64(3 * maxStamps) {
		at := s.of(sink.ID{Seq: i + 1}, time.Unix(0, 1))
		if at <= last || len(s.given) > maxStamps {
			t.Fatalf("record %d: %d after %d, %d kept", i, at, last, len(s.given))
		}
		last = at
	}
}

// verdictOf returns what err means for a batch; "delivered" for nil.
func verdictOf(err error) string {
	var e *sink.Error
	switch {
	case err == nil:
		return "delivered"
	case errors.As(err, &e):
		return e.Verdict.String()
	}
	return sink.Retry.String()
}

func TestStatusesMeanWhatTheTableSays(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		status := 0
		server.set(func() {
			server.answer = func(_ int, w http.ResponseWriter) bool { w.WriteHeader(status); return true }
		})
		s := server.open(nil)
		for code := 200; code < 600; code++ {
			server.set(func() { status = code })
			table := Table()
			row := table[slices.IndexFunc(table, func(r httppost.Row) bool { return r.First <= code && code <= r.Last })]
			if got := verdictOf(write(s, records(`{}`))); got != row.Outcome() {
				t.Errorf("%d is %s, want %s", code, got, row.Outcome())
			}
		}
	})
}

func TestAnswers(t *testing.T) {
	labels := `{app="api", env="` + strings.Repeat("x", 300) + `"}`
	for name, c := range map[string]struct {
		status  int
		kind    string
		body    string
		verdict string
		want    string
	}{
		"Loki's reason is kept, without the labels in front": {400, "text/plain", "entry for stream '" + labels + "' has timestamp too old: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: 2026-01-01T00:00:00Z\n",
			"rejected", "400 Bad Request: entry for stream '{…}' has timestamp too old: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: 2026-01-01T00:00:00Z"},
		"a tenant is blocked":    {260, "text/plain", "blocked until 2027\n", "park", "260: the tenant is blocked, and nothing was stored: blocked until 2027"},
		"a rate limit":           {429, "text/plain", "Ingestion rate limit exceeded for user fake", "throttled", "429 Too Many Requests: Ingestion rate limit exceeded for user fake"},
		"an unknown tenant":      {401, "text/plain", "no org id\n", "park", "401 Unauthorized: no org id"},
		"a text with success":    {200, "text/plain", "OK", "delivered", ""},
		"JSON with success":      {202, "application/json", "{}", "delivered", ""},
		"a page of a proxy":      {200, "text/html; charset=utf-8", "<html>please log in</html>", "retry", "200 with a page of HTML: something in between has answered, not Loki"},
		"no page of HTML":        {204, "text/html", "", "delivered", ""},
		"what is sent is masked": {400, "text/plain", "wrong: s3cret", "rejected", "400 Bad Request: wrong: ***"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *fakeLoki) {
				server.set(func() {
					server.answer = func(_ int, w http.ResponseWriter) bool {
						w.Header().Set("Content-Type", c.kind)
						w.WriteHeader(c.status)
						fmt.Fprint(w, c.body)
						return true
					}
				})
				s := server.open(func(c *Config) { c.User, c.Password = "me", "s3cret" })
				err := write(s, records(`{}`))
				if verdictOf(err) != c.verdict || c.want != "" && err.Error() != "loki: "+c.want {
					t.Errorf("%s: %v\nwant %s: %s", verdictOf(err), err, c.verdict, c.want)
				}
			})
		})
	}
}

func TestPingIsContentWithAnybodyWhoAnswersInEarnest(t *testing.T) {
	for status, answers := range map[int]bool{200: true, 404: true, 401: true, 405: true, 503: false, 500: false, 429: false} {
		inBubble(t, func(t *testing.T, server *fakeLoki) {
			server.set(func() {
				server.answer = func(_ int, w http.ResponseWriter) bool { w.WriteHeader(status); return true }
			})
			if err := server.open(nil).(sink.Pinger).Ping(t.Context()); (err == nil) != answers || err != nil && !strings.HasPrefix(err.Error(), "loki: ") {
				t.Errorf("%d: %v", status, err)
			}
			server.set(func() { server.down = true })
			if server.open(nil).(sink.Pinger).Ping(t.Context()) == nil {
				t.Error("a server that is down answers")
			}
		})
	}
}

func TestAfterCloseNothingIsSent(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		s := server.open(nil)
		s.Close()
		if err := write(s, records(`{}`)); err == nil || len(server.pushes()) != 0 {
			t.Errorf("the error is %v after %d requests", err, len(server.pushes()))
		}
	})
}
