package http_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	httpsink "github.com/fapilog/fapilog/sink/http"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

var (
	_ sink.Opener    = (*httpsink.Config)(nil)
	_ sink.Validator = (*httpsink.Config)(nil)
)

func TestEveryFormOfABody(t *testing.T) {
	for _, test := range []struct {
		name        string
		change      func(*httpsink.Config)
		n           int
		contentType string
		want        string
	}{
		{"lines by default", func(c *httpsink.Config) {}, 2, "application/x-ndjson", "{\"n\":1}\n{\"n\":2}\n"},
		{"one line", func(c *httpsink.Config) { c.Body = httpsink.NDJSON }, 1, "application/x-ndjson", "{\"n\":1}\n"},
		{"an array", func(c *httpsink.Config) { c.Body = httpsink.Array }, 2, "application/json", `[{"n":1},{"n":2}]`},
		{"an array of one", func(c *httpsink.Config) { c.Body = httpsink.Array }, 1, "application/json", `[{"n":1}]`},
		{"an array under a key", func(c *httpsink.Config) { c.Body = httpsink.Wrapped }, 2, "application/json", `{"records":[{"n":1},{"n":2}]}`},
		{"under another key", func(c *httpsink.Config) { c.Body, c.Key = httpsink.Wrapped, `lo"gs` }, 1, "application/json", `{"lo\"gs":[{"n":1}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				l := serve(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					got = append(got, strings.Join([]string{r.Method, r.RequestURI, r.Header.Get("Content-Type"), string(body)}, " "))
				})
				c := configFor(l)
				test.change(&c)
				if err := write(t, open(t, c), batch(test.n)); err != nil {
					t.Fatal(err)
				}
				if want := "POST /in " + test.contentType + " " + test.want; len(got) != 1 || got[0] != want {
					t.Errorf("%q, want %q", got, want)
				}
			})
		})
	}
}

func TestMethodAndIdempotencyKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var methods, keys []string
		l := serve(t, func(w http.ResponseWriter, r *http.Request) {
			methods, keys = append(methods, r.Method), append(keys, r.Header.Get("Idempotency-Key"))
		})
		c := configFor(l)
		c.Method = "PUT"
		s := open(t, c)
		for _, records := range [][]sink.Record{batch(4), batch(4), batch(2)} {
			if err := write(t, s, records); err != nil {
				t.Fatal(err)
			}
		}
		if methods[0] != "PUT" || keys[0] == "" || keys[0] != keys[1] || keys[0] == keys[2] {
			t.Errorf("%q with %q", methods, keys)
		}
	})
}

// verify is a receiver's side of a signature.
func verify(r *http.Request, body []byte, signature, timestamp, secret string) error {
	at := r.Header.Get(timestamp)
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return fmt.Errorf("the time is %q", at)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s", at, body)
	if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); !hmac.Equal([]byte(want), []byte(r.Header.Get(signature))) {
		return fmt.Errorf("the signature is %q, want %q", r.Header.Get(signature), want)
	}
	return nil
}

func TestSignatureIsOfTheBytesThatAreSent(t *testing.T) {
	const signature, timestamp = "X-Fapilog-Signature-256", "X-Fapilog-Timestamp"
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("canarytoken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func(*httpsink.Config)
		names  [2]string
	}{
		{"a secret", func(c *httpsink.Config) { c.HMACSecret = "canarytoken" }, [2]string{signature, timestamp}},
		{"a secret in a file", func(c *httpsink.Config) { c.HMACSecretFile = path }, [2]string{signature, timestamp}},
		{"a body that is compressed", func(c *httpsink.Config) { c.HMACSecret, c.Gzip, c.GzipMin = "canarytoken", true, -1 }, [2]string{signature, timestamp}},
		{"headers of other names", func(c *httpsink.Config) {
			c.HMACSecret, c.SignatureHeader, c.TimestampHeader = "canarytoken", "x-sig", "x-time"
		}, [2]string{"X-Sig", "X-Time"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				l := serve(t, func(w http.ResponseWriter, r *http.Request) {
					requests++
					body, _ := io.ReadAll(r.Body)
					if err := verify(r, body, test.names[0], test.names[1], "canarytoken"); err != nil {
						t.Error(err)
					}
					if r.Header.Get("Content-Encoding") == "gzip" {
						z, err := gzip.NewReader(bytes.NewReader(body))
						if err != nil {
							t.Fatal(err)
						}
						body, _ = io.ReadAll(z)
					}
					if string(body) != "{\"n\":1}\n" {
						t.Errorf("the body is %q", body)
					}
				})
				c := configFor(l)
				test.change(&c)
				s := open(t, c)
				for range 2 {
					if err := write(t, s, batch(1)); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Hour) // a new timestamp
				}
				if requests != 2 {
					t.Errorf("%d requests", requests)
				}
			})
		})
	}
}

// The example of the Python library's documentation: "timestamp.body".
func TestSignatureIsThatOfTheWebhookSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(1737216000, 0)))
		var got http.Header
		l := serve(t, func(w http.ResponseWriter, r *http.Request) { got = r.Header })
		c := configFor(l)
		c.HMACSecret, c.Body = "test-secret-key", httpsink.Array
		if err := write(t, open(t, c), []sink.Record{{JSON: []byte(`{"message":"hello","level":"info"}`)}}); err != nil {
			t.Fatal(err)
		}
		// printf '1737216000.[{"message":"hello","level":"info"}]' | openssl dgst -sha256 -hmac test-secret-key
		const want = "17795bdc4ffccebc09956d78fa3ef61421ba4524442736f6520d3ae2a37de070"
		if got.Get("X-Fapilog-Timestamp") != "1737216000" || got.Get("X-Fapilog-Signature-256") != "sha256="+want {
			t.Errorf("the headers are %v", got)
		}
	})
}

func TestFileOfTheSecretParksAndIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		l := serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests++
			body, _ := io.ReadAll(r.Body)
			if verify(r, body, "X-Fapilog-Signature-256", "X-Fapilog-Timestamp", "two") != nil {
				w.WriteHeader(http.StatusUnauthorized)
			}
		})
		c := configFor(l)
		c.HMACSecretFile = path
		s := open(t, c)
		var e *sink.Error
		if err := write(t, s, batch(1)); !errors.As(err, &e) || e.Verdict != sink.Park || requests != 0 || !strings.Contains(err.Error(), path) {
			t.Errorf("%v after %d requests", err, requests)
		}
		at := time.Unix(1, 0)
		for _, secret := range []string{"one", "two"} { // of the same size and time
			if err := errors.Join(os.WriteFile(path, []byte(secret), 0o600), os.Chtimes(path, at, at)); err != nil {
				t.Fatal(err)
			}
			err := write(t, s, batch(1))
			if secret == "one" && (!errors.As(err, &e) || e.Verdict != sink.Park) || secret == "two" && err != nil {
				t.Errorf("%s: %v", secret, err)
			}
		}
	})
}

func TestStatusesOfSuccess(t *testing.T) {
	for _, test := range []struct {
		success httpsink.Statuses
		status  int
		want    string // empty: delivered
	}{
		{nil, 200, ""},
		{nil, 226, ""},
		{nil, 302, "park"},
		{nil, 409, "retry"},
		{nil, 418, "rejected"},
		{httpsink.Statuses{200, 202}, 202, ""},
		{httpsink.Statuses{200, 202}, 204, "retry"},
		{httpsink.Statuses{200, 409}, 409, ""},
		{httpsink.Statuses{200, 503}, 503, ""},
		{httpsink.Statuses{200}, 429, "throttled"},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := configFor(serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(test.status) }))
			c.Success = test.success
			err := write(t, open(t, c), batch(1))
			var e *sink.Error
			switch {
			case test.want == "" && err != nil:
				t.Errorf("%v, %d: %v", test.success, test.status, err)
			case test.want != "" && (!errors.As(err, &e) || e.Verdict.String() != test.want || !strings.HasPrefix(err.Error(), "http: "+strconv.Itoa(test.status))):
				t.Errorf("%v, %d: %v, want %s", test.success, test.status, err, test.want)
			}
		})
	}
}

func TestEveryStatusHasItsVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := 0
		c := configFor(serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
		s := open(t, c)
		table := httpsink.Table()
		for status = 200; status <= 599; status++ {
			row := table[slices.IndexFunc(table, func(r httppost.Row) bool { return r.First <= status && status <= r.Last })]
			err := write(t, s, batch(1))
			var e *sink.Error
			if errors.As(err, &e) == row.Delivered || e != nil && e.Verdict != row.Verdict {
				t.Errorf("%d: %v, want %s", status, err, row.Outcome())
			}
		}
	})
}

func TestBytesThatAreNotUTF8AreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var body []byte
		c := configFor(serve(t, func(w http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) }))
		if err := write(t, open(t, c), []sink.Record{{JSON: []byte("{\"msg\":\"é\"}")}, {JSON: []byte("{\"msg\":\"a\xffb\"}")}}); err != nil {
			t.Fatal(err)
		}
		if want := "{\"msg\":\"é\"}\n{\"msg\":\"a\uFFFDb\"}\n"; string(body) != want {
			t.Errorf("%q, want %q", body, want)
		}
	})
}

func TestAnswerThatIsTooLongIsNoDelivery(t *testing.T) {
	for limit, want := range map[sink.Bytes]bool{0: false, 1 << 20: true} {
		synctest.Test(t, func(t *testing.T) {
			c := configFor(serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 100<<10)) }))
			c.MaxResponse = limit
			if err := write(t, open(t, c), batch(1)); (err == nil) != want {
				t.Errorf("with a limit of %v: %v", limit, err)
			}
		})
	}
}

func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := 200
		var asked []string
		c := configFor(serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Method+" "+r.RequestURI)
			w.WriteHeader(status)
		}))
		if _, ok := open(t, c).(sink.Pinger); ok {
			t.Error("there is nothing to ask and it can be pinged")
		}
		c.Ping = "/health"
		p := open(t, c).(sink.Pinger)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := p.Ping(ctx); err != nil || len(asked) != 1 || asked[0] != "GET /health" {
			t.Errorf("%v after %q", err, asked)
		}
		status = 503
		if err := p.Ping(ctx); err == nil || !strings.Contains(err.Error(), "http: 503") {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestURIs(t *testing.T) {
	for _, test := range []struct {
		uri  string
		want string // the URL, or what an error says
	}{
		{"http://h", "http://h/"},
		{"HTTPS://canaryuser:canarypassword@h:8443/in?gzip=true&body=array&success=200,202&query=a%3D1", "https://h:8443/in"},
		{"http://h?ping=/health&hmac-secret=canarytoken&method=put&max-response=1MiB", "http://h/"},
		{"http:", "host missing; write http://host/"},
		{"http://h?body=xml", "want ndjson, array or wrapped"},
		{"http://h?method=GET", "want POST or PUT"},
		{"http://h?success=ok", "want statuses such as 200,202"},
		{"http://h?success=99", "want statuses"},
		{"http://h?success=", "want statuses"},
		{"http://h?source=app", `unknown parameter "source"`},
		{"http://h?ping=health", "ping: want a path"},
		{"http://h?ping=/a%25zz", "ping: want a path"},
		{"http://h?hmac-secret=canarytoken&hmac-secret-file=f", "hmac-secret and hmac-secret-file are both given"},
		{"http://h?signature-header=a%20b", "signature-header"},
		{"http://h?timestamp-header=content-length", "timestamp-header: Content-Length is not to be set"},
		{"http://h?timestamp-header=x-fapilog-signature-256", "are the same"},
		{"http://h?insecure", "are for https"},
		{"http://h?insecure&redirects=true", "http://h/"},
		{"http://a%3Ab:canarypassword@h", "the user name has a colon"},
		{"http://h?key=k", "key is for body=wrapped"},
		{"http://h?key=k&body=wrapped", "http://h/"},
		{"http://h?signature-header=x", "give hmac-secret"},
		{"http://h?timestamp-header=x", "give hmac-secret"},
		{"http://h?signature-header=x&timestamp-header=y&hmac-secret=canarytoken", "http://h/"},
		{"http://h?gzip-level=3", "gzip-level and gzip-min are for gzip=true"},
		{"http://h?gzip-min=0", "gzip-level and gzip-min are for gzip=true"},
		{"http://h?gzip-min=0&gzip-level=3&gzip=true", "http://h/"},
		{"http://h?hmac-secret=canarytoken&signature-header=authorization&bearer=canarytoken", "the header Authorization already"},
		{"http://canaryuser:canarypassword@h?hmac-secret=canarytoken&timestamp-header=Authorization", "the header Authorization already"},
		{"http://h?hmac-secret=canarytoken&signature-header=Authorization", "http://h/"},
		{"http://h?hmac-secret=canarytoken&signature-header=Content-Type", "the header Content-Type already"},
		{"http://h?hmac-secret=canarytoken&signature-header=host", "the header Host already"},
		{"http://h?hmac-secret=canarytoken&signature-header=Idempotency-Key", "the header Idempotency-Key already"},
		{"http://h?hmac-secret=canarytoken&timestamp-header=User-Agent", "the header User-Agent already"},
		{"http://h?hmac-secret=canarytoken&timestamp-header=x-time&header=X-Time:canary", "the header X-Time already"},
		{"https://canaryuser:canarypassword@h?bearer=canarytoken", "more than one kind of credentials"},
		{"http://h?header=X-Token%3Acanarytoken,canarytoken", "header: item 2 is not NAME:VALUE"},
		{"http://h?query=canary%20token", "query: a character in it"},
	} {
		t.Run(strings.ReplaceAll(test.uri, "canary", "***"), func(t *testing.T) {
			o, err := sink.Parse(test.uri, nil)
			var got string
			if err == nil {
				c := o.(*httpsink.Config)
				got, err = c.URL.String(), c.Validate()
			}
			if err != nil {
				got = err.Error()
				if strings.Contains(got, "canary") {
					t.Errorf("a secret is in %q", got)
				}
			}
			if !strings.Contains(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
			if s, openErr := sink.Open(t.Context(), test.uri); (openErr == nil) != (err == nil) {
				t.Errorf("Open says %v", openErr)
			} else if s != nil {
				s.Close()
			}
		})
	}
}

func TestNewReportsMistakesOfCode(t *testing.T) {
	_, err := httpsink.New(httpsink.Config{Body: "xml", Method: "GET", Success: httpsink.Statuses{99}, Ping: "x"})
	for _, want := range []string{"http: ", "URL missing", `body is "xml"`, `method is "GET"`, "99 is not a status", "ping:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if _, err := httpsink.New(httpsink.Config{Success: httpsink.Statuses{}}); err == nil || !strings.Contains(err.Error(), "the list is empty") {
		t.Errorf("%v", err)
	}
}

func TestFlagsShowTheDefaults(t *testing.T) {
	var c httpsink.Config
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	c.Flags(fs)
	for name, want := range map[string]string{
		"body": "ndjson", "key": "records", "method": "POST", "success": "2xx", "max-response": "64KiB", "gzip": "false",
		"signature-header": "X-Fapilog-Signature-256", "timestamp-header": "X-Fapilog-Timestamp",
	} {
		if got := fs.Lookup(name).DefValue; got != want {
			t.Errorf("%s is %q by default, want %q", name, got, want)
		}
	}
}

// Records arrive as they are, whatever they hold.
func FuzzBody(f *testing.F) {
	f.Add("hello", "a\nb", "\xff")
	f.Fuzz(func(t *testing.T, a, b, key string) {
		var records []sink.Record
		var want []string
		for _, text := range []string{a, b} {
			j, err := json.Marshal(map[string]string{"msg": text})
			if err != nil {
				t.Fatal(err)
			}
			records, want = append(records, sink.Record{JSON: j}), append(want, string(j))
		}
		for _, form := range []string{httpsink.NDJSON, httpsink.Array, httpsink.Wrapped} {
			synctest.Test(t, func(t *testing.T) {
				var body []byte
				c := configFor(serve(t, func(w http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) }))
				if c.Body = form; form == httpsink.Wrapped {
					c.Key = key
				}
				if err := write(t, open(t, c), records); err != nil {
					t.Fatal(err)
				}
				if got := parse(t, form, body); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
					t.Errorf("%s: %q, want %q", form, got, want)
				}
			})
		}
	})
}

// parse returns the records of a body, as a server reads them.
func parse(t *testing.T, form string, body []byte) (records []string) {
	t.Helper()
	var raw []json.RawMessage
	var err error
	switch form {
	case httpsink.NDJSON:
		return strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	case httpsink.Array:
		err = json.Unmarshal(body, &raw)
	case httpsink.Wrapped:
		var object map[string][]json.RawMessage
		err = json.Unmarshal(body, &object)
		for _, value := range object {
			raw = value
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for _, r := range raw {
		records = append(records, string(r))
	}
	return records
}
