//go:build unix

package proof

import (
	"slices"
	"strings"
	"testing"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

// rowOf returns the row of record n of a goroutine in a run, whose life has the run's
// number.
func rowOf(run, goroutine int, n, seq uint64) row {
	return row{id: sink.ID{Journal: [16]byte{byte(run)}, Seq: seq}, p: producerOf(run, goroutine), n: n}
}

func TestOracleTellsWhatMustNotBe(t *testing.T) {
	wrong := rowOf(1, 0, 0, 0)
	wrong.wrong = true
	for _, c := range []struct {
		name string
		rows []row
		want string // of the fault; empty: there is none
	}{
		{"two producers in turn", []row{rowOf(1, 0, 0, 0), rowOf(1, 1, 0, 1), rowOf(1, 0, 1, 2)}, ""},
		{"a gap in the sequences, of a record that was never finished", []row{rowOf(1, 0, 0, 0), rowOf(1, 1, 0, 2)}, ""},
		{"a record again", []row{rowOf(1, 0, 0, 0), rowOf(1, 0, 0, 0)}, ""},
		{"text that nobody logged", []row{wrong}, "nobody logged"},
		{"a record that is missing between others", []row{rowOf(1, 0, 0, 0), rowOf(1, 0, 2, 1)}, "where 1 is next"},
		{"two records in the wrong order", []row{rowOf(1, 0, 0, 1), rowOf(1, 1, 0, 0)}, "comes after later ones"},
		{"an earlier life after a later one", []row{rowOf(2, 0, 0, 0), rowOf(1, 0, 0, 0)}, "comes after later ones"},
		{"one id for two records", []row{rowOf(1, 0, 0, 0), rowOf(1, 1, 0, 0)}, "names record"},
		{"one record with two ids", []row{rowOf(1, 0, 0, 0), rowOf(1, 0, 0, 1)}, "where 1 is next"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOracle(1, "a")
			for _, r := range c.rows {
				o.given(o.views["a"], r)
			}
			switch all := strings.Join(o.faults, "\n"); {
			case c.want == "" && all != "":
				t.Errorf("it finds fault: %s", all)
			case !strings.Contains(all, c.want):
				t.Errorf("it says %q, want %q", all, c.want)
			}
		})
	}
}

func TestOracleComparesTheLedger(t *testing.T) {
	for _, c := range []struct {
		name  string
		acked uint64
		row   fapilog.SinkStats
		want  string
	}{
		{"what was delivered", 2, fapilog.SinkStats{Name: "a", Appended: 2, Delivered: 2}, ""},
		{"one that was at work when the process ended", 2,
			fapilog.SinkStats{Name: "a", Appended: 3, Delivered: 2, Dropped: map[fapilog.Reason]uint64{fapilog.DroppedCorrupt: 1}}, ""},
		{"an accepted record that has not come", 3, fapilog.SinkStats{Name: "a", Appended: 2, Delivered: 2}, "were accepted"},
		{"a sum that is wrong", 2, fapilog.SinkStats{Name: "a", Appended: 3, Delivered: 2}, "does not add up"},
		{"a delivery counted twice", 2, fapilog.SinkStats{Name: "a", Appended: 3, Delivered: 3}, "it was given 2"},
		{"a record left", 2, fapilog.SinkStats{Name: "a", Appended: 3, Delivered: 2, Pending: 1}, "neither delivered nor corrupt"},
		{"more corrupt than were at work", 2,
			fapilog.SinkStats{Name: "a", Appended: 11, Delivered: 2, Dropped: map[fapilog.Reason]uint64{fapilog.DroppedCorrupt: 9}}, "at most 8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOracle(1, "a")
			o.kills = 1
			o.given(o.views["a"], rowOf(1, 0, 0, 0))
			o.given(o.views["a"], rowOf(1, 0, 1, 1))
			o.acks[producerOf(1, 0)] = c.acked
			o.complete(fapilog.Stats{Sinks: []fapilog.SinkStats{c.row}})
			switch all := strings.Join(o.faults, "\n"); {
			case c.want == "" && all != "":
				t.Errorf("it finds fault: %s", all)
			case !strings.Contains(all, c.want):
				t.Errorf("it says %q, want %q", all, c.want)
			}
		})
	}
}

func TestAnyChangeOfRecordIsRecognised(t *testing.T) {
	p, n := producerOf(7, 3), uint64(5)
	whole := sink.Record{Time: p.time(n), Level: level(n),
		JSON: []byte(`{"time":"x","level":"INFO","msg":"m","p":115,"n":5,"body":"` + string(p.appendBody(nil, n)) + `"}`)}
	if gotP, gotN, ok := recognise(whole); gotP != p || gotN != n || !ok {
		t.Fatalf("it is not recognised: %d, %d, %v", gotP, gotN, ok)
	}
	start := strings.Index(string(whole.JSON), `"p":`)
	for i := start; i < len(whole.JSON); i++ {
		r := whole
		r.JSON = slices.Clone(r.JSON)
		r.JSON[i] ^= 1
		if _, _, ok := recognise(r); ok {
			t.Errorf("%s is recognised", r.JSON)
		}
	}
}
