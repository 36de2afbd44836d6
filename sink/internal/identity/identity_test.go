package identity_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	httpsink "github.com/fapilog/fapilog/sink/http"
	"github.com/fapilog/fapilog/sink/internal/identity"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
	"github.com/fapilog/fapilog/sink/syslog"
)

// certificate returns one that is its own authority.
func certificate(t *testing.T, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// dial returns a function that connects to what handle serves.
func dial(t *testing.T, handle func(net.Conn)) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	l := pipe.Listen()
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return l.Dial(ctx, network, address)
	}
}

// over returns a server's part of a TLS connection.
func over(config *tls.Config) func(net.Conn) {
	return func(c net.Conn) {
		secured := tls.Server(c, config)
		_, _ = io.Copy(io.Discard, secured) // up to the client's end, or the handshake's
	}
}

// verdicts returns what a server's behaviour means to each sink that speaks TLS.
func verdicts(t *testing.T, insecure bool, handle func(net.Conn)) map[string]string {
	t.Helper()
	u, err := url.Parse("https://logs.example/in")
	if err != nil {
		t.Fatal(err)
	}
	dial := dial(t, handle)
	overHTTP, err1 := httpsink.New(httpsink.Config{Endpoint: httpsink.Endpoint{URL: u, Insecure: insecure, Dial: dial}})
	overSyslog, err2 := syslog.New(syslog.Config{Host: "logs.example", Transport: syslog.TLS, Insecure: insecure, Dial: dial})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, s := range map[string]sink.Sink{"http": overHTTP, "syslog": overSyslog} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		got[name] = verdict(s.Write(ctx, []sink.Record{{JSON: []byte(`{"msg":"x"}`)}}))
		cancel()
		s.Close()
	}
	return got
}

func verdict(err error) string {
	var e *sink.Error
	switch {
	case err == nil:
		return "delivered"
	case errors.As(err, &e):
		return e.Verdict.String()
	}
	return sink.Retry.String()
}

func TestARefusalMeansTheSameToEverySink(t *testing.T) {
	for name, c := range map[string]struct {
		insecure bool
		change   func(*tls.Config)
		verdict  string
	}{
		"an unknown authority": {false, func(*tls.Config) {}, "park"},
		"no client's certificate, TLS 1.3": {true, func(c *tls.Config) {
			c.ClientAuth = tls.RequireAnyClientCert
		}, "park"},
		"no client's certificate, TLS 1.2": {true, func(c *tls.Config) {
			c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
		}, "park"},
		"no cipher in common": {true, func(c *tls.Config) {
			c.CipherSuites, c.MaxVersion = []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}, tls.VersionTLS12
		}, "park"},
		"a server that is not ready": {true, func(c *tls.Config) {
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("no settings yet") }
		}, "retry"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := &tls.Config{Certificates: []tls.Certificate{certificate(t, "logs.example")}}
				c.change(config)
				for s, got := range verdicts(t, c.insecure, over(config)) {
					if got != c.verdict {
						t.Errorf("%s: %s, want %s", s, got, c.verdict)
					}
				}
			})
		})
	}
}

func TestWhatIsNoRefusalIsARetryForEverySink(t *testing.T) {
	for name, handle := range map[string]func(net.Conn){
		"the end":    func(net.Conn) {},
		"plain text": func(c net.Conn) { _, _ = io.WriteString(c, "220 hello\r\n") },
		"nothing":    func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for s, got := range verdicts(t, true, handle) {
					if got != "retry" {
						t.Errorf("%s: %s", s, got)
					}
				}
			})
		})
	}
}

// Only what the other side says is a refusal: what this side has told it is the
// consequence of another error.
func TestOnlyTheOtherSidesAlertIsARefusal(t *testing.T) {
	failure := errors.New("tls: handshake failure")
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&net.OpError{Op: "remote error", Err: failure}, true},
		{fmt.Errorf("no answer: %w", &net.OpError{Op: "remote error", Err: failure}), true},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: internal error")}, false},
		{&net.OpError{Op: "local error", Err: failure}, false},
		{failure, false},
		{&tls.CertificateVerificationError{Err: errors.New("expired")}, true},
		{nil, false},
	} {
		if got := identity.Refused(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

func TestEveryMistakeInTheFilesIsToldAtOnce(t *testing.T) {
	dir := t.TempDir()
	_, err := identity.Files{CA: dir + "/ca", Cert: dir + "/cert", Key: dir + "/key"}.Load()
	for _, want := range []string{"ca-file", "cert-file " + dir + "/cert, key-file " + dir + "/key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}
