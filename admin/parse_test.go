package admin

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A parsed page: the families in their order, and all samples by their series,
// which is the name with its labels as Go prints a map.
type parsed struct {
	families []*parsedFamily
	samples  map[string]float64
}

type parsedFamily struct {
	name, kind, help string
	series           []series
}

type series struct {
	name   string
	labels map[string]string
	value  float64
}

func (s series) String() string { return s.name + fmt.Sprint(s.labels) }

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*`)
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*`)
)

// parse reads Prometheus' text format, version 0.0.4, more strictly than
// Prometheus does: every family has HELP, then TYPE, then all of its samples, and
// is there once; so is each series; nothing is spaced but by one blank.
func parse(page string) (*parsed, error) {
	p := &parsed{samples: make(map[string]float64)}
	if !strings.HasSuffix(page, "\n") {
		return nil, errors.New("the last line has no end")
	}
	for i, line := range strings.Split(strings.TrimSuffix(page, "\n"), "\n") {
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("line %d, %q: %w", i+1, line, err)
		}
	}
	for _, f := range p.families {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return p, nil
}

func (p *parsed) line(line string) error {
	if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
		name, help, _ := strings.Cut(rest, " ")
		if metricName.FindString(name) != name || help == "" {
			return errors.New("malformed HELP")
		}
		if slices.ContainsFunc(p.families, func(f *parsedFamily) bool { return f.name == name }) {
			return errors.New("a second HELP of the family")
		}
		help, err := unescape(help, `n`)
		p.families = append(p.families, &parsedFamily{name: name, help: help})
		return err
	}
	if len(p.families) == 0 {
		return errors.New("before the first HELP")
	}
	f := p.families[len(p.families)-1]
	if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
		name, kind, _ := strings.Cut(rest, " ")
		if name != f.name || f.kind != "" || len(f.series) > 0 || !slices.Contains([]string{"counter", "gauge", "histogram"}, kind) {
			return errors.New("malformed or misplaced TYPE")
		}
		f.kind = kind
		return nil
	}
	s, err := parseSample(line)
	if err != nil {
		return err
	}
	if _, twice := p.samples[s.String()]; twice {
		return errors.New("the series is there twice")
	}
	p.samples[s.String()] = s.value
	f.series = append(f.series, s)
	return nil
}

func parseSample(line string) (series, error) {
	s := series{name: metricName.FindString(line), labels: map[string]string{}}
	rest := line[len(s.name):]
	if s.name == "" {
		return s, errors.New("no name")
	}
	if strings.HasPrefix(rest, "{") {
		var err error
		if rest, err = s.parseLabels(rest[1:]); err != nil {
			return s, err
		}
	}
	number, ok := strings.CutPrefix(rest, " ")
	if !ok || strings.ContainsAny(number, " _") {
		return s, errors.New("want one blank, a number, and no time")
	}
	var err error
	s.value, err = strconv.ParseFloat(number, 64)
	return s, err
}

// parseLabels reads labels up to the closing brace and returns what follows it.
func (s series) parseLabels(rest string) (string, error) {
	for {
		name := labelName.FindString(rest)
		value, ok := strings.CutPrefix(rest[len(name):], `="`)
		if name == "" || !ok {
			return "", errors.New("malformed label")
		}
		end := closingQuote(value)
		if end < 0 {
			return "", errors.New("the label has no end")
		}
		text, err := unescape(value[:end], `n"`)
		if _, twice := s.labels[name]; twice || err != nil {
			return "", fmt.Errorf("label %s is there twice, or is malformed: %w", name, err)
		}
		s.labels[name] = text
		switch rest = value[end+1:]; {
		case strings.HasPrefix(rest, ","):
			rest = rest[1:]
		case strings.HasPrefix(rest, "}"):
			return rest[1:], nil
		default:
			return "", errors.New("after a label: want a comma or a brace")
		}
	}
}

// closingQuote returns where the first quote is that is not escaped.
func closingQuote(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// unescape undoes a backslash before one of the bytes; any other is an error.
func unescape(s, escaped string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) || !strings.Contains(`\`+escaped, s[i:i+1]) {
			return "", errors.New("unknown escape")
		}
		if s[i] == 'n' {
			b.WriteByte('\n')
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

func (f *parsedFamily) check() error {
	if f.kind == "" {
		return errors.New("no TYPE")
	}
	if (f.kind == "counter") != strings.HasSuffix(f.name, "_total") {
		return errors.New("_total is for counters, and they need it")
	}
	if f.kind == "histogram" {
		return f.checkHistogram()
	}
	for _, s := range f.series {
		switch {
		case s.name != f.name:
			return fmt.Errorf("%v is of another family", s)
		case f.kind == "counter" && (s.value < 0 || math.IsNaN(s.value)):
			return fmt.Errorf("%v is %v", s, s.value)
		}
	}
	return nil
}

// checkHistogram wants for each set of labels the buckets in ascending order and
// cumulative, then the sum, then the count, which is that of the bucket +Inf.
func (f *parsedFamily) checkHistogram() error {
	le, below := math.Inf(-1), 0.0
	for i, s := range f.series {
		switch s.name {
		case f.name + "_bucket":
			bound, err := strconv.ParseFloat(s.labels["le"], 64)
			if err != nil || bound <= le || s.value < below {
				return fmt.Errorf("%v is %v after %v up to %v", s, s.value, below, le)
			}
			le, below = bound, s.value
		case f.name + "_sum":
			if s.value < 0 {
				return fmt.Errorf("%v is %v", s, s.value)
			}
		case f.name + "_count":
			if !math.IsInf(le, 1) || s.value != below || f.series[i-1].name != f.name+"_sum" {
				return fmt.Errorf("%v is %v, and %v up to %v", s, s.value, below, le)
			}
			le, below = math.Inf(-1), 0
		default:
			return fmt.Errorf("%v is of another family", s)
		}
	}
	return nil
}

// sum adds up the samples of a name that have the labels, whatever others.
func (p *parsed) sum(name string, labels map[string]string) (sum float64) {
	for _, f := range p.families {
	series:
		for _, s := range f.series {
			for k, v := range labels {
				if s.labels[k] != v {
					continue series
				}
			}
			if s.name == name {
				sum += s.value
			}
		}
	}
	return sum
}
