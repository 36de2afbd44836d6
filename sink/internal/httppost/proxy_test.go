package httppost

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink/internal/identity/identitytest"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// throughProxy has c use a proxy in memory, as New does without Dial.
func throughProxy(t *testing.T, c *Client, proxy string) {
	c.proxy = http.ProxyURL(mustURL(t, proxy))
}

func TestProxyHasItsCredentialsAndTheServerItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests []seen
		n := serve(t, recording(&requests))
		c := n.client(t, func(c *Config) { c.User, c.Password = "canaryuser", "canarypassword" })
		throughProxy(t, c, "http://a:b@proxy.example:3128")
		mustDo(t, c, Request{Body: []byte("x")})
		r := requests[0]
		if r.uri != "http://logs.example/in" || r.header.Get("Proxy-Authorization") != "Basic YTpi" || !strings.HasPrefix(r.header.Get("Authorization"), "Basic Y2Fu") {
			t.Errorf("the proxy is asked for %s: %v", r.uri, r.header)
		}
	})
}

func TestProxyThatRefusesToConnect(t *testing.T) {
	for status, verdict := range map[int]string{
		407: "park", 403: "park", 429: "throttled", 400: "retry", 413: "retry", 502: "retry", 503: "retry",
	} {
		synctest.Test(t, func(t *testing.T) {
			n := serveRaw(t, func(c *pipe.Conn) {
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				if r.Method != http.MethodConnect || r.Header.Get("Authorization") != "" {
					t.Errorf("the proxy is asked to %s with %v", r.Method, r.Header)
				}
				fmt.Fprintf(c, "HTTP/1.1 %d canarypassword\r\n\r\n", status)
			})
			c := n.client(t, func(c *Config) {
				c.URL, c.User, c.Password = mustURL(t, "https://logs.example/in"), "canaryuser", "canarypassword"
			})
			throughProxy(t, c, "http://canaryuser:canarypassword@proxy.example:3128")
			_, err := attempt(t, c, Request{Body: []byte("x")})
			wantError(t, err, verdict, "the proxy refuses to connect", fmt.Sprint(status))
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("a secret is in %q", err)
			}
		})
	}
}

// Without a limit of age nothing else ends it.
func TestHandshakeThroughAProxyThatHangsIsEndedAfterItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		n := serveRaw(t, func(c *pipe.Conn) {
			open.Add(1)
			defer open.Add(-1)
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
				hold(c)
			}
		})
		c := n.client(t, func(c *Config) { c.URL, c.MaxConnAge = mustURL(t, "https://logs.example/in"), -1 })
		throughProxy(t, c, "http://proxy.example:3128")
		_, err := attempt(t, c, Request{Body: []byte("x")})
		wantError(t, err, "retry", "deadline exceeded")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := open.Load(); got != 0 {
			t.Errorf("%d connections are open", got)
		}
	})
}

// What is said of the server holds for no proxy, and the client's certificate is for the server.
func TestProxyOverTLSIsNotCheckedWithTheServersSettings(t *testing.T) {
	ca, own := filepath.Join(t.TempDir(), "ca"), filepath.Join(t.TempDir(), "client")
	for name, c := range map[string]struct {
		url    string
		change func(*Config)
	}{
		"ca-file":                  {"https://logs.example/in", func(c *Config) { c.CAFile = ca }},
		"insecure":                 {"https://logs.example/in", func(c *Config) { c.Insecure = true }},
		"server-name":              {"https://logs.example/in", func(c *Config) { c.CAFile, c.ServerName = ca, "proxy.example" }},
		"a client's certificate":   {"https://logs.example/in", func(c *Config) { c.Insecure, c.CertFile = true, own }},
		"a server without TLS":     {"http://logs.example/in", func(*Config) {}},
		"the same host and a port": {"https://proxy.example:8443/in", func(c *Config) { c.CAFile = ca }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours := identitytest.New(t)
				authorityFile(t, ours, ca, 1)
				pair(t, ours.Issue("client.example", time.Time{}), own, own, 1)
				seen := func(tls.ConnectionState) error {
					t.Error("the proxy got as far as the client's certificate")
					return nil
				}
				n := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ours.Issue("proxy.example", time.Time{})}, ClientAuth: tls.RequestClientCert, VerifyConnection: seen, MaxVersion: tls.VersionTLS12})
				client := n.client(t, func(config *Config) {
					config.URL = mustURL(t, c.url)
					c.change(config)
				})
				throughProxy(t, client, "https://proxy.example")
				_, err := attempt(t, client, Request{Body: []byte("x")})
				wantError(t, err, "park", "the proxy proxy.example:443", "unknown authority")
			})
		})
	}
}

// The system's authorities are read once a process, so it takes another one.
func TestProxyOverTLSIsOneThatTheSystemTrusts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only on Linux SSL_CERT_FILE is known to be heeded")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("SKIPPED: no loopback: %v", err)
	}
	ours := identitytest.New(t)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RequestURI) })}
	go server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{ours.Issue("localhost", time.Time{})}}))
	defer server.Close()

	_, port, _ := net.SplitHostPort(listener.Addr().String())
	proxy := "https://localhost:" + port
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxyOfTheEnvironmentIsUsed$")
	cmd.Env = append(os.Environ(), "HTTPPOST_TEST_PROXIED=http://logs.invalid/in", "HTTP_PROXY="+proxy, "http_proxy="+proxy, "NO_PROXY=", "no_proxy=",
		"SSL_CERT_FILE="+authorityFile(t, ours, filepath.Join(t.TempDir(), "ca"), 1), "SSL_CERT_DIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if got, _, _ := strings.Cut(string(out), "\n"); err != nil || got != "200 http://logs.invalid/in" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestProxyThatCannotBeReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{Listener: pipe.Listen()}
		n.Close()
		c := n.client(t, nil)
		throughProxy(t, c, "http://canaryuser:canarypassword@proxy.example:3128")
		_, err := attempt(t, c, Request{})
		wantError(t, err, "retry", "proxy.example:3128", "refused")
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("a secret is in %q", err)
		}
	})
}

func TestDialOfOnesOwnGoesThroughNoProxy(t *testing.T) {
	c, err := New(Config{URL: mustURL(t, "http://h/"), Dial: func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF }}, "test")
	if err != nil || c.proxy != nil {
		t.Errorf("there is a proxy, or %v", err)
	}
}

// The environment is read once a process, so it takes another one.
func TestProxyOfTheEnvironmentIsUsed(t *testing.T) {
	if place := os.Getenv("HTTPPOST_TEST_PROXIED"); place != "" {
		proxied(place)
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("SKIPPED: no loopback: %v", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s for %s", r.RequestURI, r.Header.Get("Proxy-Authorization"))
	})}
	go server.Serve(listener)
	defer server.Close()

	proxy := "http://a:b@" + listener.Addr().String()
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxyOfTheEnvironmentIsUsed$")
	cmd.Env = append(os.Environ(), "HTTPPOST_TEST_PROXIED=http://logs.invalid/in", "HTTP_PROXY="+proxy, "http_proxy="+proxy, "NO_PROXY=", "no_proxy=")
	out, err := cmd.CombinedOutput()
	if got, _, _ := strings.Cut(string(out), "\n"); err != nil || got != "200 http://logs.invalid/in for Basic YTpi" {
		t.Errorf("%q, %v", got, err)
	}
}

// proxied makes a request to place and prints the answer.
func proxied(place string) {
	u, err := url.Parse(place)
	if err != nil {
		panic(err)
	}
	c, err := New(Config{URL: u}, "test")
	if err != nil {
		panic(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := c.Do(ctx, Request{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Status, string(r.Body))
}
