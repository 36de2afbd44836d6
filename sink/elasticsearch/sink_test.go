package elasticsearch

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/elasticsearch/estest"
)

func TestRecordsAreCreatedUnderTheirIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &estest.Server{Pipelines: []string{"geo ip"}}
		s := serve(t, server, func(c *Config) { c.Index, c.Pipeline, c.Gzip, c.GzipMin = "logs-%Y", "geo ip", true, -1 })
		batch := records(3)
		for range 2 { // the second time all of them are there: 409
			if err := write(t, s, batch...); err != nil {
				t.Fatal(err)
			}
		}
		docs := server.Documents()
		if len(docs) != 3 {
			t.Fatalf("%d documents", len(docs))
		}
		for i, d := range docs {
			want := `{"@timestamp":"2024-02-29T12:00:00.123456789Z",` + string(batch[i].JSON[1:])
			if d.Index != "logs-2024" || d.ID != batch[i].ID.String() || d.Source != want {
				t.Errorf("%+v, want %s", d, want)
			}
		}
	})
}

func TestRecordThatIsNotUTF8IsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var server estest.Server
		s := serve(t, &server, func(c *Config) { c.Index = "logs-{msg}" })
		if err := write(t, s, record(1, "{\"msg\":\"a\xffb\"}")); err != nil {
			t.Fatal(err)
		}
		if d := server.Documents()[0]; d.Index != "logs-a_b" || !strings.HasSuffix(d.Source, "\"msg\":\"a\uFFFDb\"}") {
			t.Errorf("%+v", d)
		}
	})
}

func TestRequestIsTheDocumentedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got *http.Request
		var body []byte
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			body, _ = io.ReadAll(z)
			answer(200, itemsOf(201))(w, r)
		}), func(c *Config) {
			c.URL.Path, c.Query, c.Pipeline, c.Gzip, c.GzipMin = "/search/es/", "tenant=7", "p", true, -1
		})
		if err := write(t, s, record(1, `{"msg":"a"}`)); err != nil {
			t.Fatal(err)
		}
		const want = `{"create":{"_index":"logs","_id":"00000000000000000000000000000007-0000000000000001"}}` + "\n" +
			`{"@timestamp":"2024-02-29T12:00:00.123456789Z","msg":"a"}` + "\n"
		if got.Method != "POST" || got.URL.Path != "/search/es/_bulk" || got.Header.Get("Content-Type") != "application/x-ndjson" || string(body) != want {
			t.Errorf("%s %s %v\n%s", got.Method, got.URL, got.Header, body)
		}
		if q := got.URL.Query(); q.Get("tenant") != "7" || q.Get("pipeline") != "p" || q.Get("filter_path") != filterPath || len(q) != 3 {
			t.Errorf("%v", q)
		}
	})
}

func TestDataStreamTakesRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &estest.Server{DataStreams: []string{DefaultDataStream}}
		s := serve(t, server, func(c *Config) { c.Index, c.DataStream = "", true })
		if err := write(t, s, records(2)...); err != nil || server.Count(DefaultDataStream) != 2 {
			t.Errorf("%v", err)
		}
	})
}

func TestCredentialsAreSent(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	if err := os.WriteFile(file, []byte("a2V5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(*Config){
		"user and password": func(c *Config) { c.User, c.Password = "elastic", "pass word" },
		"an API key":        func(c *Config) { c.APIKey = "a2V5" },
		"one in a file":     func(c *Config) { c.APIKeyFile = file },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &estest.Server{Users: map[string]string{"elastic": "pass word"}, APIKeys: []string{"a2V5"}}
				if err := write(t, serve(t, server, change), records(1)...); err != nil {
					t.Error(err)
				}
				wantError(t, write(t, serve(t, server, nil), records(1)...), "park", "401 Unauthorized: security_exception: missing authentication")
			})
		})
	}
}

func TestHostThatIsNotThereIsPassedOverInTheSameAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c cluster
		var server estest.Server
		c.add(t, "h3:9201", &server)
		s := c.sink(t, func(c *Config) { c.Hosts = sink.List{"h2", "h3:9201"} })
		for range 2 {
			if err := write(t, s, records(1)...); err != nil {
				t.Error(err)
			}
		}
		if want := []string{"es:9200", "h2:9200", "h3:9201"}; !slices.Equal(c.dialled, want) {
			t.Errorf("dialled: %v, want %v", c.dialled, want)
		}
		c.remove("h3:9201")
		c.add(t, "es:9200", &server)
		time.Sleep(time.Minute) // the connection has reached its age
		if err := write(t, s, records(2)...); err != nil || server.Count("logs") != 2 {
			t.Errorf("%v, %d documents", err, server.Count("logs"))
		}
		if last := c.dialled[len(c.dialled)-1]; len(c.dialled) != 5 || last != "es:9200" {
			t.Errorf("dialled: %v", c.dialled)
		}
	})
}

func TestAllHostsAreTriedOnceInAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c cluster
		s := c.sink(t, func(c *Config) { c.Hosts = sink.List{"h2"} })
		for range 2 {
			wantError(t, write(t, s, records(1)...), "retry", "no answer from h2:9200", "refused")
		}
		if want := []string{"es:9200", "h2:9200", "es:9200", "h2:9200"}; !slices.Equal(c.dialled, want) {
			t.Errorf("dialled: %v, want %v", c.dialled, want)
		}
	})
}

