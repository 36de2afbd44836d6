package admin

import (
	"math"
	"strconv"
	"strings"

	"github.com/fapilog/fapilog"
)

// kindMetrics is the Content-Type of Prometheus' text format.
const kindMetrics = "text/plain; version=0.0.4; charset=utf-8"

// text writes Prometheus' text format 0.0.4, one family of samples after the
// other. See https://prometheus.io/docs/instrumenting/exposition_formats/.
type text struct {
	b      []byte
	family family // the one that was begun last
}

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// begin writes the head of a family. The samples that follow are its.
func (t *text) begin(f family) {
	t.family = f
	t.b = append(t.b, "# HELP "+f.name+" "+helpEscapes.Replace(f.help)+"\n"...)
	t.b = append(t.b, "# TYPE "+f.name+" "+f.kind+"\n"...)
}

// sample writes one sample of the family; values are those of its labels, in
// their order.
func (t *text) sample(value float64, values ...string) {
	t.line("", value, "", values)
}

// flag writes a sample that is 1 or 0.
func (t *text) flag(is bool, values ...string) {
	if is {
		t.sample(1, values...)
		return
	}
	t.sample(0, values...)
}

// histogram writes the samples of one histogram of the family.
func (t *text) histogram(h fapilog.Histogram, values ...string) {
	var below uint64 // or equal: buckets are cumulative
	for i, n := range h.Counts {
		below += n
		le := math.Inf(1)
		if i < len(h.Bounds) {
			le = h.Bounds[i].Seconds()
		}
		t.line("_bucket", float64(below), string(appendNumber(nil, le)), values)
	}
	t.line("_sum", h.Sum.Seconds(), "", values)
	t.line("_count", float64(below), "", values)
}

// line writes one sample. le is the bucket's bound; empty: it is no bucket.
func (t *text) line(suffix string, value float64, le string, values []string) {
	t.b = append(t.b, t.family.name+suffix...)
	opening := byte('{')
	label := func(name, value string) {
		t.b = append(t.b, opening)
		t.b = append(t.b, name+`="`+labelEscapes.Replace(strings.ToValidUTF8(value, "\uFFFD"))+`"`...)
		opening = ','
	}
	for i, name := range t.family.labels {
		label(name, values[i])
	}
	if le != "" {
		label("le", le)
	}
	if opening == ',' {
		t.b = append(t.b, '}')
	}
	t.b = append(t.b, ' ')
	t.b = append(appendNumber(t.b, value), '\n')
}

// appendNumber appends v as Prometheus reads it, without an exponent unless v is
// very large or very small.
func appendNumber(b []byte, v float64) []byte {
	switch size := math.Abs(v); {
	case math.IsInf(v, 1):
		return append(b, "+Inf"...)
	case size == 0 || size >= 1e-4 && size < 1<<53:
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}
