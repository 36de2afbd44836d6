package httppost

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink/internal/identity"
	"github.com/fapilog/fapilog/sink/internal/identity/identitytest"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// authorityFile writes an authority's certificate and returns its path.
func authorityFile(t *testing.T, a *identitytest.Authority, path string, at int64) string {
	t.Helper()
	writeFile(t, path, string(a.PEM()), at)
	return path
}

// pair writes a certificate and its key.
func pair(t *testing.T, c tls.Certificate, certPath, keyPath string, at int64) {
	t.Helper()
	certificate, key := identitytest.PEM(t, c)
	if certPath == keyPath {
		writeFile(t, certPath, string(certificate)+string(key), at)
		return
	}
	writeFile(t, certPath, string(certificate), at)
	writeFile(t, keyPath, string(key), at)
}

// serveTLS starts a server with TLS for the length of the test. It answers with
// the name in the client's certificate.
func serveTLS(t *testing.T, config *tls.Config) *network {
	t.Helper()
	n := &network{Listener: pipe.Listen()}
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peers := r.TLS.PeerCertificates; len(peers) > 0 {
			io.WriteString(w, peers[0].Subject.CommonName)
		}
	})}
	go server.Serve(tls.NewListener(n, config))
	t.Cleanup(func() { server.Close() })
	return n
}

func TestWhoIsTrusted(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		name     string
		host     string        // in the certificate
		valid    time.Duration // from now
		required bool          // the server wants a client's certificate
		change   func(*Config)
		verdict  string
		says     string
	}{
		{name: "a server of an authority that is given", change: func(c *Config) { c.CAFile = filepath.Join(dir, "ca") }, verdict: "delivered"},
		{name: "an unknown authority", change: func(*Config) {}, verdict: "park", says: "unknown authority"},
		{name: "another authority", change: func(c *Config) { c.CAFile = filepath.Join(dir, "other") }, verdict: "park", says: "unknown authority"},
		{name: "another host", host: "other.example", change: func(c *Config) { c.CAFile = filepath.Join(dir, "ca") }, verdict: "park", says: "other.example"},
		{name: "another host that is expected", host: "other.example", change: func(c *Config) {
			c.CAFile, c.ServerName = filepath.Join(dir, "ca"), "other.example"
		}, verdict: "delivered"},
		{name: "an expired certificate", valid: -time.Minute, change: func(c *Config) { c.CAFile = filepath.Join(dir, "ca") }, verdict: "park", says: "expired"},
		{name: "anybody if told so", host: "other.example", valid: -time.Minute, change: func(c *Config) { c.Insecure = true }, verdict: "delivered"},
		{name: "no client's certificate", required: true, change: func(c *Config) { c.CAFile = filepath.Join(dir, "ca") }, verdict: "park", says: "certificate required"},
		{name: "a client's certificate of another authority", required: true, change: func(c *Config) {
			c.CAFile, c.CertFile, c.KeyFile = filepath.Join(dir, "ca"), filepath.Join(dir, "foreign"), filepath.Join(dir, "foreign.key")
		}, verdict: "park", says: "unknown certificate authority"},
		{name: "a client's certificate", required: true, change: func(c *Config) {
			c.CAFile, c.CertFile, c.KeyFile = filepath.Join(dir, "ca"), filepath.Join(dir, "client"), filepath.Join(dir, "client.key")
		}, verdict: "delivered", says: "client.example"},
		{name: "a client's certificate and key in one file", required: true, change: func(c *Config) {
			c.CAFile, c.CertFile = filepath.Join(dir, "ca"), filepath.Join(dir, "both")
		}, verdict: "delivered", says: "client.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, other := identitytest.New(t), identitytest.New(t)
				authorityFile(t, ours, filepath.Join(dir, "ca"), 1)
				authorityFile(t, other, filepath.Join(dir, "other"), 1)
				client := ours.Issue("client.example", time.Time{})
				pair(t, client, filepath.Join(dir, "client"), filepath.Join(dir, "client.key"), 1)
				pair(t, client, filepath.Join(dir, "both"), filepath.Join(dir, "both"), 1)
				pair(t, other.Issue("client.example", time.Time{}), filepath.Join(dir, "foreign"), filepath.Join(dir, "foreign.key"), 1)

				host, until := "logs.example", time.Time{}
				if test.host != "" {
					host = test.host
				}
				if test.valid != 0 {
					until = time.Now().Add(test.valid)
				}
				config := &tls.Config{Certificates: []tls.Certificate{ours.Issue(host, until)}, ClientCAs: ours.Pool()}
				if test.required {
					config.ClientAuth = tls.RequireAndVerifyClientCert
				}
				c := serveTLS(t, config).client(t, func(c *Config) {
					c.URL = mustURL(t, "https://logs.example/in")
					test.change(c)
				})
				response, err := attempt(t, c, Request{Body: []byte("x")})
				if test.verdict != "delivered" {
					wantError(t, err, test.verdict, test.says)
				} else if err != nil || string(response.Body) != test.says {
					t.Errorf("%v, %v", response, err)
				}
			})
		})
	}
}

func TestServerThatSpeaksNoTLSIsARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serveRaw(t, func(c *pipe.Conn) {
			io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			hold(c) // until the client closes
		})
		c := n.client(t, func(c *Config) { c.URL = mustURL(t, "https://logs.example/") })
		_, err := attempt(t, c, Request{})
		wantError(t, err, "retry", "the server speaks HTTP without TLS")
	})
}

func TestHandshakeThatHangsEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serveRaw(t, hold).client(t, func(c *Config) { c.URL = mustURL(t, "https://logs.example/") })
		_, err := attempt(t, c, Request{})
		wantError(t, err, "retry", "deadline exceeded")
	})
}

func TestFilesOfTLSAreReadAgainWhenTheyChange(t *testing.T) {
	dir := t.TempDir()
	ca, certificate := filepath.Join(dir, "ca"), filepath.Join(dir, "client")
	synctest.Test(t, func(t *testing.T) {
		ours := identitytest.New(t)
		authorityFile(t, identitytest.New(t), ca, 1) // not the one that counts
		pair(t, ours.Issue("one.example", time.Time{}), certificate, certificate, 1)
		config := &tls.Config{Certificates: []tls.Certificate{ours.Issue("logs.example", time.Time{})}, ClientCAs: ours.Pool(), ClientAuth: tls.RequireAndVerifyClientCert}
		c := serveTLS(t, config).client(t, func(c *Config) {
			c.URL, c.CAFile, c.CertFile = mustURL(t, "https://logs.example/in"), ca, certificate
		})
		_, err := attempt(t, c, Request{})
		wantError(t, err, "park", "unknown authority")
		authorityFile(t, ours, ca, 2)
		if got := mustDo(t, c, Request{}).Body; string(got) != "one.example" {
			t.Errorf("the client is %q", got)
		}
		pair(t, ours.Issue("two.example", time.Time{}), certificate, certificate, 2)
		if got := mustDo(t, c, Request{}).Body; string(got) != "two.example" {
			t.Errorf("the client is %q", got)
		}
		writeFile(t, certificate, "-----BEGIN CERT", 3) // half written
		if got := mustDo(t, c, Request{}).Body; string(got) != "two.example" {
			t.Errorf("the client is %q", got)
		}
		time.Sleep(2 * time.Minute) // and connections anew
		if got := mustDo(t, c, Request{}).Body; string(got) != "two.example" {
			t.Errorf("the client is %q", got)
		}
		pair(t, ours.Issue("three.example", time.Time{}), certificate, certificate, 4)
		if got := mustDo(t, c, Request{}).Body; string(got) != "three.example" {
			t.Errorf("the client is %q", got)
		}
	})
}

// As when it is copied first and made readable afterwards, which changes nothing by
// which a new file is known.
func TestFileOfTLSThatCouldNotBeReadOnceIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client")
	for _, pause := range []time.Duration{0, 2 * time.Minute} { // with the connection, and without
		synctest.Test(t, func(t *testing.T) {
			ours := identitytest.New(t)
			pair(t, ours.Issue("one.example", time.Time{}), path, path, 1)
			config := &tls.Config{Certificates: []tls.Certificate{ours.Issue("logs.example", time.Time{})}, ClientAuth: tls.RequireAnyClientCert}
			n := serveTLS(t, config)
			c := n.client(t, func(c *Config) {
				c.URL, c.Insecure, c.CertFile = mustURL(t, "https://logs.example/in"), true, path
			})
			mustDo(t, c, Request{})
			pair(t, ours.Issue("two.example", time.Time{}), path, path, 2)
			good, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, path, strings.Repeat("x", len(good)), 2)
			time.Sleep(pause)
			dials := n.dials.Load()
			for range 3 {
				if got := mustDo(t, c, Request{}).Body; string(got) != "one.example" {
					t.Errorf("the client is %q", got)
				}
			}
			if got := n.dials.Load() - dials; got > 1 {
				t.Errorf("%d connections for 3 requests", got)
			}
			writeFile(t, path, string(good), 2)
			if got := mustDo(t, c, Request{}).Body; string(got) != "two.example" {
				t.Errorf("the client is %q", got)
			}
		})
	}
}

