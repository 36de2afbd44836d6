package admin

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fapilog/fapilog"
)

func TestNumbersAreExact(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.005: "0.005", 2.5: "2.5", 1000000: "1000000", 9007199254740991: "9007199254740991",
		9007199254740992: "9.007199254740992e+15", 1e-7: "1e-07", 0.0001: "0.0001", 946684800.005: "946684800.005", math.Inf(1): "+Inf", -4: "-4",
	} {
		if got := string(appendNumber(nil, v)); got != want {
			t.Errorf("%v is written as %s, want %s", v, got, want)
		}
	}
}

func TestAHistogramIsCumulative(t *testing.T) {
	text := new(text)
	text.begin(family{name: "x_seconds", kind: "histogram", labels: []string{"sink"}, help: "X."})
	text.histogram(fapilog.Histogram{Bounds: []time.Duration{time.Millisecond, time.Second}, Counts: []uint64{1, 2, 4}, Sum: 1500 * time.Millisecond}, "a")
	const want = `# HELP x_seconds X.
# TYPE x_seconds histogram
x_seconds_bucket{sink="a",le="0.001"} 1
x_seconds_bucket{sink="a",le="1"} 3
x_seconds_bucket{sink="a",le="+Inf"} 7
x_seconds_sum{sink="a"} 1.5
x_seconds_count{sink="a"} 7
`
	if got := string(text.b); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if _, err := parse(string(text.b)); err != nil {
		t.Error(err)
	}
}

// The parser is the judge of the pages, so it has to find what is wrong.
func TestTheParserOfTheTestsIsStrict(t *testing.T) {
	const head = "# HELP x_total X.\n# TYPE x_total counter\n"
	const buckets = "# HELP h H.\n# TYPE h histogram\n"
	for name, page := range map[string]string{
		"no end of the last line":     head + `x_total 1`,
		"no HELP":                     "# TYPE x_total counter\nx_total 1\n",
		"no TYPE":                     "# HELP x_total X.\nx_total 1\n",
		"TYPE after a sample":         "# HELP x_total X.\nx_total 1\n# TYPE x_total counter\n",
		"a counter without _total":    "# HELP x X.\n# TYPE x counter\nx 1\n",
		"a gauge with _total":         "# HELP x_total X.\n# TYPE x_total gauge\nx_total 1\n",
		"a family twice":              head + "x_total 1\n" + head,
		"another family's sample":     head + "y_total 1\n",
		"a series twice":              head + "x_total{a=\"1\",b=\"2\"} 1\nx_total{b=\"2\",a=\"1\"} 1\n",
		"a label twice":               head + `x_total{a="1",a="2"} 1` + "\n",
		"a label without quotes":      head + "x_total{a=1} 1\n",
		"an unknown escape":           head + `x_total{a="\t"} 1` + "\n",
		"an open label":               head + `x_total{a="\"} 1` + "\n",
		"a bad label name":            head + `x_total{1a="x"} 1` + "\n",
		"a comma at the end":          head + `x_total{a="x",} 1` + "\n",
		"a bad number":                head + "x_total 1x\n",
		"a time":                      head + "x_total 1 123\n",
		"a negative counter":          head + "x_total -1\n",
		"no number":                   head + "x_total\n",
		"an empty line":               head + "\n",
		"buckets that go down":        buckets + "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
		"bounds that go down":         buckets + "h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
		"no +Inf":                     buckets + "h_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n",
		"a count that is not +Inf's":  buckets + "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n",
		"a histogram with a bare one": buckets + "h 1\n",
	} {
		if _, err := parse(page); err == nil {
			t.Errorf("%s: no error for\n%s", name, page)
		}
	}
	if p, err := parse(head + `x_total{a="\\\"\n}, {"} 1e+09` + "\n"); err != nil || p.samples["x_totalmap[a:\\\"\n}, {]"] != 1e9 {
		t.Errorf("%v, %v", p, err)
	}
}

func FuzzAnyLabelAndHelpIsReadBack(f *testing.F) {
	f.Add("stdout", "A meaning.")
	f.Add("a\\b\"c\nd}e,f=\"g\"", "back\\slash, \"quotes\"\nand a line")
	f.Add("\xff\xfe", "\\n")
	f.Add("\r\t\x00", "# TYPE x gauge")
	f.Fuzz(func(t *testing.T, label, help string) {
		if help == "" || !utf8.ValidString(help) {
			return // the table's helps are neither
		}
		text := new(text)
		text.begin(family{name: "x", kind: "gauge", labels: []string{"a", "b"}, help: help})
		text.sample(2, label, "b")
		p, err := parse(string(text.b))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text.b)
		}
		family := p.families[0]
		if family.help != help || len(family.series) != 1 || family.series[0].labels["a"] != strings.ToValidUTF8(label, "\uFFFD") || family.series[0].value != 2 {
			t.Errorf("%q and %q were read back as %+v", label, help, family)
		}
	})
}
