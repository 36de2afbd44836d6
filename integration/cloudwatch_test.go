package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"testing"
	"time"

	_ "github.com/fapilog/fapilog/sink/cloudwatch"
	"github.com/fapilog/fapilog/sink/cloudwatch/cwtest"
)

// motoServer is moto's imitation of CloudWatch Logs, which takes more than the real
// one, behind a front that has the real one's limits and checks signatures. It forgets
// everything when it is killed.
type motoServer struct {
	process
	address string
	front   *httptest.Server
}

func newMoto(t *testing.T) *motoServer {
	t.Helper()
	python := program(t, "python3")
	if err := exec.Command(python, "-c", "import moto.server").Run(); err != nil {
		t.Skip("NOT TESTED: moto is missing; where pip may be used: pip install 'moto[server]'")
	}
	s := &motoServer{address: freeAddress(t)}
	s.process = process{
		name: python, dir: t.TempDir(),
		args: []string{"-c", "import sys; from moto.server import main; main(sys.argv[1:])", "-H", "127.0.0.1", "-p", port(s.address)},
	}
	next := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.address})
	next.ModifyResponse = func(answer *http.Response) error {
		answer.Header.Set("Content-Type", "application/x-amz-json-1.1") // as the real one; moto says text/html
		return nil
	}
	s.front = httptest.NewServer(&cwtest.Server{AccessKey: "canaryuser", SecretKey: "canarypassword", Next: next})
	t.Cleanup(s.front.Close)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "canaryuser", "AWS_SECRET_ACCESS_KEY": "canarypassword", "AWS_SESSION_TOKEN": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	} {
		t.Setenv(name, value)
	}
	return s
}

func (s *motoServer) up(t *testing.T) {
	t.Helper()
	s.start(t)
	within(t, "moto is ready", func() error { return answers("http://" + s.address + "/moto-api/") })
}

func (s *motoServer) uri() string {
	return "cloudwatch://integration/test?region=" + cwtest.Region + "&endpoint=" + s.front.URL
}

func (s *motoServer) limits() limits { return limits{record: 200 << 10} }

// seen asks moto itself, page by page, until a page refers to itself.
func (s *motoServer) seen(t *testing.T, _ time.Time) (all []record) {
	t.Helper()
	for token, next := "", ""; ; token = next {
		var page struct {
			Events []struct {
				Timestamp int64 // milliseconds since 1970
				Message   string
			}
			NextForwardToken string
		}
		s.ask(t, "GetLogEvents", map[string]any{"logGroupName": "integration", "logStreamName": "test", "startFromHead": true}, token, &page)
		for _, e := range page.Events {
			r, err := parse([]byte(e.Message))
			if err != nil {
				t.Fatal(err)
			}
			if r.Time/1e6 != e.Timestamp {
				t.Fatalf("record %d is at %d ms, and it says %d", r.N, e.Timestamp, r.Time)
			}
			all = append(all, r)
		}
		if next = page.NextForwardToken; next == token || len(page.Events) == 0 {
			return all
		}
	}
}

// ask calls an operation, by the JSON 1.1 protocol. Moto does not check signatures, but
// finds in them which service is meant.
func (s *motoServer) ask(t *testing.T, operation string, input map[string]any, token string, into any) {
	t.Helper()
	if token != "" {
		input["nextToken"] = token
	}
	body, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.address+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "Logs_20140328."+operation)
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=key/20260101/"+cwtest.Region+"/logs/aws4_request, SignedHeaders=host, Signature=none")
	client := http.Client{Timeout: 20 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.300s", answer.Status, text)
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
}