// Without a limit of age nothing else ends a dial whose request has ended.
func TestHandshakesThatHangAreEndedAfterTheirRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		n := serveRaw(t, func(c *pipe.Conn) {
			open.Add(1)
			defer open.Add(-1)
			hold(c)
		})
		c := n.client(t, func(c *Config) { c.URL, c.MaxConnAge = mustURL(t, "https://logs.example/"), -1 })
		for range 3 {
			_, err := attempt(t, c, Request{})
			wantError(t, err, "retry", "deadline exceeded")
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := open.Load(); got != 0 {
			t.Errorf("%d connections are open", got)
		}
	})
}

func TestFilesOfTLSThatAreGoneAtTheFirstRequestPark(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca")
	synctest.Test(t, func(t *testing.T) {
		ours := identitytest.New(t)
		authorityFile(t, ours, path, 1)
		config := &tls.Config{Certificates: []tls.Certificate{ours.Issue("logs.example", time.Time{})}}
		c := serveTLS(t, config).client(t, func(c *Config) { c.URL, c.CAFile = mustURL(t, "https://logs.example/in"), path })
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		_, err := attempt(t, c, Request{})
		wantError(t, err, "park", path)
		authorityFile(t, ours, path, 2)
		mustDo(t, c, Request{})
	})
}

// refused returns a connection to a server that has refused the client's
// certificate and closed.
func refused(t *testing.T) net.Conn {
	t.Helper()
	ours := identitytest.New(t)
	n := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ours.Issue("logs.example", time.Time{})}, ClientAuth: tls.RequireAndVerifyClientCert})
	c := n.client(t, nil)
	conn, err := c.dialTLS(t.Context(), "tcp", "logs.example:443", &tls.Config{RootCAs: ours.Pool()})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return conn
}

func TestWriteThatFailsWaitsForTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := refused(t)
		start := time.Now()
		go func() {
			time.Sleep(time.Second)
			conn.Read(make([]byte, 1))
		}()
		if _, err := conn.Write([]byte("x")); !identity.Refused(err) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		conn.Close()
	})
}

func TestCloseEndsAWriteThatWaitsForAReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := refused(t)
		time.AfterFunc(time.Second, func() { conn.Close() })
		if _, err := conn.Write([]byte("x")); err == nil || identity.Refused(err) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestRedirectToTLSChecksWhoTheServerIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secure := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{identitytest.New(t).Issue("logs.example", time.Time{})}})
		plain := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://logs.example/in", http.StatusPermanentRedirect)
		})
		c := plain.client(t, func(c *Config) {
			c.Redirects = true
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if address == "logs.example:443" {
					return secure.dial(ctx, network, address)
				}
				return plain.dial(ctx, network, address)
			}
		})
		_, err := attempt(t, c, Request{Body: []byte("x")})
		wantError(t, err, "park", "unknown authority")
	})
}

func TestRedirectToTLSTrustsTheGivenAuthorities(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca")
	synctest.Test(t, func(t *testing.T) {
		ours := identitytest.New(t)
		authorityFile(t, ours, path, 1)
		secure := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ours.Issue("logs.example", time.Time{})}})
		plain := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://logs.example/in", http.StatusPermanentRedirect)
		})
		c := plain.client(t, func(c *Config) {
			c.Redirects, c.CAFile = true, path
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if address == "logs.example:443" {
					return secure.dial(ctx, network, address)
				}
				return plain.dial(ctx, network, address)
			}
		})
		mustDo(t, c, Request{Body: []byte("x")})
	})
}
