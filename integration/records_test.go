package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// records returns how many records go through each server: 5,000, or what
// FAPILOG_INTEGRATION_RECORDS says; 100,000 for the full test.
func records(t *testing.T) int {
	t.Helper()
	text := os.Getenv("FAPILOG_INTEGRATION_RECORDS")
	if text == "" {
		return 5_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1000 {
		t.Fatalf("FAPILOG_INTEGRATION_RECORDS is %q; give a number from 1000", text)
	}
	return n
}

// record is one that is logged, and as a server has it.
type record struct {
	N    int
	Text string
	Time int64 // nanoseconds since 1970
}

// load is a series of records with hostile texts. They are numbered from 0, and
// each is later than the one before.
type load struct {
	start time.Time
	size  int // of the JSON of every 500th record, in bytes
}

// texts are hostile to files, lines, JSON, syslog, terminals and queries.
var texts = []string{
	"plain",
	"",
	"two\nlines\r\nand\ra\ttab",
	`"quoted" and \back\slashed\ and 'single'`,
	`{"msg":"not the message","n":-1}`,
	"</script><script>alert(1)</script> & more",
	"Grüße, 世界, مرحبا, 🦫👩‍👩‍👧",
	"\u2028line\u2029paragraph\u0085next",
	"nul \x00, bell \x07, escape \x1b[31mred\x1b[0m, delete \x7f",
	"bytes that are not UTF-8: \xff\xfe\xc3(\xed\xa0\x80",
	"right to left \u202e override, zero\u200bwidth, \ufeffbom, a\u0308 combining",
	`<34>1 2003-10-11T22:14:15.003Z host app 1 ID [a@1 b="c"] forged`,
	`{app="integration"} |= "x" | json, ${jndi:ldap://x} %s%n %2e%2e/ ../../etc/passwd`,
	"\ufffd 65533 \U0010ffff 1114111",
	"trailing space and newline \n",
}

// log logs the nth record.
func (l load) log(h slog.Handler, n int) error {
	r := slog.NewRecord(l.when(n), slog.LevelInfo, l.text(n), 0)
	r.AddAttrs(slog.Int("n", n))
	return h.Handle(context.Background(), r)
}

// when returns the time of the nth record, the digits of which go down to the
// nanosecond.
func (l load) when(n int) time.Time {
	return l.start.Add(time.Duration(n)*time.Microsecond + time.Duration(n%1000))
}

// text returns the message of the nth record.
func (l load) text(n int) string {
	if l.size == 0 || n%500 != 499 {
		return texts[n%len(texts)] + strconv.Itoa(n/len(texts)%7)
	}
	var line bytes.Buffer
	r := slog.NewRecord(l.when(n), slog.LevelInfo, "", 0)
	r.AddAttrs(slog.Int("n", n))
	_ = slog.NewJSONHandler(&line, nil).Handle(context.Background(), r)
	return strings.Repeat("x", l.size-(line.Len()-1)) // less its newline
}

// want returns the nth record as a server should have it: bytes that are not UTF-8
// cannot be in JSON.
func (l load) want(n int) record {
	return record{n, wellFormed(l.text(n)), l.when(n).UnixNano()}
}

func wellFormed(text string) string {
	var b strings.Builder
	for _, r := range text { // each such byte is one U+FFFD
		b.WriteRune(r)
	}
	return b.String()
}

// parse reads a record from its JSON.
func parse(line []byte) (record, error) {
	var r struct {
		Time time.Time
		Msg  *string
		N    *int
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return record{}, fmt.Errorf("%w in %.300q", err, line)
	}
	if r.Msg == nil || r.N == nil {
		return record{}, fmt.Errorf("msg or n is missing in %.300q", line)
	}
	return record{*r.N, *r.Msg, r.Time.UnixNano()}, nil
}

// findings are what is wrong with the records of a server.
type findings struct {
	lost     []int
	doubled  int // records that are there once more
	strange  int // records that were not logged, or not like that
	disorder int // records that came before one that was logged earlier, repetitions left out
	example  string
}

// compare compares what a server has, in its order, with the first n records.
func (l load) compare(got []record, n int) (f findings) {
	times, last := make([]int, n), -1
	for _, r := range got {
		switch {
		case r.N < 0 || r.N >= n:
			f.strange++
			f.example = fmt.Sprintf("there is a record %d", r.N)
			continue
		case r != l.want(r.N):
			f.strange++
			f.example = fmt.Sprintf("record %d is %.200q at %d, want %.200q at %d", r.N, r.Text, r.Time, l.want(r.N).Text, l.want(r.N).Time)
		}
		if times[r.N]++; times[r.N] > 1 {
			f.doubled++
			continue
		}
		if r.N < last {
			f.disorder++
			f.example = fmt.Sprintf("record %d came after %d", r.N, last)
		}
		last = max(last, r.N)
	}
	for i, k := range times {
		if k == 0 {
			f.lost = append(f.lost, i)
		}
	}
	return f
}

// check fails the test if a server does not have the first n records: each exact, in
// order, and no more than so many of them again.
func (l load) check(t *testing.T, got []record, n, again int) {
	t.Helper()
	f := l.compare(got, n)
	if len(f.lost) > 0 || f.doubled > again || f.strange > 0 || f.disorder > 0 {
		t.Errorf("of %d records %d are lost %v, %d doubled (at most %d may be), %d strange, %d out of order: %s",
			n, len(f.lost), f.lost[:min(len(f.lost), 10)], f.doubled, again, f.strange, f.disorder, f.example)
		return
	}
	t.Logf("%d records are there, exact and in order, %d of them again (at most %d)", n, f.doubled, again)
}

func TestTheComparisonFindsWhatIsWrong(t *testing.T) {
	l := load{start: time.Unix(1_800_000_000, 1)}
	good := func() (all []record) {
		for n := range 50 {
			all = append(all, l.want(n))
		}
		return all
	}
	for name, c := range map[string]struct {
		spoil func([]record) []record
		found func(findings) bool
	}{
		"nothing":  {func(r []record) []record { return r }, func(f findings) bool { return len(f.lost)+f.doubled+f.strange+f.disorder == 0 }},
		"lost":     {func(r []record) []record { return append(r[:7], r[8:]...) }, func(f findings) bool { return len(f.lost) == 1 && f.lost[0] == 7 }},
		"doubled":  {func(r []record) []record { return append(r, r[3:6]...) }, func(f findings) bool { return f.doubled == 3 && f.disorder == 0 }},
		"text":     {func(r []record) []record { r[2].Text = "two lines"; return r }, func(f findings) bool { return f.strange == 1 }},
		"time":     {func(r []record) []record { r[2].Time++; return r }, func(f findings) bool { return f.strange == 1 }},
		"foreign":  {func(r []record) []record { return append(r, record{N: 50}) }, func(f findings) bool { return f.strange == 1 }},
		"disorder": {func(r []record) []record { r[8], r[9] = r[9], r[8]; return r }, func(f findings) bool { return f.disorder == 1 }},
	} {
		if f := l.compare(c.spoil(good()), 50); !c.found(f) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
