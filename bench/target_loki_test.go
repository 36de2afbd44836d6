package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/golang/snappy"
	"github.com/grafana/loki-client-go/pkg/logproto"
)

func TestServerCountsTheRecordsOfEveryForm(t *testing.T) {
	const two = `{"streams":[{"stream":{"app":"a[\"]"},"values":[["1","x"],["2","[\\\"y]",{"id":"[[["}]]}]}`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(two))
	_ = z.Close()
	push, err := proto.Marshal(&logproto.PushRequest{Streams: []logproto.Stream{
		{Labels: `{a="1"}`, Entries: []logproto.Entry{{Timestamp: time.Unix(1, 0), Line: "x"}, {Timestamp: time.Unix(2, 0), Line: "y"}}},
		{Labels: `{a="2"}`, Entries: []logproto.Entry{{Timestamp: time.Unix(1, 0), Line: "z"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	const asJSON = "application/json"
	for _, c := range []struct {
		name, form, encoding string
		body                 []byte
		want                 int // -1: an error
	}{
		{"JSON", asJSON, "", []byte(two), 2},
		{"JSON, two streams", asJSON, "", []byte(`{"streams":[{"stream":{},"values":[["1","x"]]},{"stream":{},"values":[["1","x"],["1","x"]]}]}`), 3},
		{"JSON without a stream", asJSON, "", []byte(`{"streams":[]}`), 0},
		{"gzip", asJSON, "gzip", packed.Bytes(), 2},
		{"snappy", "application/x-protobuf", "", snappy.Encode(nil, push), 3},
		{"cut short", asJSON, "", []byte(two[:len(two)-3]), -1},
		{"cut short in a string", asJSON, "", []byte(two[:strings.Index(two, "y]")]), -1},
		{"another document", asJSON, "", []byte(`[["1","x"]]`), -1},
		{"another form", "text/plain", "", []byte(two), -1},
		{"gzip that is none", asJSON, "gzip", []byte(two), -1},
		{"snappy that is none", "application/x-protobuf", "", []byte(two), -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := recordsIn(c.body, http.Header{"Content-Type": {c.form}, "Content-Encoding": {c.encoding}})
			if (err != nil) != (c.want < 0) || err == nil && n != c.want {
				t.Errorf("%d records, %v; want %d", n, err, c.want)
			}
		})
	}
}

func TestEverySenderOfTheLokiTargetSendsEveryRecord(t *testing.T) {
	if processCPU() == 0 {
		t.Skip("no CPU time of a process here")
	}
	arms := lokiArms(1 << 20)
	s := &session{rounds: 1, log: io.Discard}
	samples, err := measureLoki(s, arms, 1600)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range arms {
		x := samples[i][0]
		few := strings.Contains(x.void, "fewer than 10") // so few calls do not fill the journal
		if peer := i%2 == 1; peer && x.void != "" || !peer && !few || strings.Contains(x.void, "have arrived") {
			t.Errorf("%s: void for %q", a.name, x.void)
		}
		if x.perCPUSecond <= 0 || x.bytesPerRecord <= 0 {
			t.Errorf("%s: %+v", a.name, x)
		}
	}
}

func TestLokiRowsCompareEachArmWithThePeerAfterIt(t *testing.T) {
	s := &session{log: io.Discard, figures: new(figures)}
	addLokiRows(s, [][]lokiSample{
		{{perCPUSecond: 80, bytesPerRecord: 245}}, {{perCPUSecond: 20, bytesPerRecord: 42}},
		{{perCPUSecond: 60}}, {{perCPUSecond: 20, void: "2 of 3 records have arrived"}},
		{{perCPUSecond: 40}}, {{perCPUSecond: 20}},
	})
	rows := s.figures.Rows
	if rows[0].Number != 9 || !strings.Contains(rows[0].Note, "245 bytes, slog-loki 42") {
		t.Errorf("the first row is %+v", rows[0])
	}
	for i, want := range []float64{4, 3, 2} {
		if r := rows[i]; r.Ratio.Median != want || !r.AtLeast || (r.Void != "") != (i == 1) {
			t.Errorf("%s: %v, want %v; void for %q", r.Question, r.Ratio, want, r.Void)
		}
	}
}

func TestRunWithRecordsThatDoNotArriveDoesNotCount(t *testing.T) {
	c, err := startChild(t.Context(), lokiRole)
	if err != nil {
		t.Fatal(err)
	}
	var addr string
	if err := c.read(&addr); err != nil {
		t.Fatal(err)
	}
	idle := lokiArm{name: "nothing sent", open: func(string) (*lokiSender, error) {
		return &lokiSender{
			handler: slog.DiscardHandler,
			drain:   func(int) error { return nil },
			close:   func() error { return nil },
		}, nil
	}}
	x, err := measureLokiArm(idle, "http://"+addr, 10)
	if err != nil || !strings.Contains(x.void, "0 of 10 records") {
		t.Errorf("void for %q, %v", x.void, err)
	}
	if err := c.wait(); err != nil {
		t.Error(err)
	}
}
