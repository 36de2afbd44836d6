package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"
)

// lokiServer is a Grafana Loki. It answers 200 when its write-ahead log has the
// records, so they outlive its being killed.
type lokiServer struct {
	process
	address string
}

// The two look-up periods are 10 s by default and delay readiness as long. The
// limits are those by default, but for rates, which would only make the tests slow.
const lokiConf = `
auth_enabled: false
server:
  http_listen_address: 127.0.0.1
  http_listen_port: %[2]s
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: %[3]s
  log_level: warn
common:
  instance_addr: 127.0.0.1
  path_prefix: %[1]s
  replication_factor: 1
  ring: {kvstore: {store: inmemory}}
  storage: {filesystem: {chunks_directory: %[1]s/chunks, rules_directory: %[1]s/rules}}
schema_config:
  configs:
    - {from: 2024-01-01, store: tsdb, object_store: filesystem, schema: v13, index: {prefix: index_, period: 24h}}
ingester: {lifecycler: {min_ready_duration: 0s, final_sleep: 0s}}
query_range: {cache_results: false}
frontend: {scheduler_dns_lookup_period: 200ms}
frontend_worker: {dns_lookup_duration: 200ms}
limits_config: {ingestion_rate_mb: 1000, ingestion_burst_size_mb: 1000, per_stream_rate_limit: 1GB, per_stream_rate_limit_burst: 1GB, max_line_size: 64KB}
analytics: {reporting_enabled: false}
pattern_ingester: {enabled: false}
`

func newLoki(t *testing.T) *lokiServer {
	t.Helper()
	path, dir := built(t, "loki"), t.TempDir()
	s := &lokiServer{address: freeAddress(t)}
	conf := write(t, dir, "loki.yaml", fmt.Sprintf(lokiConf, dir, port(s.address), port(freeAddress(t))))
	s.process = process{name: path, args: []string{"-config.file=" + conf}, dir: dir}
	return s
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func (s *lokiServer) up(t *testing.T) {
	t.Helper()
	s.start(t)
	within(t, "Loki is ready", func() error { return answers("http://" + s.address + "/ready") })
}

func (s *lokiServer) uri() string {
	return "loki://canaryuser:canarypassword@" + s.address + "?labels=app=integration,env=test&max-line=64KiB"
}

func (s *lokiServer) limits() limits { return limits{record: 64 << 10} }

// seen asks in pages: no two records of a load have the same time. Loki sorts by
// time, and has no other order.
func (s *lokiServer) seen(t *testing.T, from time.Time) (all []record) {
	t.Helper()
	for next := from; ; {
		page := s.query(t, `{app="integration",env="test"}`, next)
		if len(page) == 0 {
			return all
		}
		for _, e := range page {
			r, err := parse([]byte(e.line))
			if err != nil {
				t.Fatal(err)
			}
			if r.Time != e.time {
				t.Fatalf("Loki has record %d at %d, and it says %d", r.N, e.time, r.Time)
			}
			all = append(all, r)
		}
		next = time.Unix(0, page[len(page)-1].time+1)
	}
}

// entry is a line in Loki.
type entry struct {
	time int64
	line string
}

// query returns the first entries from a time on, sorted by time.
func (s *lokiServer) query(t *testing.T, expression string, from time.Time) (all []entry) {
	t.Helper()
	parameters := url.Values{
		"query": {expression}, "limit": {"2000"}, "direction": {"forward"},
		"start": {strconv.FormatInt(from.UnixNano(), 10)}, "end": {strconv.FormatInt(time.Now().Add(time.Hour).UnixNano(), 10)},
	}
	client := http.Client{Timeout: 20 * time.Second}
	answer, err := client.Get("http://" + s.address + "/loki/api/v1/query_range?" + parameters.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body struct {
		Data struct {
			Result []struct{ Values [][2]string }
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("Loki answers %s: %v", answer.Status, err)
	}
	for _, stream := range body.Data.Result {
		for _, v := range stream.Values {
			nanoseconds, err := strconv.ParseInt(v[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, entry{nanoseconds, v[1]})
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return int(a.time - b.time) })
	return all
}
