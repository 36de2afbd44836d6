package syslog

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/identity/identitytest"
)

// pair writes a certificate and its key, to path and path.key.
func pair(t *testing.T, c tls.Certificate, path string) {
	t.Helper()
	certificate, key := identitytest.PEM(t, c)
	writeFile(t, path, certificate)
	writeFile(t, path+".key", key)
}

func writeFile(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// secured has the server speak TLS for a host named logs, with a file of its
// authority in dir.
func secured(t *testing.T, dir string, change func(*identitytest.Authority, *tls.Config)) func(*server) {
	a := identitytest.New(t)
	writeFile(t, filepath.Join(dir, "ca"), a.PEM())
	config := &tls.Config{Certificates: []tls.Certificate{a.Issue("logs", time.Time{})}, ClientCAs: a.Pool()}
	if change != nil {
		change(a, config)
	}
	return func(s *server) {
		s.handle = func(_ int, c net.Conn) bool {
			conn := tls.Server(c, config)
			s.read(conn)
			conn.Close()
			return false
		}
	}
}

// overTLS has the sink trust the authority in dir.
func overTLS(dir string) func(*Config) {
	return func(c *Config) { c.Transport, c.CAFile = TLS, filepath.Join(dir, "ca") }
}

func TestWhoIsTrusted(t *testing.T) {
	dir := t.TempDir()
	own := overTLS(dir)
	certificate := func(name string) func(*Config) {
		return func(c *Config) {
			own(c)
			c.CertFile, c.KeyFile = filepath.Join(dir, name), filepath.Join(dir, name+".key")
		}
	}
	required := func(_ *identitytest.Authority, c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert }
	with := func(changes ...func(*identitytest.Authority, *tls.Config)) func(*identitytest.Authority, *tls.Config) {
		return func(a *identitytest.Authority, c *tls.Config) {
			for _, change := range changes {
				change(a, c)
			}
		}
	}
	version12 := func(_ *identitytest.Authority, c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
	noTickets := func(_ *identitytest.Authority, c *tls.Config) { c.SessionTicketsDisabled = true }
	host := func(name string, valid time.Duration) func(*identitytest.Authority, *tls.Config) {
		return func(a *identitytest.Authority, c *tls.Config) {
			c.Certificates = []tls.Certificate{a.Issue(name, time.Now().Add(valid))}
		}
	}
	for _, test := range []struct {
		name    string
		server  func(*identitytest.Authority, *tls.Config)
		client  func(*Config)
		verdict string
		says    string
		takes   time.Duration
	}{
		{"a server of an authority that is given", nil, own, "delivered", "", 0},
		{"an unknown authority", nil, func(c *Config) { c.Transport = TLS }, "park", "unknown authority", 0},
		{"another host", host("other", time.Hour), own, "park", "other", 0},
		{"another host that is expected", host("other", time.Hour), func(c *Config) { own(c); c.ServerName = "other" }, "delivered", "", 0},
		{"an expired certificate", host("logs", -time.Minute), own, "park", "expired", 0},
		{"anybody if told so", host("other", -time.Minute), func(c *Config) { c.Transport, c.Insecure = TLS, true }, "delivered", "", 0},
		{"a client's certificate", required, certificate("client"), "delivered", "", 0},
		{"a client's certificate, without tickets", with(required, noTickets), certificate("client"), "delivered", "", settleTime},
		{"a client's certificate, TLS 1.2", with(required, version12), certificate("client"), "delivered", "", 0},
		{"a client's certificate that nobody asks for", nil, certificate("client"), "delivered", "", 0},
		{"no client's certificate", required, own, "park", "certificate required", 0},
		{"no client's certificate, without tickets", with(required, noTickets), own, "park", "certificate required", 0},
		{"no client's certificate, TLS 1.2", with(required, version12), own, "park", "does not accept the client's certificate", 0},
		{"a client's certificate of another authority", required, certificate("foreign"), "park", "unknown certificate authority", 0},
	} {
		for _, confirm := range []string{Close, Never} {
			t.Run(test.name+", confirm="+confirm, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := serve(t, secured(t, dir, func(a *identitytest.Authority, c *tls.Config) {
						pair(t, a.Issue("client", time.Time{}), filepath.Join(dir, "client"))
						pair(t, identitytest.New(t).Issue("client", time.Time{}), filepath.Join(dir, "foreign"))
						if test.server != nil {
							test.server(a, c)
						}
					}))
					s := server.client(test.client, func(c *Config) { c.Confirm = confirm })
					takes := test.takes
					if confirm == Close {
						takes = 0
					}
					start := time.Now()
					err := write(t, s, "x")
					if verdict(err) != test.verdict || err != nil && !strings.Contains(err.Error(), test.says) || time.Since(start) != takes {
						t.Errorf("%s after %v: %v", verdict(err), time.Since(start), err)
					}
					if err != nil {
						wantTexts(t, server) // nothing is lost that counts as delivered
					} else {
						wantTexts(t, server, "x")
					}
					if err := s.(sink.Pinger).Ping(t.Context()); verdict(err) != test.verdict {
						t.Errorf("Ping: %v", err)
					}
				})
			})
		}
	}
}

