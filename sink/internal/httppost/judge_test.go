package httppost

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

func TestEveryStatusHasItsVerdict(t *testing.T) {
	want := func(status int) string {
		switch {
		case status == 413:
			return "too_large"
		case status == 429:
			return "throttled"
		case status == 401, status == 402, status == 403, status == 404, status == 407, status/100 == 3, status == 414, status == 423, status == 451,
			status == 405, status == 406, status == 410, status == 411, status == 415, status == 426, status == 431, status >= 494 && status <= 497:
			return "park"
		case status == 408, status == 421, status == 424, status == 425, status/100 == 5:
			return "retry"
		case status/100 == 4:
			return "rejected"
		case status/100 == 2:
			return "delivered"
		}
		return "retry"
	}
	for status := -1; status < 1100; status++ {
		var err error
		if e := Judge(&Response{Status: status, Header: http.Header{}}); e != nil {
			err = e
			if text := e.Error(); strings.Contains(text, "\n") || text == "" {
				t.Errorf("%d: the text is %q", status, text)
			}
		}
		if got := verdictOf(err); got != want(status) {
			t.Errorf("%d means %s, want %s", status, got, want(status))
		}
	}
}

func TestTableSaysWhatJudgeDoes(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range Table() {
		var err error
		if e := Judge(&Response{Status: row.First}); e != nil {
			err = e
		}
		if verdictOf(err) != row.Outcome() {
			t.Errorf("%s is %s in the table and %s in fact", row.Statuses(), row.Outcome(), verdictOf(err))
		}
		if seen[row.Statuses()] {
			t.Errorf("%s is twice in the table", row.Statuses())
		}
		seen[row.Statuses()] = true
	}
	for _, statuses := range []string{"2xx", "3xx", "401", "other 4xx", "other 5xx", "anything else"} {
		if !seen[statuses] {
			t.Errorf("the table has no %q: %v", statuses, seen)
		}
	}
	Table()[0].Delivered = false
	if e := Judge(&Response{Status: 200}); e != nil {
		t.Errorf("who changes the table changes the verdicts: %v", e)
	}
}

func TestServerThatMissesTLSParks(t *testing.T) {
	page := func(title, rest string) string {
		return "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n" + rest + "</body>\r\n</html>\r\n"
	}
	for _, test := range []struct{ name, body, verdict, says string }{
		{"Go", "Client sent an HTTP request to an HTTPS server.\n", "park", "400 Bad Request: the port speaks TLS; use the scheme with https"},
		{"nginx", page("400 The plain HTTP request was sent to HTTPS port", "<center>The plain HTTP request was sent to HTTPS port</center>\r\n"), "park", "use the scheme with https"},
		{"Apache", "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>400 Bad Request</title>\n</head><body>\n<h1>Bad Request</h1>\n" +
			"<p>Your browser sent a request that this server could not understand.<br />\nReason: You're speaking plain HTTP to an SSL-enabled server port.<br />\n", "park", "use the scheme with https"},
		{"Tomcat", "Bad Request\r\nThis combination of host and port requires TLS.\r\n", "park", "use the scheme with https"},
		{"no certificate of the client", page("400 No required SSL certificate was sent", ""), "park", "wants a client's certificate; see cert-file"},
		{"a wrong one", page("400 The SSL certificate error", ""), "park", "does not accept the client's certificate"},
		{"long headers", page("400 Request Header Or Cookie Too Large", ""), "park", "the headers are too large"},
		{"another page", page("400 Bad Request", ""), "rejected", "<h1>400 Bad Request</h1>"},
		{"a record that is quoted", "cannot parse: Client sent an HTTP request to an HTTPS server.", "rejected", "cannot parse"},
		{"nothing", "", "rejected", "400 Bad Request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantError(t, Judge(&Response{Status: 400, Body: []byte(test.body)}), test.verdict, test.says)
		})
	}
	wantError(t, Judge(&Response{Status: 422, Body: []byte("Client sent an HTTP request to an HTTPS server.\n")}), "rejected", "422")
}

func TestSuccessWhoseEndWasNotReadIsNone(t *testing.T) {
	e := Judge(&Response{Status: 200, Body: make([]byte, 64<<10), Truncated: true})
	if e == nil || e.Verdict != sink.Retry || !strings.Contains(e.Error(), "did not end within 64KiB") {
		t.Errorf("the error is %v", e)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		value string
		want  time.Duration
	}{
		{"", 0},
		{"0", 0},
		{"120", 2 * time.Minute},
		{"  7\t", 7 * time.Second},
		{"86400", 24 * time.Hour},
		{"86401", 24 * time.Hour},
		{"9223372036854775807", 24 * time.Hour},
		{"99999999999999999999999", 24 * time.Hour},
		{"-5", 0},
		{"+5", 0},
		{"1.5", 0},
		{"5s", 0},
		{"soon", 0},
		{"Sun, 01 Mar 2026 12:00:30 GMT", 30 * time.Second},
		{"Sunday, 01-Mar-26 12:01:00 GMT", time.Minute},
		{"Sun Mar  1 12:02:00 2026", 2 * time.Minute},
		{"Sun, 01 Mar 2026 11:00:00 GMT", 0},
		{"Fri, 01 Mar 2999 12:00:00 GMT", 24 * time.Hour},
		{"Sun, 01 Mar 2026 12:00:30", 0},
	} {
		if got := RetryAfter(http.Header{"Retry-After": {test.value}}, now); got != test.want {
			t.Errorf("%q is %v, want %v", test.value, got, test.want)
		}
	}
	if got := RetryAfter(nil, now); got != 0 {
		t.Errorf("none is %v", got)
	}
}

