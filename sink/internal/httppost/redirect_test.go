package httppost

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

func TestRedirects(t *testing.T) {
	const from = "http://logs.example/in"
	for _, test := range []struct {
		name     string
		status   int
		location string
		follow   bool
		want     string // where the request ends; "": it is not followed
	}{
		{"none unless asked for", 307, "/there", false, ""},
		{"307 on the same host", 307, "/there", true, "http logs.example/there"},
		{"308 on the same host", 308, "http://LOGS.example:80/there?a=1", true, "http logs.example/there?a=1"},
		{"301 would become a GET", 301, "/there", true, ""},
		{"302 would", 302, "/there", true, ""},
		{"303 would", 303, "/there", true, ""},
		{"300 is a choice", 300, "/there", true, ""},
		{"another host", 307, "http://other.example/there", true, ""},
		{"a host below it", 307, "http://a.logs.example/there", true, ""},
		{"another host without scheme", 308, "//other.example/there", true, ""},
		{"another port", 307, "http://logs.example:8080/there", true, ""},
		{"https on another port", 307, "https://logs.example:8443/there", true, ""},
		{"credentials of its own", 307, "http://a:b@logs.example/there", true, "http logs.example/there"},
		{"no place", 307, "", true, ""},
		{"a malformed place", 307, "http://%zz/", true, ""},
		{"another protocol", 307, "file:///etc/passwd", true, ""},
		{"in a circle", 307, "/in", true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ends, hosts []string
				requests := 0
				n := serve(t, func(w http.ResponseWriter, r *http.Request) {
					requests++
					body, _ := io.ReadAll(r.Body)
					if user, password, _ := r.BasicAuth(); user != "canaryuser" || password != "canarypassword" || string(body) != "hello" || r.Method != "POST" {
						t.Errorf("request %d: %s as %q with %q", requests, r.Method, user, body)
					}
					if strings.HasPrefix(r.RequestURI, "/in") {
						w.Header().Set("Location", test.location)
						w.WriteHeader(test.status)
						return
					}
					ends = append(ends, "http "+r.Host+r.RequestURI)
				})
				c := n.client(t, func(c *Config) {
					c.URL, c.User, c.Password, c.Redirects = mustURL(t, from), "canaryuser", "canarypassword", test.follow
					c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
						hosts = append(hosts, address)
						return n.dial(ctx, network, address)
					}
				})
				response, err := attempt(t, c, Request{Body: []byte("hello")})
				if err != nil {
					t.Fatal(err)
				}
				followed := ""
				if len(ends) > 0 {
					followed = ends[0]
				}
				if followed != test.want || (response.Status == 200) != (test.want != "") {
					t.Errorf("it ends at %q with %d, want %q", followed, response.Status, test.want)
				}
				if len(hosts) != 1 || hosts[0] != "logs.example:80" {
					t.Errorf("%q were dialled", hosts)
				}
				if limit := 1 + maxRedirects; requests > limit {
					t.Errorf("%d requests, want %d at most", requests, limit)
				}
			})
		})
	}
}

func TestUpgradeToTLSIsTheSameHost(t *testing.T) {
	for _, test := range []struct {
		from, to string
		want     bool
	}{
		{"http://h/", "https://h/", true},
		{"http://h:80/", "https://h:443/", true},
		{"http://h:3100/", "https://h/", false},
		{"https://h/", "http://h/", false},
		{"https://h/", "https://h:443/x", true},
		{"http://[::1]/", "http://[::1]:80/", true},
	} {
		if got := sameHost(mustURL(t, test.from), mustURL(t, test.to)); got != test.want {
			t.Errorf("%s → %s: %t", test.from, test.to, got)
		}
	}
}

func TestSignatureIsThatOfTheBytesAfterARedirectToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bodies [][]byte
		n := serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			bodies = append(bodies, body)
			if r.URL.Path == "/in" {
				http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
			}
		})
		c := n.client(t, func(c *Config) { c.Redirects, c.Gzip = true, true })
		var signed []byte
		mustDo(t, c, Request{Body: bytes.Repeat([]byte("x"), 5000), Sign: func(body []byte, _ http.Header) { signed = bytes.Clone(body) }})
		if len(bodies) != 2 || !bytes.Equal(bodies[0], signed) || !bytes.Equal(bodies[1], signed) {
			t.Errorf("%d bodies", len(bodies))
		}
	})
}