// A server may come to its decision later than we wait for it.
func TestALateRefusalParksTheNextAttempt(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		server := serve(t, secured(t, dir, func(_ *identitytest.Authority, c *tls.Config) {
			c.ClientAuth = tls.RequireAnyClientCert
			c.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error {
				time.Sleep(2 * settleTime)
				return errors.New("revoked")
			}
		}))
		pair(t, identitytest.New(t).Issue("client", time.Time{}), filepath.Join(dir, "client"))
		s := server.client(overTLS(dir), func(c *Config) {
			c.CertFile, c.KeyFile = filepath.Join(dir, "client"), filepath.Join(dir, "client.key")
		})
		if err := write(t, s, "x"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if err := write(t, s, "x"); verdict(err) != "park" || !strings.Contains(err.Error(), "bad certificate") || server.connections() != 1 {
			t.Error(err)
		}
	})
}

func TestTheServerIsToldOfTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := &tls.Config{Certificates: []tls.Certificate{identitytest.New(t).Issue("logs", time.Time{})}}
		ends := make(chan error, 1)
		server := serve(t, func(s *server) {
			s.handle = func(_ int, c net.Conn) bool {
				_, err := io.Copy(io.Discard, tls.Server(c, config))
				ends <- err // without close_notify: io.ErrUnexpectedEOF
				return false
			}
		})
		s := server.client(func(c *Config) { c.Transport, c.Insecure = TLS, true })
		if err := write(t, s, "x"); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if err := <-ends; err != nil {
			t.Errorf("the connection ends with %v", err)
		}
	})
}

func TestConfirmWorksOverTLS(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		server := serve(t, secured(t, dir, nil))
		s := server.client(overTLS(dir), func(c *Config) { c.Confirm = Auto })
		texts := numbered(0, 50, 300)
		for _, text := range texts {
			if err := write(t, s, text); err != nil {
				t.Fatal(err)
			}
		}
		wantTexts(t, server, texts...)
	})
}

// Neither Write nor Close waits for a server that does not read.
func TestAHungServerDoesNotHoldTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := &tls.Config{Certificates: []tls.Certificate{identitytest.New(t).Issue("logs", time.Time{})}}
		server := serve(t, func(s *server) {
			s.handle = func(_ int, c net.Conn) bool {
				tls.Server(c, config).Handshake()
				time.Sleep(time.Hour)
				return false
			}
		})
		s := server.client(func(c *Config) { c.Transport, c.Insecure = TLS, true })
		start := time.Now()
		if err := write(t, s, numbered(0, 1000, 500)...); verdict(err) != "retry" || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		for write(t, s, numbered(0, 10, 500)...) == nil { // until the buffers are all but full
		}
		start = time.Now()
		if s.Close(); time.Since(start) > closeGrace {
			t.Errorf("Close took %v", time.Since(start))
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestWhatIsNotTLSIsARetry(t *testing.T) {
	for name, handle := range map[string]func(net.Conn){
		"plain text":         func(c net.Conn) { c.Write([]byte("220 hello\r\n")); time.Sleep(time.Second) },
		"nothing":            func(c net.Conn) { time.Sleep(time.Hour) },
		"the end":            func(c net.Conn) {},
		"a reset":            func(c net.Conn) { c.(interface{ Reset() }).Reset() },
		"another's messages": func(c net.Conn) { io.Copy(c, c) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *server) {
				s := server.client(func(c *Config) { c.Transport, c.Insecure = TLS, true })
				start := time.Now()
				if err := write(t, s, "x"); verdict(err) != "retry" || time.Since(start) > 10*time.Second {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				time.Sleep(2 * time.Hour)
			}, func(s *server) { s.handle = func(_ int, c net.Conn) bool { handle(c); return false } })
		})
	}
}

func TestFilesAreReadForEachConnection(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		server := serve(t, secured(t, dir, nil))
		ca := filepath.Join(dir, "ca")
		good, err := os.ReadFile(ca)
		if err != nil {
			t.Fatal(err)
		}
		s := server.client(overTLS(dir))
		if err := os.Remove(ca); err != nil {
			t.Fatal(err)
		}
		if err := write(t, s, "0"); verdict(err) != "park" || !strings.Contains(fmt.Sprint(err), "syslog: ca-file") {
			t.Errorf("without the file: %v", err)
		}
		writeFile(t, ca, identitytest.New(t).PEM())
		if err := write(t, s, "0"); verdict(err) != "park" {
			t.Errorf("with another's file: %v", err)
		}
		if err := os.WriteFile(ca, good, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := write(t, s, "1"); err != nil {
			t.Errorf("with the file: %v", err)
		}
		if err := os.WriteFile(ca, good[:10], 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if err := write(t, s, "2"); err != nil {
			t.Errorf("with half the file: %v", err)
		}
		wantTexts(t, server, "1", "2")
	})
}
