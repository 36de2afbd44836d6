package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func examplePlot() plot {
	x := []float64{1, 2, 4, 8, 16, 32, 64}
	return plot{
		Name: "example", Title: "An example", XLabel: "goroutines", YLabel: "ns per call", LogX: true, LogY: true,
		Series: []series{
			{"fapilog, GOMAXPROCS 2", x, []float64{400, 450, 455, 460, 470, 480, 490}},
			{"fapilog, GOMAXPROCS 1", x, []float64{380, 381, 382, 383, 384, 385, 386}},
			{"zap & <co>, GOMAXPROCS 2", x, []float64{500, 700, 900, 1100, 1300, 1500, 1700}},
		},
	}
}

func TestPlotIsAWholeFileOfTextOnWhite(t *testing.T) {
	p := examplePlot()
	got, err := p.svg()
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for d := xml.NewDecoder(bytes.NewReader(got)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, got)
		}
		if chars, ok := token.(xml.CharData); ok {
			text = append(text, strings.TrimSpace(string(chars)))
		}
	}
	all := strings.Join(text, "\n")
	for _, want := range []string{p.Title, p.XLabel, p.YLabel, "\n64\n", "\n500\n", "\n1000\n", p.Series[0].Name, p.Series[2].Name} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in its text:\n%s", want, all)
		}
	}
	if !bytes.Contains(got, []byte("fill:#FFFFFF")) || !bytes.Contains(got, []byte(plotFamilies)) {
		t.Errorf("its ground or its fonts are missing:\n%.600s", got)
	}
	if len(got) > 30<<10 {
		t.Errorf("%d bytes are too many for a page", len(got))
	}
}

func TestSamePlotGivesTheSameBytes(t *testing.T) {
	first, err := examplePlot().svg()
	if err != nil {
		t.Fatal(err)
	}
	again, err := examplePlot().svg()
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("they differ, %v", err)
	}
}

func TestSeriesOfOneFamilyHaveOneColor(t *testing.T) {
	s := examplePlot().styles()
	if s[0].Color != s[1].Color || s[0].Color == s[2].Color {
		t.Errorf("colors %v", s)
	}
	if s[0].Dashes != nil || s[1].Dashes == nil || s[2].Dashes != nil {
		t.Errorf("dashes %v", s)
	}
}

func TestPlotThatCannotBeDrawnIsAnError(t *testing.T) {
	for mistake, p := range map[string]plot{
		"there are no points":           {},
		"has 1 X and 2 Y":               {Series: []series{{"a", []float64{1}, []float64{1, 2}}}},
		"axis X is logarithmic, and th": {LogX: true, Series: []series{{"a", []float64{0}, []float64{1}}}},
		"axis Y is logarithmic, and th": {LogY: true, Series: []series{{"a", []float64{1}, []float64{0}}}},
	} {
		if _, err := p.svg(); err == nil || !strings.Contains(err.Error(), mistake) {
			t.Errorf("%v, want %s", err, mistake)
		}
	}
}

func TestRoundValuesAreOneTwoAndFiveTimesPowersOfTen(t *testing.T) {
	for _, test := range []struct{ v, below, above float64 }{
		{1, 1, 1}, {1.1, 1, 2}, {2, 2, 2}, {3, 2, 5}, {5, 5, 5}, {7, 5, 10}, {0.02, 0.02, 0.02}, {0.3, 0.2, 0.5}, {999, 500, 1000}, {1000, 1000, 1000},
	} {
		if got := roundBelow(test.v); got != test.below {
			t.Errorf("below %v: %v, want %v", test.v, got, test.below)
		}
		if got := roundAbove(test.v); got != test.above {
			t.Errorf("above %v: %v, want %v", test.v, got, test.above)
		}
	}
}
