package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// otelcolServer is an OpenTelemetry Collector that takes OTLP over HTTP and writes a
// file. With rotation the file is written to at once: a request that was answered is
// there, even if the server is killed.
type otelcolServer struct {
	process
	address, health string
	file            string
}

const otelcolConf = `
receivers: {otlp: {protocols: {http: {endpoint: %[1]q}}}}
exporters: {file: {path: %[2]q, rotation: {max_megabytes: 100000}}}
extensions: {health_check: {endpoint: %[3]q}}
service:
  extensions: [health_check]
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [otlp], exporters: [file]}}
`

func newOtelcol(t *testing.T) *otelcolServer {
	t.Helper()
	path, dir := built(t, "otelcol"), t.TempDir()
	s := &otelcolServer{address: freeAddress(t), health: freeAddress(t), file: filepath.Join(dir, "logs.jsonl")}
	conf := write(t, dir, "otelcol.yaml", fmt.Sprintf(otelcolConf, s.address, s.file, s.health))
	s.process = process{name: path, args: []string{"--config", conf}, dir: dir}
	return s
}

func (s *otelcolServer) up(t *testing.T) {
	t.Helper()
	s.start(t)
	within(t, "the collector is ready", func() error { return answers("http://" + s.health + "/") })
}

func (s *otelcolServer) uri() string {
	return "otlp://" + s.address + "?env=false&resource=service.name=integration&header=api-key:canarytoken"
}

func (s *otelcolServer) limits() limits { return limits{record: 256 << 10} }

// logs is what the file exporter writes, a line for each request.
type logs struct {
	ResourceLogs []struct {
		ScopeLogs []struct {
			LogRecords []struct {
				TimeUnixNano string
				SeverityText string
				Body         struct{ StringValue string }
				Attributes   []struct {
					Key   string
					Value struct{ IntValue, StringValue string }
				}
			}
		}
	}
}

func (s *otelcolServer) seen(t *testing.T, _ time.Time) (all []record) {
	t.Helper()
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		// What was being written when the server was killed has no end, and the next
		// line stands behind it.
		begin := bytes.LastIndex(line, []byte(`{"resourceLogs"`))
		var l logs
		if err := json.Unmarshal(line[max(begin, 0):], &l); err != nil {
			t.Logf("a line of %d bytes breaks off: %v", len(line), err)
			continue
		}
		all = append(all, l.records(t)...)
	}
	return all
}

func (l logs) records(t *testing.T) (all []record) {
	t.Helper()
	for _, resource := range l.ResourceLogs {
		for _, scope := range resource.ScopeLogs {
			for _, k := range scope.LogRecords {
				r := record{N: -1, Text: k.Body.StringValue}
				var err error
				if r.Time, err = strconv.ParseInt(k.TimeUnixNano, 10, 64); err != nil {
					t.Fatal(err)
				}
				for _, a := range k.Attributes {
					if a.Key == "n" {
						r.N, err = strconv.Atoi(a.Value.IntValue)
					}
				}
				if err != nil || k.SeverityText != "INFO" {
					t.Fatalf("a record is %+v", k)
				}
				all = append(all, r)
			}
		}
	}
	return all
}