func TestFailedHostIsNotAskedByTheNextAttempt(t *testing.T) {
	tests := []struct {
		name    string
		handler http.Handler
		stays   bool
	}{
		{"after 503", answer(503, ""), false},
		{"after a login page", answer(200, "<html>"), false},
		{"after a refused login", answer(401, ""), false},
		{"after 404", answer(404, ""), false},
		{"when it hangs", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}), false},
		{"but after 429 it is", answer(429, ""), true},
		{"but after 413 it is", answer(413, ""), true},
		{"but after 400 it is", answer(400, ""), true},
		{"but after records that fail it is", answer(200, itemsOf(503)), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c cluster
				var server estest.Server
				c.add(t, "es:9200", test.handler)
				c.add(t, "h2:9200", &server)
				s := c.sink(t, func(c *Config) { c.Hosts = sink.List{"h2"} })
				start := time.Now()
				if err := write(t, s, records(1)...); err == nil || time.Since(start) > 10*time.Second {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				if err := write(t, s, records(1)...); (err != nil) != test.stays {
					t.Errorf("the second attempt: %v", err)
				} else if err != nil && !strings.HasPrefix(err.Error(), "elasticsearch: es:9200: ") {
					t.Errorf("%q does not say which host", err)
				}
			})
		})
	}
}

// The errors of such a host say *** for elastic.
func TestHostThatIsNotThereIsPassedOverIfTheUserIsInItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c cluster
		c.add(t, "elastic-2:9200", &estest.Server{Users: map[string]string{"elastic": "longpassword"}})
		s := c.sink(t, func(c *Config) {
			c.URL.Host, c.Hosts, c.User, c.Password = "elastic-1:9200", sink.List{"elastic-2"}, "elastic", "longpassword"
		})
		if err := write(t, s, records(1)...); err != nil {
			t.Error(err)
		}
	})
}

func TestErrorsSayWhichSinkItIs(t *testing.T) {
	for name, handler := range map[string]http.Handler{
		"refused as a whole": answer(503, ""),
		"records refused":    answer(200, itemsOf(400)),
		"no answer":          http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
	} {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, handler, nil)
			if err := write(t, s, records(1)...); err == nil || !strings.HasPrefix(err.Error(), "elasticsearch: ") {
				t.Errorf("%s: %v", name, err)
			}
			if err := s.Ping(t.Context()); err != nil && !strings.HasPrefix(err.Error(), "elasticsearch: ") {
				t.Errorf("ping, %s: %v", name, err)
			}
		})
	}
}

// Attempts at the same time that meet the same failure go to the same next host.
func TestHostIsLeftOnce(t *testing.T) {
	var c cluster
	s := c.sink(t, func(c *Config) { c.Hosts = sink.List{"h2", "h3"} })
	for range 3 {
		s.leave(0)
	}
	if n := s.inUse.Load(); n != 1 {
		t.Errorf("host %d is in use", n)
	}
}

func TestPingAsksWhoIsThere(t *testing.T) {
	tests := []struct {
		name    string
		handler http.Handler
		verdict string
		want    string
	}{
		{"Elasticsearch", &estest.Server{}, "delivered", ""},
		{"OpenSearch", &estest.Server{OpenSearch: true}, "delivered", ""},
		{"credentials for writing only", answer(403, `{"error":{"type":"security_exception","reason":"action [cluster:monitor/main] is unauthorized"},"status":403}`), "delivered", ""},
		{"a proxy's refusal", answer(403, "Forbidden"), "park", "403 Forbidden"},
		{"no credentials", &estest.Server{APIKeys: []string{"k"}}, "park", "missing authentication"},
		{"a login page", answer(200, "<html>"), "retry", "not Elasticsearch"},
		{"nothing", answer(200, ""), "retry", "not Elasticsearch"},
		{"starting", answer(503, ""), "retry", "503"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, test.handler, nil)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				wantError(t, s.Ping(ctx), test.verdict, test.want)
			})
		})
	}
}

func TestPingPassesOverAHostThatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c cluster
		c.add(t, "h2:9200", &estest.Server{})
		s := c.sink(t, func(c *Config) { c.Hosts = sink.List{"h2"} })
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseEndsARequestUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := make(chan struct{})
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			close(began)
			<-r.Context().Done()
		}), nil)
		go func() {
			<-began
			_ = s.Close()
		}()
		start := time.Now()
		if err := write(t, s, records(1)...); err == nil || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// A name that has no address, or a way there, is a host that is not there.
func TestEveryFailureToConnectPassesTheHostOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c cluster
		c.add(t, "h2:9200", &estest.Server{})
		s := c.sink(t, func(config *Config) {
			config.Hosts = sink.List{"h2"}
			config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if address == "es:9200" {
					return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: "es", IsNotFound: true}}
				}
				return c.dial(ctx, network, address)
			}
		})
		if err := write(t, s, records(1)...); err != nil {
			t.Error(err)
		}
	})
}