func TestRetryAfterCountsWhereTheVerdictIsToTryAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for status, want := range map[int]time.Duration{429: 7 * time.Second, 503: 7 * time.Second, 500: 7 * time.Second, 400: 0, 413: 0, 404: 0} {
			if e := Judge(&Response{Status: status, Header: http.Header{"Retry-After": {"7"}}}); e.After != want {
				t.Errorf("%d waits %v, want %v", status, e.After, want)
			}
		}
		date := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
		if e := Judge(&Response{Status: 503, Header: http.Header{"Retry-After": {date}}}); e.After != time.Minute {
			t.Errorf("a date in a minute waits %v", e.After)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "7", "-7", "99999999999999999999", "Sun, 01 Mar 2026 12:00:30 GMT", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if d := RetryAfter(http.Header{"Retry-After": {value}}, time.Now()); d < 0 || d > 24*time.Hour {
			t.Errorf("%q is %v", value, d)
		}
	})
}

func TestExcerptIsOneLineWithoutSecrets(t *testing.T) {
	long := strings.Repeat("é", 150)
	for _, test := range []struct{ name, body, want string }{
		{"an empty body", "", ""},
		{"a text", "entry too old\n", "entry too old"},
		{"several lines", "a\r\n\tb\n\n c", "a b c"},
		{"a long one is cut between characters", long, strings.Repeat("é", 98) + "…"},
		{"no text", "\x1f\x8b\x00\x01", ""},
		{"invalid UTF-8", "a\xffb", "a\uFFFDb"},
		{"control characters", "a\x1b[31mb\u2028c", "a [31mb c"},
		{"a secret", "bad token canarytoken!", "bad token ***!"},
		{"a secret in escapes", `{"error":"bad token canary\u0074oken!"}`, `{"error":"bad token ***!"}`},
		{"a secret at the cut", strings.Repeat("x", 190) + "canarytoken", strings.Repeat("x", 190) + "***"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &Response{Body: []byte(test.body), mask: sink.NewMasker("canarytoken").Text}
			if got := r.Excerpt(); got != test.want {
				t.Errorf("it is %q, want %q", got, test.want)
			}
			if got := r.Clean(test.body); len(got) > 200 || strings.ContainsAny(got, "\n\x1b") || strings.Contains(got, "canary") {
				t.Errorf("Clean returns %q", got)
			}
		})
	}
	e := Judge(&Response{Status: 400, Body: []byte("entry too old")})
	if e.Error() != "400 Bad Request: entry too old" {
		t.Errorf("the text is %q", e)
	}
}

func TestRedirectIsToldWithoutItsPath(t *testing.T) {
	for location, want := range map[string]string{
		"https://other.example/a?key=canarytoken": "302 Found to https://other.example; change",
		"/login?key=canarytoken":                  "302 Found; redirects on the same host",
		"":                                        "302 Found; redirects",
		"http://u:canarypassword@h%zz/":           "302 Found; redirects",
		"http://canaryuser:canarypassword@h/":     "302 Found to http://h; change",
	} {
		e := Judge(&Response{Status: 302, Header: http.Header{"Location": {location}}, Body: []byte("<html>")})
		if text := e.Error(); !strings.HasPrefix(text, want) || strings.Contains(text, "canary") {
			t.Errorf("%s: %q, want %q…", location, text, want)
		}
	}
}

func TestPrefixKeepsTheVerdict(t *testing.T) {
	if err := Prefix("loki", Judge(&Response{Status: 200})); err != nil {
		t.Errorf("success becomes %v", err)
	}
	if err := Prefix("loki", nil); err != nil {
		t.Errorf("nil becomes %v", err)
	}
	wantError(t, Prefix("loki", Judge(&Response{Status: 429})), "throttled", "loki: 429 Too Many Requests")
	wantError(t, Prefix("loki", io.EOF), "retry", "loki: EOF")
	wantError(t, Prefix("loki", &sink.Error{Verdict: sink.Park}), "park", "loki: park")
	if !errors.Is(Prefix("loki", park(io.EOF)), io.EOF) {
		t.Error("the cause is lost")
	}
}

func TestBatchKeyDependsOnIDsAlone(t *testing.T) {
	batch := []sink.Record{{ID: sink.ID{Seq: 1}}, {ID: sink.ID{Seq: 2}, JSON: []byte("{}")}}
	key := BatchKey(batch)
	if len(key) != 32 || key != BatchKey([]sink.Record{{ID: batch[0].ID, JSON: []byte("x")}, {ID: batch[1].ID}}) {
		t.Errorf("the key is %q", key)
	}
	for _, other := range [][]sink.Record{batch[:1], batch[1:], {batch[1], batch[0]}, {{ID: sink.ID{Seq: 1, Journal: [16]byte{1}}}, batch[1]}} {
		if BatchKey(other) == key {
			t.Errorf("%v has the same key", other)
		}
	}
}

func TestAnIDIsAppendedAsItsText(t *testing.T) {
	id := sink.ID{Journal: [16]byte{0xab, 15: 1}, Seq: 1<<63 + 7}
	if got, want := string(AppendID([]byte("x"), id)), "x"+id.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
