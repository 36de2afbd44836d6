package integration

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// nginxServer is an nginx that keeps the body of each request in a file, before it
// answers.
type nginxServer struct {
	process
	address string
	cert    string // empty: http
	dir     string
	life    int // how often it was started; each life has a directory of its own
}

// The request goes on to the server itself, as nginx reads no body otherwise.
const nginxKeeper = `
daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log stderr error;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/bodies; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	client_max_body_size 8m;
	client_body_in_file_only on;
	server {
		listen %[2]s %[3]s;
		location = /ok { return 204; }
		location = /logs {
			if ($http_authorization = "") { return 401; }
			proxy_pass http://%[4]s/; proxy_pass_request_body off; proxy_set_header Content-Length "";
		}
	}
	server { listen %[4]s; location / { return 204; } }
}
`

func newNginx(t *testing.T, secure bool) *nginxServer {
	t.Helper()
	s := &nginxServer{address: freeAddress(t), dir: t.TempDir()}
	tls := ""
	if secure {
		cert, key := certificate(t)
		s.cert = cert
		tls = "ssl; ssl_certificate " + cert + "; ssl_certificate_key " + key
	}
	conf := write(t, s.dir, "nginx.conf", fmt.Sprintf(nginxKeeper, s.dir, s.address, tls, freeAddress(t)))
	s.process = process{name: program(t, "nginx"), args: []string{"-c", conf, "-p", s.dir}, dir: s.dir}
	return s
}

// bodies is the directory of a life's bodies.
func (s *nginxServer) bodies(life int) string {
	return filepath.Join(s.dir, fmt.Sprint("bodies-", life))
}

func (s *nginxServer) up(t *testing.T) {
	t.Helper()
	s.life++
	if err := os.Mkdir(s.bodies(s.life), 0o777); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(s.dir, "bodies")
	_ = os.Remove(link) // there is none at first
	if err := os.Symlink(s.bodies(s.life), link); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	within(t, "nginx is ready", s.ping)
}

func (s *nginxServer) ping() error {
	scheme, transport := "http://", new(http.Transport)
	if s.cert != "" {
		text, err := os.ReadFile(s.cert)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(text)
		scheme, transport.TLSClientConfig = "https://", &tls.Config{RootCAs: pool}
	}
	defer transport.CloseIdleConnections()
	client := http.Client{Timeout: 5 * time.Second, Transport: transport}
	answer, err := client.Get(scheme + s.address + "/ok")
	if err == nil {
		answer.Body.Close()
	}
	return err
}

func (s *nginxServer) uri() string {
	if s.cert != "" {
		return "https://canaryuser:canarypassword@" + s.address + "/logs?ca-file=" + s.cert
	}
	return "http://canaryuser:canarypassword@" + s.address + "/logs?query=key%3Dcanarytoken"
}

func (s *nginxServer) limits() limits { return limits{record: 256 << 10} }

// seen reads the bodies in the order in which they came, by their names. What was
// being written when the server was killed may have no end.
func (s *nginxServer) seen(t *testing.T, _ time.Time) (all []record) {
	t.Helper()
	for life := 1; life <= s.life; life++ {
		files, err := filepath.Glob(filepath.Join(s.bodies(life), "*"))
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(files)
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range bytes.Lines(body) {
				if !bytes.HasSuffix(line, []byte("\n")) {
					t.Logf("a body of %d bytes breaks off", len(body))
					break
				}
				r, err := parse(line)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, r)
			}
		}
	}
	return all
}
